"""One pass: load, decide, apply, record, report.

`review` is the line without its last third: it decides and hands back what it decided. `apply` is one pass that
waits for what it started; the daemon takes the same steps again and again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from reconciler import doors
from reconciler.config.load import Loaded, load
from reconciler.core import event, guard, pause, plan, renaming, restore
from reconciler.core import rebuild as rebuilding
from reconciler.core import status as statuses
from reconciler.core.record import NOTHING
from reconciler.core.status import ConfigurationState, Status
from reconciler.errors import ConfigInvalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from reconciler.core.event import Event
    from reconciler.core.guard import Refusal
    from reconciler.core.ledger_place import LedgerPlace
    from reconciler.core.model import Desired
    from reconciler.core.plan import Decision
    from reconciler.core.ports import Clock
    from reconciler.core.rebuild import Adoption
    from reconciler.core.record import Recorded
    from reconciler.core.retention import Verdict
    from reconciler.effects.apply import Runner, Spawn
    from reconciler.effects.ledger import Ledger
    from reconciler.effects.lookout import Lookout
    from reconciler.effects.world import Doors, World

SHOWN = timedelta(days=90)  # tasks this recent are in the status file, and those whose set still exists
BAD_ENDS = frozenset({"failed", "lost", "unknown"})


class Paths(NamedTuple):
    plans: Path
    ledger: LedgerPlace
    status: Path


class Review(NamedTuple):
    """What a dry run shows. `compared` is false where there was no ledger to compare with."""

    desired: Desired
    decision: Decision
    refusals: tuple[Refusal, ...]
    compared: bool
    warnings: tuple[str, ...]


class Step(NamedTuple):
    """What one decision came to. `decision` is None where no configuration was ever good; `recorded` is what the
    ledger knew once it was taken.
    """

    loaded: Loaded
    refusals: tuple[Refusal, ...]
    configuration: ConfigurationState
    decision: Decision | None
    recorded: Recorded


class Outcome(NamedTuple):
    """What an applied pass came to; `failures` are the things that ended badly, in words."""

    loaded: Loaded
    refusals: tuple[Refusal, ...]
    failures: tuple[str, ...]
    idle: bool = False


def review(paths: Paths, now: datetime) -> Review:
    """Decides and changes nothing. Raises ConfigInvalid with every problem."""
    loaded = load(paths.plans)
    if loaded.desired is None:
        raise ConfigInvalid(loaded.problems)
    recorded = _recorded(paths.ledger, loaded.desired, now)
    known = recorded or NOTHING
    decision = plan.decide(loaded.desired, known, now, review=recorded is not None)
    warnings = tuple(map(str, loaded.problems))
    return Review(loaded.desired, decision, _refusals(loaded.desired, known), recorded is not None, warnings)


def apply(
    paths: Paths, clock: Clock, say: Callable[[Event], None], tick: Callable[[dict[str, int]], None], *,
    simulated: bool,
) -> Outcome:  # fmt: skip
    """Reads, decides, does, waits for what it started, and writes the status file (T1, T3, T4).

    `say` is given each thing that happened, `tick` what runs and how far it is, in per cent, twice a second; what
    `tick` raises ends the waiting, and what still runs is gone on with by the next pass.
    """
    with doors.ledger_to_write(paths.ledger, clock, simulated=simulated) as ledger:
        passing = Pass(paths, clock, ledger, say)
        step = passing.step(load(paths.plans))
        if step.decision is None:
            passing.write_status(step, {})
            return Outcome(step.loaded, step.refusals, ())
        idle = step.decision.is_idle
        failures = _followed(passing, step, tick)
        if step.decision.actions.looks:  # what waited for them can go on
            step = passing.step(step.loaded)
            failures = tuple(dict.fromkeys((*failures, *_followed(passing, step, tick))))
        faults = tuple(fault.message for fault in step.decision.faults) if step.decision else ()
        return Outcome(step.loaded, step.refusals, (*faults, *failures), idle)


def inventory(paths: Paths, now: datetime) -> tuple[Adoption, ...]:
    """What the declared storages hold, as a ledger would take it; changes nothing."""
    desired = _good(paths)
    opened = (doors.open_storage(desired, name) for name in sorted(desired.storages))
    return tuple(rebuilding.adoption(item.inventory(desired.installation), desired, now) for item in opened)


def rebuild(
    paths: Paths, clock: Clock, say: Callable[[Event], None], *, simulated: bool
) -> tuple[Adoption, ...]:
    """Looks into every declared storage anew, and gives back what was new to the ledger (T2).

    The requests of the file are recorded before, so that each that is found unclaimed waits for approval (R8).
    """
    from reconciler.effects.look import look_into  # noqa: PLC0415

    desired = _good(paths)
    with doors.ledger_to_write(paths.ledger, clock, simulated=simulated) as ledger:
        passing = Pass(paths, clock, ledger, say)
        passing.record_requests(desired)
        world = passing.world(desired)
        return tuple(look_into(world, name) for name in sorted(desired.storages))


def _good(paths: Paths) -> Desired:
    loaded = load(paths.plans)
    if loaded.desired is None:
        raise ConfigInvalid(loaded.problems)
    return loaded.desired


def _followed(passing: Pass, step: Step, tick: Callable[[dict[str, int]], None]) -> tuple[str, ...]:
    """What failed, once all that the step started has ended."""
    written = -1
    busy = True
    while busy:
        passing.pass_wishes_on(step)
        if passing.runner.progress.version != written:
            written = passing.runner.progress.version
            passing.write_status(step, passing.runner.progress.snapshot())
        tick(passing.runner.progress.snapshot())
        busy = passing.runner.wait(0.5)
    report = passing.write_status(step, {})
    unwritten = (passing.unwritten,) if passing.unwritten else ()
    return (*passing.runner.failures, *_bad_ends(step, report), *unwritten)


class Pass:
    """What steps share: the ledger, which is held, and the runner of what they start."""

    def __init__(
        self, paths: Paths, clock: Clock, ledger: Ledger, say: Callable[[Event], None], *,
        opened: Doors | None = None, spawn: Spawn | None = None, look: float = 1.0,
    ) -> None:  # fmt: skip
        """`opened` and `spawn` stand for the drivers and threads that are used otherwise; `look` is World's."""
        from reconciler.effects.apply import Runner, in_a_thread  # noqa: PLC0415
        from reconciler.effects.lookout import Lookout  # noqa: PLC0415
        from reconciler.effects.world import Doors  # noqa: PLC0415

        self.paths, self.clock, self.ledger, self.say = paths, clock, ledger, say
        self._opened = opened or Doors(doors.open_engine, doors.open_storage)
        self._look = look
        self.runner: Runner = Runner(clock, say, spawn or in_a_thread)
        self.lookout: Lookout = Lookout(clock, ledger)
        self.unwritten: str | None = None  # why the newest status is not in its file

    def step(self, loaded: Loaded) -> Step:
        """Decides, records, and starts what follows.

        A configuration that cannot be used, or is refused, leaves the last good one in force (P6, P7).
        """
        now = self._now()
        recorded = self.ledger.read(loaded.desired, now)
        refusals = _refusals(loaded.desired, recorded) if loaded.desired else ()
        configuration = _configuration(self.paths.plans, loaded, refusals)
        desired = recorded.configuration if refusals or loaded.desired is None else loaded.desired
        if desired is None:
            return Step(loaded, refusals, configuration, None, recorded)
        doubt = pause.behind(recorded.seen_at, now)
        if doubt is not None:
            self.lookout.doubt(desired, doubt)
        decision = self._decided(desired, recorded, now)
        self.runner.carry_out(decision.actions, desired.limits, self.world(desired))
        return Step(loaded, refusals, configuration, decision, decision.after._replace(configuration=desired))

    def pass_wishes_on(self, step: Step) -> None:
        """Tells running work what somebody wants stopped (R6)."""
        wished = step.decision.actions.cancellations if step.decision else frozenset()
        self.runner.progress.wish(wished | self.ledger.wishes())

    def write_status(
        self, step: Step, progress: dict[str, int], next_write_by: datetime | None = None, *, just_now: bool = False
    ) -> Status:
        """The status as it is now; where its file cannot be written, `unwritten` says why and work goes on.

        `just_now`: nothing but the step has changed since, so that the ledger need not be read again.
        """
        from reconciler.effects import status_file  # noqa: PLC0415
        from reconciler.report import status_json  # noqa: PLC0415

        now = self._now()
        if just_now and step.decision is not None:
            recorded, verdicts = step.recorded, step.decision.verdicts
        else:
            recorded = self.ledger.read(None, now)
            verdicts = _verdicts(recorded, now)
        report = statuses.status(
            step.configuration, recorded, self.ledger.recent_tasks(now - SHOWN), verdicts, now,
            progress=progress, warnings=step.decision.warnings if step.decision else (),
            next_write_by=next_write_by, pauses=self.lookout.pauses,
        )  # fmt: skip
        try:
            status_file.write(self.paths.status, status_json.document(report))
            self.unwritten = None
        except status_file.StatusNotWritten as error:
            self.unwritten = str(error)
        return report

    def _decided(self, desired: Desired, recorded: Recorded, now: datetime) -> Decision:
        """The decision, its rows recorded before anything is begun, and said."""
        decision = plan.decide(desired, recorded, now)
        if desired == recorded.configuration:
            self.ledger.record(decision.rows, now)
        else:
            self.ledger.accept(desired, decision.rows, now)
        for happened in event.settled(decision):
            self.say(happened)
        return decision

    def record_requests(self, desired: Desired) -> None:
        """The restores that are asked for, and nothing else of what a step records."""
        now = self._now()
        requests = restore.revised(desired, self.ledger.read(desired, now), now, all_seen=False)
        self.ledger.record(plan.Rows(restores=requests), now)

    def world(self, desired: Desired) -> World:
        from reconciler.effects.world import World  # noqa: PLC0415

        return World(desired, self.ledger, self.clock, self._opened, self.lookout, self.say, self._look)

    def _now(self) -> datetime:
        return self.clock.now().replace(microsecond=0)


def _bad_ends(step: Step, report: Status) -> tuple[str, ...]:
    """What this step started, or went on with, that ended badly."""
    if step.decision is None:
        return ()
    started = {item.task.id for item in step.decision.actions.backups}
    started |= {item.task.id for item in step.decision.actions.restores}
    ends = [(task.id, task.state, task.reason) for item in report.warehouses for task in item.tasks]
    ends += [(task.id, task.state, task.reason) for task in report.restores]
    return tuple(
        f"{subject} {state}: {reason}" for subject, state, reason in ends
        if subject in started and state in BAD_ENDS
    )  # fmt: skip


def _recorded(place: LedgerPlace, desired: Desired, now: datetime) -> Recorded | None:
    with doors.ledger_for_reading(place) as connection:
        if connection is None:
            return None
        from reconciler.effects.ledger import reading  # noqa: PLC0415

        return reading.recorded(connection, desired, now)


def _refusals(desired: Desired, recorded: Recorded) -> tuple[Refusal, ...]:
    return guard.refusals(desired, renaming.renamed(recorded, renaming.renamings(desired, recorded), desired))


def _configuration(path: Path, loaded: Loaded, refusals: tuple[Refusal, ...]) -> ConfigurationState:
    state = "refused" if refusals else "accepted" if loaded.desired else "invalid"
    messages = tuple(item.message for item in refusals) or tuple(map(str, loaded.errors))
    return ConfigurationState(str(path), loaded.digest, loaded.revision, state, messages)


def _verdicts(recorded: Recorded, now: datetime) -> tuple[Verdict, ...]:
    if recorded.configuration is None:
        return ()
    return plan.decide(recorded.configuration, recorded, now).verdicts

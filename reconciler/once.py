"""One pass: load, decide, apply, record, report.

`review` is the line without its last third: it decides and hands back what it decided.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from reconciler import doors
from reconciler.config.load import Loaded, load
from reconciler.core import guard, plan, renaming
from reconciler.core import status as statuses
from reconciler.core.record import NOTHING
from reconciler.core.status import ConfigurationState, Status
from reconciler.errors import ConfigInvalid, Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from reconciler.core.guard import Refusal
    from reconciler.core.model import Desired
    from reconciler.core.plan import Decision
    from reconciler.core.ports import Clock
    from reconciler.core.record import Recorded
    from reconciler.core.retention import Verdict
    from reconciler.effects.apply import Runner
    from reconciler.effects.ledger import Ledger
    from reconciler.effects.world import World

SHOWN = timedelta(days=90)  # tasks this recent are in the status file, and those whose set still exists
BAD_ENDS = frozenset({"failed", "lost", "unknown"})


class Paths(NamedTuple):
    plans: Path
    ledger: Path
    status: Path


class Review(NamedTuple):
    """What a dry run shows. `compared` is false where there was no ledger to compare with."""

    desired: Desired
    decision: Decision
    refusals: tuple[Refusal, ...]
    compared: bool
    warnings: tuple[str, ...]


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
    paths: Paths, clock: Clock, say: Callable[[str], None], tick: Callable[[dict[str, int]], None], *,
    simulated: bool,
) -> Outcome:  # fmt: skip
    """Reads, decides, does, waits for what it started, and writes the status file (T1, T3, T4).

    `say` is given a line for each thing that happened, `tick` what runs and how far it is, in per cent.
    """
    from reconciler.effects.ledger import Lease, Ledger, open_to_write  # noqa: PLC0415

    with Lease(paths.ledger), contextlib.ExitStack() as stack:
        ledger = Ledger(open_to_write(paths.ledger, simulated=simulated), paths.ledger)
        stack.callback(ledger.close)
        return Pass(paths, clock, ledger, say).run(tick)


class Pass:
    """One pass over a ledger that is held."""

    def __init__(self, paths: Paths, clock: Clock, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._paths, self._clock, self._ledger, self._say = paths, clock, ledger, say
        self._unwritten: str | None = None  # why the newest status is not in its file

    def run(self, tick: Callable[[dict[str, int]], None]) -> Outcome:
        """A configuration that cannot be used, or is refused, leaves the last good one in force (P6, P7)."""
        loaded = load(self._paths.plans)
        now = self._now()
        recorded = self._ledger.read(loaded.desired, now)
        refusals = _refusals(loaded.desired, recorded) if loaded.desired else ()
        configuration = _configuration(self._paths.plans, loaded, refusals)
        desired = recorded.configuration if refusals or loaded.desired is None else loaded.desired
        if desired is None:
            self._write(configuration, {}, ())
            return Outcome(loaded, refusals, ())
        self._refuse_unknown_sets(desired)
        decision = self._decided(desired, recorded, now)
        failures = self._carried_out(decision, desired, configuration, tick)
        faults = tuple(fault.message for fault in decision.faults)
        return Outcome(loaded, refusals, (*faults, *failures), decision.is_idle)

    def _decided(self, desired: Desired, recorded: Recorded, now: datetime) -> Decision:
        """The decision, its rows recorded before anything is begun, and said."""
        from reconciler.report import plan_text  # noqa: PLC0415

        decision = plan.decide(desired, recorded, now)
        if desired is recorded.configuration:
            self._ledger.record(decision.rows, now)
        else:
            self._ledger.accept(desired, decision.rows, now)
        for line in plan_text.settled(decision):
            self._say(line)
        return decision

    def _carried_out(
        self, decision: Decision, desired: Desired, configuration: ConfigurationState,
        tick: Callable[[dict[str, int]], None],
    ) -> tuple[str, ...]:  # fmt: skip
        """What failed, once all that was started has ended."""
        from reconciler.effects.apply import Runner  # noqa: PLC0415

        runner = Runner(desired.limits, self._say)
        runner.carry_out(decision.actions, self._world(desired))
        self._follow(runner, configuration, decision, tick)
        report = self._write(configuration, {}, decision.warnings)
        unwritten = (self._unwritten,) if self._unwritten else ()
        return (*runner.failures, *_bad_ends(decision, report), *unwritten)

    def _follow(
        self, runner: Runner, configuration: ConfigurationState, decision: Decision,
        tick: Callable[[dict[str, int]], None],
    ) -> None:  # fmt: skip
        """Until all is done: passes wishes on, writes the status when something changed."""
        written = -1
        busy = True
        while busy:
            runner.progress.wish(decision.actions.cancellations | self._ledger.wishes())
            if runner.progress.version != written:
                written = runner.progress.version
                progress = runner.progress.snapshot()
                self._write(configuration, progress, decision.warnings)
                tick(progress)
            busy = runner.wait(0.5)

    def _write(
        self, configuration: ConfigurationState, progress: dict[str, int], warnings: tuple[str, ...]
    ) -> Status:
        from reconciler.effects import status_file  # noqa: PLC0415
        from reconciler.report import status_json  # noqa: PLC0415

        now = self._now()
        recorded = self._ledger.read(None, now)
        report = statuses.status(
            configuration, recorded, self._ledger.recent_tasks(now - SHOWN), _verdicts(recorded, now), now,
            progress=progress, warnings=warnings,
        )  # fmt: skip
        try:
            status_file.write(self._paths.status, status_json.document(report))
            self._unwritten = None
        except status_file.StatusNotWritten as error:
            self._unwritten = str(error)  # work that runs goes on; the command ends with a failure
        return report

    def _world(self, desired: Desired) -> World:
        from reconciler.effects.world import Doors, World  # noqa: PLC0415

        opened = Doors(doors.open_engine, doors.open_storage)
        return World(desired, self._ledger, self._clock, opened, self._say)

    def _refuse_unknown_sets(self, desired: Desired) -> None:
        """An empty ledger beside sets of this installation is a lost ledger, not a new installation (T2)."""
        if not self._ledger.is_empty():
            return
        for name in sorted(desired.storages):
            found = doors.open_storage(desired, name).survey(desired.installation)
            if found.sets or found.claims:
                raise Refused(
                    f"the ledger {self._paths.ledger} is empty, but storage {name} holds {found.sets} backup "
                    f"sets and {found.claims} restore claims of installation {desired.installation}. Nothing "
                    f"was started or removed. Bring back the ledger that made them, or name it with --ledger"
                )

    def _now(self) -> datetime:
        return self._clock.now().replace(microsecond=0)


def _bad_ends(decision: Decision, report: Status) -> tuple[str, ...]:
    """What this pass started, or went on with, that ended badly."""
    started = {item.task.id for item in decision.actions.backups}
    started |= {item.task.id for item in decision.actions.restores}
    ends = [(task.id, task.state, task.reason) for item in report.warehouses for task in item.tasks]
    ends += [(task.id, task.state, task.reason) for task in report.restores]
    return tuple(
        f"{subject} {state}: {reason}" for subject, state, reason in ends
        if subject in started and state in BAD_ENDS
    )  # fmt: skip


def _recorded(path: Path, desired: Desired, now: datetime) -> Recorded | None:
    with doors.ledger_for_reading(path) as connection:
        if connection is None:
            return None
        from reconciler.effects.ledger import reading  # noqa: PLC0415

        return reading.recorded(connection, desired, now)


def _refusals(desired: Desired, recorded: Recorded) -> tuple[Refusal, ...]:
    return guard.refusals(desired, renaming.renamed(recorded, renaming.renamings(desired, recorded)))


def _configuration(path: Path, loaded: Loaded, refusals: tuple[Refusal, ...]) -> ConfigurationState:
    state = "refused" if refusals else "accepted" if loaded.desired else "invalid"
    messages = tuple(item.message for item in refusals) or tuple(map(str, loaded.errors))
    return ConfigurationState(str(path), loaded.digest, loaded.revision, state, messages)


def _verdicts(recorded: Recorded, now: datetime) -> tuple[Verdict, ...]:
    if recorded.configuration is None:
        return ()
    return plan.decide(recorded.configuration, recorded, now).verdicts

"""Bugs put back on purpose, one for each way in which backup tools are known to fail: the simulation must find each.

A bug is a piece of the source exchanged for another while it is imported; one whose piece is gone fails loudly.
`python tests/simulation/planted.py [NAME …] [--seeds N]` looks for each among the first N lives.
"""

import argparse
import importlib.machinery
import importlib.util
import multiprocessing
import os
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent))
ROOT = Path(__file__).parents[2]
SEEDS, OFTEN = 1000, 4


class Bug(NamedTuple):
    """`seed` is a life in which it is known to show: one with all kinds of faults or, where `kinds` are given, one that has
    those alone, and has them `OFTEN`. `more` are pieces of a second guard, where two of them stand in the way of the bug.
    """

    name: str
    path: str
    old: str
    new: str
    seed: int = 0
    kinds: tuple[str, ...] = ()
    more: tuple[tuple[str, str, str], ...] = ()

    @property
    def pieces(self) -> tuple[tuple[str, str, str], ...]:
        """Each with its path, the source, and what takes its place."""
        return ((self.path, self.old, self.new), *self.more)


BUGS = (
    Bug("a local hour that comes twice runs its slot twice", "reconciler/core/calendar.py",
        "            slot = _instant(day, start, place)\n            if slot is not None and slot > after:\n                yield slot\n",
        "            for fold in (0, 1):\n                slot = datetime.combine(day, start, place).replace(fold=fold).astimezone(UTC)\n"
        "                if slot > after:\n                    after = slot\n                    yield slot\n", 9),
    Bug("a slot in a skipped hour is lost", "reconciler/core/calendar.py",
        "    return end if exists else None", "    return None",
        seed=5, kinds=("local time changes",)),
    Bug("all missed slots are made up for", "reconciler/core/due.py",
        "    if task.slot < newest:\n", "    if False:\n", 7),
    Bug("missed slots leave no record", "reconciler/core/due.py",
        "    return tuple(task for task in settled if task not in own)",
        '    return tuple(task for task in settled if task not in own and task.state != "missed")', 16),
    Bug("a slot runs beside the one before it", "reconciler/core/due.py",
        "    if running is not None:\n", "    if False:\n", 33),
    Bug("a disabled plan fires", "reconciler/core/due.py",
        "    if not plan.enabled:\n", "    if False:\n", 4),
    Bug("an edit drops the slots that were due before it", "reconciler/core/takeover.py",
        "        own = _settled(known, standing.get(name, ()), recorded, now, unseen)\n",
        "        own = () if name in changed else _settled(known, standing.get(name, ()), recorded, now, unseen)\n", 11),
    Bug("a new plan makes up for the time before it", "reconciler/core/due.py",
        "        return noted\n    start = plan", "        return noted - timedelta(days=2)\n    start = plan", 1),
    Bug("a clock that went back fires its slots again", "reconciler/core/due.py",
        "        if (revision.warehouse, slot) not in ahead\n", "        if True\n", 2),
    Bug("what a clock that was ahead passed over stays so", "reconciler/effects/ledger/moments.py",
        "            if steps.noted_at(connection, now) > now:\n", "            if False:\n", 2),
    Bug("the last good set goes", "reconciler/core/retention.py",
        '        else "keep_last" if item.id in newest\n', "", 1),
    Bug("a hold is not seen", "reconciler/core/retention.py",
        '        "hold" if item.id in held\n        else ', "        ", 6),
    Bug("a hold that goes counts no day longer", "reconciler/core/retention.py",
        "hold.gone_at + GRACE <= now", "hold.gone_at <= now", 6),
    Bug("a shorter retention counts at once", "reconciler/core/retention.py",
        "    return max(_expiry_by(item, rules[-1]), *former, item.completed_at)",
        "    return max(_expiry_by(item, rules[-1]), item.completed_at)", 3),
    Bug("sets are removed under a restore", "reconciler/effects/ledger/removals.py",
        "            if connection.execute(needed).scalar():\n                return False\n", "",
        more=(("reconciler/core/plan.py", "    needed = frozenset(item.id for item in chosen if item is not None)\n",
               "    needed: frozenset[str] = frozenset()\n"),),
        seed=2, kinds=("restore asked as its set goes", "restore asked", "storage slow")),
    Bug("a grace day is measured by a clock that is wrong", "reconciler/core/record.py",
        "        return now if self.seen_at is None else max(now, self.seen_at)", "        return now",
        seed=3, kinds=("hold set or taken away", "clock jumps back", "plan edited")),
    Bug("removal goes on by a clock that is wrong", "reconciler/effects/lookout.py",
        "            or clock\n", "            or None\n", 2),
    Bug("removal goes on right after a rebuild", "reconciler/effects/lookout.py",
        "            or pause.rebuild_pause(rebuilt_at, now)\n", "", 7),
    Bug("a ledger that is not the storage's own removes", "reconciler/core/pause.py",
        "    if mark.ledger == own:\n", "    if True:\n", 3),
    Bug("a rebuilt ledger forgets used ids", "reconciler/effects/ledger/adopting.py",
        "        restores=_add_claims(connection, found.restores),\n", "        restores=(),\n", 3),
    Bug("a storage that is new to the ledger is not looked into", "reconciler/core/actions.py",
        "    return tuple(name for name, item in sorted(desired.storages.items()) if seen.get(name) != guard.place(item))",
        "    return ()", 29),
    Bug("the claim is taken after the work", "reconciler/effects/restore.py",
        "    if not job.storage.claim(job.world.desired.installation, job.task.id, job.claim_content()):\n"
        "        _refuse_foreign_claim(job)\n", "", 1),
    Bug("a claim that is taken is taken again", "reconciler/storage/sets.py",
        "        return self._store.create(naming.claim_key(installation, restore_id), _dump(content))",
        "        self._store.put(naming.claim_key(installation, restore_id), _dump(content))\n        return True",
        seed=1, kinds=("restore asked", "storage request repeated")),
    Bug("a manifest is written before its data", "reconciler/effects/backup.py",
        "    made = engine.backup(order, task.attempt, folder, job.watch)\n",
        "    storage.write_note(job.place.manifest, {})\n    made = engine.backup(order, task.attempt, folder, job.watch)\n", 1),
    Bug("a manifest overwrites another", "reconciler/storage/sets.py",
        "        if self._store.create(manifest.place.manifest, _dump(manifests.to_document(manifest))):\n            return manifest\n",
        "        self._store.put(manifest.place.manifest, _dump(manifests.to_document(manifest)))\n        return manifest\n", 24),
    Bug("data goes before its manifest", "reconciler/storage/sets.py",
        "        removal = self._remove(place.prefix, (place.manifest,))\n        return removal if removal.retained else self._remove_below(place.prefix)",
        "        return self._remove_below(place.prefix)", 1),
    Bug("owner marks go first", "reconciler/storage/sets.py",
        "            data = [tuple(key for key in keys if not _is_owner(key)) for keys in window]\n",
        "            self._remove(prefix, tuple(owners))\n            data = [tuple(key for key in keys if not _is_owner(key)) for keys in window]\n", 1),
    Bug("a prefix ends without its slash", "reconciler/core/naming.py",
        '        return f"{self.prefix}{number}/"', '        return f"{self.prefix}{number}"', 1),
    Bug("errors of single keys are not read", "reconciler/storage/s3.py",
        '        errors = [item for item in answer.get("Errors", ()) if item.get("Code") not in ABSENT]\n',
        "        errors: list[dict[str, str]] = []\n", 1),
    Bug("what a lock retains counts as removed", "reconciler/effects/removal.py",
        '    state = "retained_by_lock" if removal.retained else "removed"', '    state = "removed"', 28),
    Bug("a listing ends at its first page", "reconciler/storage/s3.py",
        '            where = where | _next_page(page) if page.get("IsTruncated") else None', "            where = None", 3),
    Bug("leftovers of a try are forgotten", "reconciler/effects/ledger/steps.py",
        '        .values(state="leftover", removable_at=now)', '        .values(state="removed", removable_at=now)', 39),
    Bug("a leftover that a manifest names is removed", "reconciler/effects/removal.py",
        "    if manifest is not None and leftover.attempt in manifest.attempts:\n", "    if False:\n",
        seed=35, kinds=("kill before a ledger write", "down for days", "storage throttled")),
    Bug("a crash begins the server's work anew beside what runs", "reconciler/effects/ledger/backups.py",
        "            if go_on and steps.is_open(connection, task):\n", "            if False:\n", 2),
    Bug("a restore begins from a set that goes", "reconciler/effects/ledger/restores.py",
        '            if steps.row(connection, tables.sets, task.backup_set or "")["state"] != "present":\n',
        "            if False:\n",
        seed=1, kinds=("restore asked as its set goes", "storage slow", "storage hangs")),
    Bug("a request is over before its claim was looked for", "reconciler/core/plan.py",
        "        restores=restore.revised(desired, recorded, now, all_seen=not unseen),\n",
        "        restores=restore.revised(desired, recorded, now),\n", 45),
    Bug("what a server still does for a failed task is forgotten", "reconciler/effects/backup.py",
        "    elif begun and job.entry.engine not in LOCAL_ENGINES:\n", "    elif False:\n",
        seed=8, kinds=("credentials expired", "job slow", "statement lost after", "warehouse hangs")),
    Bug("a task ends under the name that it began with", "reconciler/effects/ledger/backups.py",
        "[task._replace(warehouse=name)._asdict()]", "[task._asdict()]",
        seed=5, kinds=("plan renamed", "job slow", "job stuck")),
    Bug("a start that was past runs before every storage is looked into", "reconciler/core/takeover.py",
        "    return () if unseen and was_past else due.settle(", "    return due.settle(",
        seed=9, kinds=("plan edited", "kill at a warehouse", "ledger lost", "plan renamed", "storage error before", "restore asked")),
    Bug("a second renaming is forgotten with the ledger", "reconciler/core/rebuild.py",
        "    return {home: declared.get(item.name, item.name) for home, item in homes.items()}",
        "    return {home: declared.get(home, home) if item.name == home else item.name for home, item in homes.items()}",
        seed=39, kinds=("plan renamed", "kill at a warehouse", "ledger lost")),
    Bug("the day after a rebuild is measured by a clock that is behind", "reconciler/effects/look.py",
        "    return max(now, other or now)", "    return now",
        seed=30, kinds=("clock jumps back", "kill at a warehouse", "ledger lost", "storage error before")),
    Bug("a removal that has begun goes on under a hold", "reconciler/core/actions.py",
        "    return item.removable and not waits",
        '    return (item.removable or item.backup_set.state == "removing") and not waits',
        seed=4, kinds=("hold set or taken away", "storage refuses a key", "plan edited")),
    Bug("a clock that was set is seen at the next pass only", "reconciler/daemon.py",
        " or abs(by_wall - by_monotonic) > TOLERANCE.total_seconds()", "",
        seed=45, kinds=("clock jumps ahead",)),
    Bug("an edited request changes what runs", "reconciler/core/restore.py",
        ' or known.state == "running":\n', ":\n",
        more=(("reconciler/effects/ledger/steps.py", "    return tuple(item for item in decided if item.id not in running)\n",
               "    return decided\n"),),
        seed=9, kinds=("restore asked", "restore edited", "storage slow", "storage error before")),
    Bug("while removals wait no slot is looked for", "reconciler/daemon.py",
        "        return min(soon, expected) if self._pass.lookout.pauses else expected\n",
        "        return soon if self._pass.lookout.pauses else expected\n",
        seed=30, kinds=("kill at a warehouse", "ledger lost")),
    Bug("a job that hangs blocks its warehouse for ever", "reconciler/effects/world.py",
        "        if self._clock.monotonic() > self._deadline:\n", "        if False:\n",
        seed=1, kinds=("job stuck",)),
    Bug("a task is over while its job still runs", "reconciler/effects/backup.py",
        "    if job.entry.engine in LOCAL_ENGINES:\n        return _give_up(job, task, stop)\n",
        "    if True:\n        return _give_up(job, task, stop)\n",
        seed=29, kinds=("job slow", "cancelled by command", "statement lost before", "statement lost after")),
    Bug("what may pass fails the task", "reconciler/effects/backup.py",
        "    if not may_pass(error):\n", "    if True:\n",
        seed=2, kinds=("statement lost before", "statement refused for now")),
    Bug("a backup and a restore at once in one warehouse", "reconciler/effects/apply.py",
        "            and work.warehouse not in busy\n", "", 30),
    Bug("an empty file ends every plan", "reconciler/core/guard.py",
        "    if not ended or (len(desired.planned)", "    if True or (len(desired.planned)",
        seed=1, kinds=("plans emptied",)),
    Bug("a broken file stops what is due", "reconciler/once.py",
        "        desired = recorded.configuration if refusals or loaded.desired is None else loaded.desired\n",
        "        desired = None if loaded.desired is None else loaded.desired\n",
        seed=1, kinds=("plans broken",)),
    Bug("a renaming loses the sets", "reconciler/effects/ledger/steps.py",
        "    for table in (tables.plans, tables.tasks, tables.sets):\n", "    for table in (tables.plans, tables.tasks):\n", 1),
    Bug("the beat dies of a full disk", "reconciler/effects/ledger/faults.py",
        "    except SQLAlchemyError as error:\n", "    except ZeroDivisionError as error:\n",
        seed=1, kinds=("ledger disk full",)),
    Bug("a request that was taken out meanwhile runs", "reconciler/effects/ledger/restores.py",
        '            if (known["state"], known["digest"]) != ("pending", task.digest):\n', "            if False:\n",
        seed=1, kinds=("restore asked", "restore withdrawn", "storage hangs", "storage slow")),
)


class Exchanged(importlib.machinery.SourceFileLoader):
    """Loads a module with a piece of the bug in it."""

    piece: tuple[str, str, str]

    def get_data(self, path: str) -> bytes:
        source = super().get_data(path)
        if not path.endswith(".py"):
            return source
        text, (own, old, new) = source.decode(), self.piece
        assert text.count(old) == 1, f"{own} has {text.count(old)} times: {old}"
        return text.replace(old, new).encode()

    def path_stats(self, path: str) -> dict[str, Any]:
        raise OSError("no bytecode of it is kept or used")


def plant(bug: Bug) -> None:
    """Before anything of the product is imported."""
    pieces = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): (path, old, new) for path, old, new in bug.pieces}

    class Finder:
        @staticmethod
        def find_spec(name: str, *_: Any) -> Any:
            if name not in pieces:
                return None
            path = ROOT / pieces[name][0]
            loader = Exchanged(name, str(path))
            loader.piece = pieces[name]
            return importlib.util.spec_from_file_location(name, path, loader=loader)

    sys.meta_path.insert(0, Finder)


def found_by(bug: Bug, seeds: int) -> tuple[int, str] | None:
    """The first life that shows the bug, its own known one first. Runs in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_searched, (bug, seeds))


def searched_for(bug: Bug, seeds: int) -> tuple[Bug, tuple[int, str] | None]:
    return bug, found_by(bug, seeds)


def _searched(bug: Bug, seeds: int) -> tuple[int, str] | None:
    plant(bug)
    for seed in ((bug.seed,) if bug.seed else ()) + tuple(range(1, seeds + 1)):
        violation = life_for(bug, seed).run().violation
        if violation:
            return seed, violation
    return None


def life_for(bug: Bug, seed: int) -> Any:
    """A life with the faults that the bug needs. Imports the product."""
    from life import Life

    return Life(seed, kinds=frozenset(bug.kinds), often=OFTEN) if bug.kinds else Life(seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args()
    wanted = [bug for bug in BUGS if not given.names or any(name in bug.name for name in given.names)]
    missed = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for search in as_completed({pool.submit(searched_for, bug, given.seeds) for bug in wanted}):
            bug, found = search.result()
            print(f"{bug.name}: {f'seed {found[0]}: {found[1][:120]}' if found else 'NOT FOUND'}", flush=True)
            missed += [] if found else [bug.name]
    print(f"{len(wanted) - len(missed)} of {len(wanted)} planted bugs found within {given.seeds} lives")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())

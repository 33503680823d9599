"""What goes wrong, by seed: each kind of fault is active in some lives only, and strikes now and then in those.

Two steps, as in FoundationDB's BUGGIFY (its documentation, "Simulation and Testing"): rare faults meet each other
only where each life has few kinds and those often.
"""

import random
from collections import Counter

# How often each kind strikes where it is active: per opportunity, which is the request, statement or hour at hand.
KINDS = {
    "kill before a ledger write": 0.02,
    "kill after a ledger write": 0.02,
    "kill before a storage request": 0.01,
    "kill after a storage request": 0.01,
    "kill at a warehouse": 0.03,
    "ledger lost": 0.3,  # of a kill
    "ledger disk full": 0.01,
    "stand-by takes over": 0.5,  # of a kill
    "stopped by SIGTERM": 0.02,
    "writer paused": 0.03,
    "storage error before": 0.03,
    "storage error after": 0.03,
    "storage throttled": 0.05,
    "storage slow": 0.03,
    "storage hangs": 0.01,
    "storage request repeated": 0.03,
    "storage refuses a key": 0.05,
    "credentials expired": 0.02,
    "object lock": 1.0,
    "statement lost before": 0.05,
    "statement lost after": 0.05,
    "statement refused for now": 0.05,
    "statement refused": 0.01,
    "warehouse restarts": 0.03,
    "job slow": 0.1,
    "job stuck": 0.03,
    "job fails": 0.05,
    "warehouse hangs": 0.02,
    "clock jumps ahead": 0.02,
    "clock jumps back": 0.02,
    "clocks of two machines differ": 1.0,
    "local time changes": 1.0,
    "plan edited": 0.05,
    "plan removed": 0.02,
    "plan renamed": 0.015,
    "plan disabled": 0.02,
    "plans reverted": 0.02,
    "plans broken": 0.03,
    "plans emptied": 0.01,
    "restore asked": 0.05,
    "restore edited": 0.02,
    "restore withdrawn": 0.02,
    "restore asked as its set goes": 0.3,  # of a set
    "cancelled by command": 0.02,
    "hold set or taken away": 0.04,
    "down for days": 0.1,  # of a kill
}
ACTIVE = 0.4  # of the lives


class Chance:
    """`counts` is how often each kind struck. `calm` ends all faults. With `often` each strikes as many times as often."""

    def __init__(self, seed: int, kinds: frozenset[str] | None = None, often: int = 1) -> None:
        self.random = random.Random(seed)
        drawn = {kind for kind in KINDS if self.random.random() < ACTIVE}
        self.active = drawn if kinds is None else set(kinds)
        self._often = often
        self.counts: Counter[str] = Counter()

    def strikes(self, kind: str) -> bool:
        if kind not in self.active or self.random.random() >= self._often * KINDS[kind]:
            return False
        self.counts[kind] += 1
        return True

    def calm(self) -> None:
        self.active = set()

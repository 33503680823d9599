"""Everything that can go wrong, as one tree; each error says what, where, and what to do next.

ReconcilerError
├── ConfigInvalid       the YAML cannot be used; carries every problem      exit 3
├── LeaseHeld           another process writes this ledger                  exit 75
│   └── LeaseLapsed          our own lease was not renewed in time: nothing is written until it is
├── Misuse              the command line asks for something that cannot be  exit 64
├── LedgerUnusable      the ledger is damaged, newer, or not ours to use
│   └── LedgerAway           its server does not answer, or gave a transaction up; it may pass
├── SecretUnresolved    a reference to a secret leads nowhere
├── StepFailed          a step at a warehouse or a storage failed; `passing` says whether it may pass
│   ├── EngineFailed         `spoiled` says that its attempt cannot be gone on with; another may be made
│   │   ├── JobLost          whether the server still works on it, or how it ended, cannot be known
│   │   └── OutcomeUnknown   nothing proves how far a restore came; never tried again
│   └── StorageFailed
│       └── AttemptTaken     another run has begun this attempt of the task; the next number is free
├── Cancelled           somebody asked for a stop
└── DeadlinePassed      a task ran past its `timeout`
"""

import errno
from typing import NamedTuple

from reconciler import secrecy

# ENOENT: a folder that was empty went between the making of it and its first file. ENOSPC: somebody makes room.
PASSING = frozenset({
    errno.EINTR, errno.EAGAIN, errno.EBUSY, errno.ENOENT, errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ETIMEDOUT,
})  # fmt: skip


class Problem(NamedTuple):
    """One thing wrong in the configuration. `line` and `column` count from 1; 0 means the whole file."""

    file: str
    line: int
    column: int
    message: str
    code: str
    level: str = "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.level}: {self.message} [{self.code}]"


class ReconcilerError(Exception):
    """The root; `exit_code` is what a command ends with when this reaches the door."""

    exit_code = 1


class ConfigInvalid(ReconcilerError):
    exit_code = 3

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class LeaseHeld(ReconcilerError):
    exit_code = 75


class LeaseLapsed(LeaseHeld):
    pass


class Misuse(ReconcilerError):
    exit_code = 64


class LedgerUnusable(ReconcilerError):
    pass


class LedgerAway(LedgerUnusable):
    pass


class SecretUnresolved(ReconcilerError):
    pass


class StepFailed(ReconcilerError):
    """`passing` is decided where the error is raised: true when the same step may succeed later (D6).

    The words are often a server's; no secret that this process has read is among them.
    """

    def __init__(self, message: str, *, passing: bool = False) -> None:
        super().__init__(secrecy.hidden(message))
        self.passing = passing


class EngineFailed(StepFailed):
    """`spoiled`: what this attempt has left at the warehouse or in storage is in the way of going on with it."""

    def __init__(self, message: str, *, passing: bool = False, spoiled: bool = False) -> None:
        super().__init__(message, passing=passing)
        self.spoiled = spoiled


class JobLost(EngineFailed):
    pass


class OutcomeUnknown(EngineFailed):
    pass


class StorageFailed(StepFailed):
    pass


class AttemptTaken(StorageFailed):
    pass


class Cancelled(ReconcilerError):
    pass


class DeadlinePassed(ReconcilerError):
    pass


# What a step at a warehouse or a storage may end with. That the ledger cannot be written, or another has come to
# write it, is no word on the step, and goes past those who judge one.
STEP_ERRORS = (StepFailed, SecretUnresolved, OSError)


def may_pass(error: Exception) -> bool:
    """Whether the same step may succeed later; a step says so itself, the system by its number."""
    if isinstance(error, OSError):
        return error.errno in PASSING
    return isinstance(error, StepFailed) and error.passing

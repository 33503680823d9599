"""What a benchmark is: values only. Nothing here runs, reads or writes anything."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Side(NamedTuple):
    """A command line. `{inputs}` in it stands for the folder of made files, `{size}` for how many plans."""

    name: str
    command: tuple[str, ...]

    def argv(self, inputs: Path, size: int) -> list[str]:
        return [part.format(inputs=inputs, size=size) for part in self.command]


class Case(NamedTuple):
    """Our command beside its peers and its floor, at each size; `prepare` makes the files they read.

    `quick_sizes` are those that `--quick` measures.
    """

    name: str
    group: str
    command: Side
    peers: tuple[Side, ...]
    floor: Side
    sizes: tuple[int, ...]
    quick_sizes: tuple[int, ...]
    prepare: Callable[[Path, int], None]

    @property
    def sides(self) -> tuple[Side, ...]:
        return (self.command, *self.peers, self.floor)


class Run(NamedTuple):
    """What is measured again and again: one side of one case at one size."""

    case: str
    side: str
    size: int


class Sample(NamedTuple):
    """One run of one command: wall seconds, user + system CPU seconds, the peak of resident memory."""

    wall_s: float
    cpu_s: float
    rss_mib: float


Samples = dict[Run, list[Sample]]


class Goal(NamedTuple):
    """`ours` shall be at most this many times `other`; `measure` is a field of Sample."""

    name: str
    measure: str
    ours: Run
    other: Run
    at_most: float

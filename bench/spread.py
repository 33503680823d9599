"""Medians with the spread around them, and ratios of two sides round by round."""

import statistics
from collections.abc import Iterable
from typing import Any, NamedTuple

from case import Goal, Run, Samples


class Spread(NamedTuple):
    median: float
    least: float
    most: float
    count: int


class Judged(NamedTuple):
    """A goal beside the ratio that was measured."""

    goal: Goal
    ratio: Spread

    @property
    def is_met(self) -> bool:
        return self.ratio.median <= self.goal.at_most


def spread(values: Iterable[float]) -> Spread:
    values = list(values)
    return Spread(statistics.median(values), min(values), max(values), len(values))


def ratio(ours: list[Any], other: list[Any], measure: str) -> Spread:
    """Round by round, in the rounds that both sides were in."""
    pairs = zip(ours, other, strict=False)
    return spread(getattr(mine, measure) / getattr(theirs, measure) for mine, theirs in pairs)


def of(samples: Samples, run: Run, measure: str) -> Spread:
    return spread(getattr(sample, measure) for sample in samples[run])


def judge(goals: Iterable[Goal], samples: Samples) -> list[Judged]:
    """The goals of which both sides were measured."""
    return [
        Judged(goal, ratio(samples[goal.ours], samples[goal.other], goal.measure))
        for goal in goals
        if goal.ours in samples and goal.other in samples
    ]

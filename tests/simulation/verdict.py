"""What a violation is, and how often each rule was looked at."""

from collections import Counter
from datetime import timedelta

DAY, SLACK = timedelta(days=1), timedelta(minutes=3)


class Violated(BaseException):
    """No handler of Exception on the way may take it for a failure of its own."""


class Verdict:
    """Of one life: the first violation ends it."""

    def __init__(self) -> None:
        self.checks: Counter[str] = Counter()

    def fail(self, message: str) -> None:
        raise Violated(message)

    def hold_true(self, rule: str, right: bool, message: str) -> None:
        self.checks[rule] += 1
        if not right:
            self.fail(f"{rule}: {message}")

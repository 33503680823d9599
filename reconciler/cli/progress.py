"""What runs now, on standard error: one bar that moves on a terminal, a line now and then elsewhere."""

import sys
import threading

import click

from reconciler.core.event import Event
from reconciler.report.words import safe

BAR = 24
STEP = 25  # per cent between two lines about the same task where there is no terminal


class Progress:
    """Told from several threads; each message comes out whole."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._told: dict[str, int] = {}
        self._drawn = 0

    def say(self, event: Event) -> None:
        with self._lock:
            self._clear()
            click.echo(safe(event), err=True)

    def show(self, running: dict[str, int]) -> None:
        """`running` has the per cent of each task that runs."""
        with self._lock:
            if self._terminal:
                self._draw(running)
            else:
                self._tell(running)

    def end(self) -> None:
        with self._lock:
            self._clear()

    def _draw(self, running: dict[str, int]) -> None:
        self._clear()
        for subject, percent in sorted(running.items()):
            full = BAR * percent // 100
            click.echo(f"  [{'#' * full}{'.' * (BAR - full)}] {percent:3} %  {subject}", err=True)
        self._drawn = len(running)

    def _clear(self) -> None:
        if self._drawn:
            click.echo(f"\x1b[{self._drawn}A\x1b[J", nl=False, err=True)
            self._drawn = 0

    def _tell(self, running: dict[str, int]) -> None:
        for subject, percent in sorted(running.items()):
            if percent - self._told.get(subject, 0) >= STEP:
                self._told[subject] = percent
                click.echo(f"{subject}: {percent} %", err=True)

"""The log: one line for each thing that happened, on standard error, in UTC. Text on a terminal, JSON elsewhere."""

import json
import sys
import threading
from collections.abc import Callable

import click

from reconciler.cli.clock import SystemClock
from reconciler.core import instants
from reconciler.core.event import Event
from reconciler.report.words import safe


def writer(form: str, clock: SystemClock) -> Callable[[Event], None]:
    """`form` is text, json, or auto: text where standard error is a terminal."""
    as_json = form == "json" or (form == "auto" and not sys.stderr.isatty())
    lock = threading.Lock()

    def write(event: Event) -> None:
        at = instants.text(clock.now())
        line = _json(at, event) if as_json else f"{at} {safe(event)}"
        with lock:
            click.echo(line, err=True)

    return write


def _json(at: str, event: Event) -> str:
    return json.dumps({"at": at, **{name: value for name, value in event._asdict().items() if value is not None}})

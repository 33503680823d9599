"""`reconcile run`."""

import time
from typing import Any

import click

from reconciler.cli import log, options
from reconciler.core import instants


class Duration(click.ParamType[float]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return float(instants.seconds(value))
        except (ValueError, KeyError, IndexError):
            self.fail(f"{value!r} is no duration, such as 90s or 5m", param, ctx)


class Address(click.ParamType[tuple[str, int]]):
    name = "host:port"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        host, _, port = str(value).rpartition(":")
        if not port.isdigit():
            self.fail(f"{value!r} is no address, such as 127.0.0.1:8080 or :8080", param, ctx)
        return (host.strip("[]") or "127.0.0.1", int(port))


@click.command()
@options.plans
@options.ledger
@options.status_file
@options.now
@click.option("--listen", type=Address(), help="Answer /healthz, /readyz and /status.json here; :PORT is loopback.")
@click.option("--reload-every", type=Duration(), default="10s", show_default=True,
              help="How often the plans are looked at for changes.")  # fmt: skip
@click.option("--status-every", type=Duration(), default="60s", show_default=True,
              help="The status file is written when something changed, and at least this often.")  # fmt: skip
@click.option("--grace", type=Duration(), default="25s", show_default=True,
              help="How long running work is given after SIGTERM.")  # fmt: skip
@click.option("--log-format", type=click.Choice(["auto", "text", "json"]), default="auto", show_default=True)
@click.pass_context
def command(
    context: click.Context, /, listen: tuple[str, int] | None, reload_every: float, status_every: float,
    grace: float, log_format: str, **given: Any,
) -> None:  # fmt: skip
    """Stay, and keep backups as the plans say: a pass whenever time, the plans or somebody's word call for it.

    SIGHUP looks at the plans at once. SIGTERM starts nothing new, gives running work --grace, and ends with 0; what
    still runs then goes on with the next start. Beside a running reconciler it stands by and takes over.
    """
    from reconciler.daemon import Daemon, Rhythm  # noqa: PLC0415
    from reconciler.effects.serve import Health, serve  # noqa: PLC0415

    settings = options.settings(context, given)
    health = Health(time.monotonic)
    if listen is not None:
        server = serve(listen, health, settings.paths.status)
        click.echo(f"listening on http://{listen[0]}:{server.server_port}", err=True)
    rhythm = Rhythm(reload=reload_every, status=status_every, grace=grace)
    say = log.writer(log_format, settings.clock)
    Daemon(settings.paths, settings.clock, rhythm, say, health, simulated=settings.simulated).run()

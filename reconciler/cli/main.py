"""The door: `reconcile`. Maps every error to its exit code, and prints what went wrong for a person."""

import importlib
import os
import sys
from typing import Any

import click

import reconciler
from reconciler.cli import options
from reconciler.errors import ConfigInvalid, ReconcilerError

USAGE, INTERRUPTED = 64, 130
COMMANDS = {
    "allow": "Allow what a guard refused.",
    "apply": "One pass: take over changes, run what is due, restore, remove what expired.",
    "backups": "List backup tasks, or show one.",
    "cancel": "Stop a backup task or a restore.",
    "plan": "Show what a pass would do, and change nothing (= --dry-run).",
    "rebuild": "Bring into the ledger what the storages hold and it does not know.",
    "restores": "List restore tasks, or show one.",
    "run": "Stay, and keep backups as the plans say.",
    "schema": "Print the JSON Schema of the YAML or of the status file.",
    "status": "Show the status file.",
    "validate": "Check files, offline and without a ledger.",
}
EXIT_CODES = """\b
Exit codes:
  0    done; dry run: valid, changes or not
  1    failed (also one warehouse of many)
  2    dry run with --detailed-exitcode: there are changes
  3    configuration invalid; every problem was printed
  4    refused by a guard; the message names what allows it
  5    status --check: something is not healthy
  64   usage
  75   another reconciler holds the ledger
  130  interrupted, 143 terminated
Treat any other as a failure."""


class LazyGroup(click.Group):
    """Imports a command when it is called or its help is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"reconciler.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "RECONCILE"},
    epilog=EXIT_CODES,
)
@options.plans
@options.ledger
@options.status_file
@options.now
@options.review
@click.option("--dry-run", is_flag=True, help="Show what a pass would do, and change nothing (= plan).")
@click.version_option(reconciler.__version__, prog_name="reconcile")
@click.pass_context
def cli(context: click.Context, /, dry_run: bool, **given: Any) -> None:
    """Keep the backups of analytical warehouses as their plans in git say.

    `reconcile -f plans.yaml --dry-run` shows what would happen, `reconcile -f plans.yaml apply` does it.
    """
    context.obj = given
    if context.invoked_subcommand is None:
        if not dry_run:
            click.echo(context.get_help())
            return
        from reconciler.cli import plan  # noqa: PLC0415

        plan.show(
            options.settings(context, {}), given["output"], detailed=given["detailed_exitcode"],
            connect=given["connect"],
        )  # fmt: skip
    elif dry_run:
        raise click.UsageError("--dry-run goes without a command; `reconcile plan` is the same")


def main() -> int:
    """Runs a command and ends the process with its code."""
    code = _run()
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _run() -> int:
    try:
        result = cli.main(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; what was begun is recorded, and the next pass goes on with it", err=True)
        return INTERRUPTED
    except ConfigInvalid as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except ReconcilerError as error:
        from reconciler.report.words import safe  # noqa: PLC0415  a start that goes well needs no calendar

        click.echo(f"error: {safe(error)}", err=True)
        return error.exit_code
    except BrokenPipeError:
        return 1
    except OSError as error:
        click.echo(f"error: {error.filename or 'the system'}: {error.strerror}", err=True)
        return 1

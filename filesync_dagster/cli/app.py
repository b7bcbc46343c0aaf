"""The group `filesync`, its global options, and the border where errors become a sentence and an exit code."""

import errno
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

import click

from filesync_dagster.cli.commands import COMMANDS
from filesync_dagster.cli.interruption import INTERRUPTED
from filesync_dagster.cli.invocation import Invocation
from filesync_dagster.core.errors import ConfigError, FilesyncError
from filesync_dagster.core.redaction import redact, to_told

PIPE_CLOSED = 141  # what a shell reports for a program that SIGPIPE ended


class Sentence(click.ClickException):
    """An error as a person reads it."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """Print each line of the message after `Error:`."""
        for line in self.format_message().splitlines():
            click.echo(f"Error: {line}", file=file, err=file is None)


class Border(click.Group):
    """A group whose commands never end in a traceback, unless --debug asks for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of their table, which is the order of their use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command. Its module is imported now, and no other's."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.add_command(getattr(import_module(f"filesync_dagster.cli.{cmd_name}"), cmd_name))
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what each command does, without importing one."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and turn what it raises into one sentence on standard error."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except BrokenPipeError:
            _leave_the_pipe(ctx)
        except KeyboardInterrupt:
            raise Interruption("Interrupted. What was committed stays; an unfinished listing resumes.") from None
        except Exception as error:
            if _debug(ctx):
                import traceback

                click.echo(redact(traceback.format_exc()), err=True, nl=False)
            raise Sentence(_sentence(error)) from error
        return result


class Interruption(Sentence):
    """Ctrl-C, or SIGTERM."""

    exit_code = INTERRUPTED


def _sentence(error: Exception) -> str:
    if isinstance(error, ConfigError):
        *rest, last = error.problems or ("The configuration cannot be used.",)
        return "\n".join([*rest, f"{last} {error.hint}".strip()])
    if isinstance(error, FilesyncError):
        return " ".join(str(error).split("\n"))
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        return "There is no room left where the output goes. Free some space, or send it elsewhere."
    text = " ".join(str(error).split())
    what = to_told(f"{type(error).__name__}: {text}") if text else type(error).__name__
    return f"Something unexpected happened ({what}). Run again with --debug to see where."


def _debug(ctx: click.Context) -> bool:
    return bool(ctx.params.get("debug"))


def _leave_the_pipe(ctx: click.Context) -> NoReturn:
    """Stop quietly when the reader has gone (`| head`)."""
    # The interpreter flushes standard output once more at exit; it must not complain there either.
    sys.stdout = open("/dev/null", "w")  # noqa: SIM115, PTH123 - it lives as long as the process
    ctx.exit(PIPE_CLOSED)


@click.group(cls=Border, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="The configuration file.  [default: FILESYNC_CONFIG, or endpoints.yaml]",
)
@click.option("--debug", is_flag=True, help="Log what happens, and show a traceback when something fails.")
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    envvar="FILESYNC_LOG_FORMAT",
    help="How log events look on standard error: warnings as text, or all as JSON lines.  "
    "[default: FILESYNC_LOG_FORMAT, or text]",
)
@click.option("--log-level", envvar="LOG_LEVEL", default="", hidden=True)
@click.version_option(package_name="filesync-dagster", prog_name="filesync", message="%(prog)s %(version)s")
@click.pass_context
def filesync(ctx: click.Context, config: Path | None, debug: bool, log_format: str, log_level: str) -> None:
    """Keep a provably complete inventory of every file in every store.

    State is kept under FILESYNC_HOME (default .filesync), the metadata database in FILESYNC_DATABASE_URL (default:
    SQLite in the home), snapshots under FILESYNC_SNAPSHOT_ROOT.
    """
    ctx.obj = Invocation(config, debug, log_format, log_level)


def every_command() -> dict[str, click.Command]:
    """Return all commands by their names, imported."""
    context = click.Context(filesync)
    return {name: command for name in COMMANDS if (command := filesync.get_command(context, name))}


def main() -> None:
    """Run the command line."""
    if not sys.warnoptions:
        import warnings

        warnings.simplefilter("ignore")  # what libraries tell developers is no news for users
    # Where an output is closed (`>&-`), the next file that is opened would take its place, be it the database.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115, PTH123 - it lives as long as the process
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115, PTH123 - as above
    filesync(prog_name="filesync")

"""A code server reloaded, by Dagster's own client in a process that may load Dagster.

It needs no web server: `dagster code-server start` answers a reload by a fresh process, of which the web server and
the daemon take notice by themselves.
"""

from __future__ import annotations

import json
import subprocess
import sys

from filesync_dagster.core.errors import DagsterForeign, DagsterRefused, DagsterUnreachable
from filesync_dagster.orchestration.client.locations import SHARE_NO_HOME

CLIENT = "filesync_dagster.orchestration.instance.code_server"
"""The command. It is not imported: the command line starts without Dagster."""

RELOAD_TIMEOUT_SECONDS = 180
"""That a code server may take to read the file again: it starts a new process."""

CLIENT_START_SECONDS = 120
"""More than the client itself may take, on a machine where everything is slow."""


def reload_code(address: str, installation: str = "") -> None:
    """Make a code server (`host:port`, or `unix:` and the path of its socket) start anew.

    With an `installation`, only one whose code shows its id. Raises DagsterUnreachable when it does not answer,
    DagsterForeign when it does not show it, DagsterRefused when it cannot load what it reads.
    """
    answer = _ask(address, str(RELOAD_TIMEOUT_SECONDS), installation)
    if answer.get("foreign"):
        raise DagsterForeign(f"The code server at {address} does not run this configuration.", hint=SHARE_NO_HOME)
    if answer.get("unreachable"):
        raise DagsterUnreachable(
            f"The code server at {address} did not reload: {answer['unreachable']}.",
            hint="It must be one that `dagster code-server start` runs.",
        )
    if answer.get("load_error"):
        raise DagsterRefused(
            f"The code server at {address} reads it, but cannot load it: {answer['load_error']}",
            hint="Nothing is synced until that is mended: undo the edit, or look into the log of the code server.",
        )


def _ask(*arguments: str) -> dict[str, str | None]:
    """Return what the client says. Raises DagsterUnreachable when it ends without a word."""
    try:
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", CLIENT, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=RELOAD_TIMEOUT_SECONDS + CLIENT_START_SECONDS,
            start_new_session=True,  # Ctrl-C is for the command, which ends in order
        )
        answer: dict[str, str | None] = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["without a word"])[-1][:300]
        raise DagsterUnreachable(f"Dagster's client of code servers ended: {last}") from error
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError) as error:
        raise DagsterUnreachable(
            f"Dagster's client of code servers did not answer ({type(error).__name__})."
        ) from error
    return answer

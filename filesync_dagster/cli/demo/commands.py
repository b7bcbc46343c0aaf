"""Several commands of filesync, shown and run one after the other in one process, as a person would type them.

`python -m filesync_dagster.cli.demo.commands '[["status"], ["tree", "office_share"]]'` exits with 1 if one of them
failed.
"""

import json
import shlex
import sys
from collections.abc import Sequence

import click

from filesync_dagster.cli.app import filesync


def run_commands(commands: Sequence[Sequence[str]]) -> int:
    """Run commands; return 1 if one of them exited with something else than 0."""
    failed = [command for command in commands if _run(command)]
    return int(bool(failed))


def _run(command: Sequence[str]) -> bool:
    click.secho(f"\n$ filesync {shlex.join(command)}", bold=True)
    try:
        filesync(command, prog_name="filesync")
    except SystemExit as ended:
        return bool(ended.code)
    return False


if __name__ == "__main__":
    sys.exit(run_commands(json.loads(sys.argv[1])))

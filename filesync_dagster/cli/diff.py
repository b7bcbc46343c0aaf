"""diff: what became of the files between two states that were kept as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.options import pass_invocation

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.replication.state_csv import StateChange, StateDiff

STATE_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("old", type=STATE_FILE)
@click.argument("new", type=STATE_FILE)
@click.option("--json", "as_json", is_flag=True, help="One object a line, by path.")
@click.option("--no-moves", is_flag=True, help="Tell what moved as a deletion and a creation.")
@pass_invocation
def diff(invocation: Invocation, old: Path, new: Path, *, as_json: bool, no_moves: bool) -> None:
    """Compare two states of a replication, such as those that `csv: true` keeps.

    A file that went and one that came are one that moved when they share the internal id, else when size, time and type
    are the same and no other file's.
    """
    import tempfile

    from filesync_dagster.replication.state_csv import diff_states

    invocation.configure_logging()
    with (
        tempfile.TemporaryDirectory(prefix="filesync-diff-") as temp,
        diff_states(old, new, Path(temp), moves=not no_moves) as found,
    ):
        if as_json:
            for change in found.changes():
                click.echo(_json_line(change))
        else:
            _print(found)


def _print(found: StateDiff) -> None:
    from filesync_dagster.cli.text import printable

    for change in found.changes():
        to = f" -> {change.new_path}" if change.new_path is not None else ""
        columns = f" ({', '.join(change.changed)})" if change.changed else ""
        click.echo(f"{change.kind.value:<11} {printable(f'{change.file_path}{to}')}{columns}")
    counted = ", ".join(f"{number:,} {kind.value}" for kind, number in sorted(found.counts.items()))
    click.echo(counted or "The two states are the same.")


def _json_line(change: StateChange) -> str:
    import orjson

    shown: dict[str, Any] = {
        "op": change.kind.value,
        "file_path": change.file_path,
        "new_path": change.new_path,
        "changed": list(change.changed),
        "before": dict(change.before),
        "after": dict(change.after),
    }
    return orjson.dumps(shown).decode()

"""plan: what a replication would do now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import Cell, Column, plural, print_table, printable, size

if TYPE_CHECKING:
    from filesync_dagster.cli.invocation import Invocation
    from filesync_dagster.replication.model import PlanCounts
    from filesync_dagster.replication.replications import PlanPreview

NOTHING, SOMETHING, HELD = 0, 2, 3
"""Exit codes: nothing to do, something, something that the guard holds."""

COLOURS = {"create": "green", "update": "cyan", "move": "blue", "delete": "red", "permissions": "magenta"}
WORDS = {
    "created": "to create",
    "updated": "to update",
    "moved": "to move",
    "deleted": "to delete",
    "permissions": "to get other permissions",
    "adopted": "there already",
    "folders": "folders to make or remove",
}
LEFT = {
    "skipped": "without content, skipped",
    "impossible": "that cannot be copied",
    "kept": "kept though the source has them no more as selected",
}


@click.command()
@click.argument("name")
@click.option("--full", is_flag=True, help="Compare everything, not only what the journal names.")
@click.option("--reconcile", is_flag=True, help="Compare everything, also with a listing of the destination.")
@click.option("--all", "is_all", is_flag=True, help="List every operation, not only the first 50.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@pass_invocation
def plan(  # the options, in their order
    invocation: Invocation, name: str, *, full: bool, reconcile: bool, is_all: bool, as_json: bool
) -> None:
    """Show what a replication would do at its destination now. Nothing is done.

    Exits with 0 when there is nothing to do, 2 when there is something, 3 when the guard would hold it.
    """
    from filesync_dagster.replication.model import PlanScope

    scope = PlanScope.RECONCILE if reconcile else PlanScope.FULL if full else None
    with invocation.open() as filesync:
        found = filesync.replications.plan(name, scope=scope, limit=None if is_all else 50)
    if as_json:
        click.echo(json.dumps(found.as_dict(), default=str))
    else:
        print_plan(found)
    raise click.exceptions.Exit(HELD if found.objections else SOMETHING if found.counts.operations else NOTHING)


def print_plan(found: PlanPreview) -> None:
    """Print counts, the first operations and what cannot be done."""
    click.echo(printable(f"{found.replication}: {describe_counts(found.counts)}"))
    for line in _remarks(found):
        click.echo(printable(line))
    if found.operations:
        columns = [Column("operation"), Column("size", right=True), Column("path")]
        print_table(columns, [_row(operation) for operation in found.operations])
    more = found.counts.operations - len(found.operations)
    if more > 0 and found.operations:
        click.echo(f"and {plural(more, 'operation')} more; `filesync plan {found.replication} --all` lists them.")


def describe_counts(counts: PlanCounts) -> str:
    """Return what a plan would do in words.

    >>> from filesync_dagster.replication.model import PlanCounts
    >>> describe_counts(PlanCounts(created=2, deleted=1, bytes=2048))
    '2 to create, 1 to delete, 2.0 kB to send'
    >>> describe_counts(PlanCounts())
    'nothing to do'
    """
    parts = [f"{getattr(counts, name):,} {word}" for name, word in WORDS.items() if getattr(counts, name)]
    parts += [f"{size(counts.bytes)} to send"] if counts.bytes else []
    return ", ".join(parts) or "nothing to do"


def _remarks(found: PlanPreview) -> list[str]:
    counts, name = found.counts, found.replication
    lines = [f"  {plural(getattr(counts, key), 'file')} {word}" for key, word in LEFT.items() if getattr(counts, key)]
    if found.missing:
        lines.append(f"  {plural(found.missing, 'file')} of ours that somebody took away from the destination")
    if found.changed:
        lines.append(f"  {plural(found.changed, 'file')} of ours that somebody changed at the destination")
    lines += [f"  {problem.sentence}" for problem in found.problems[:10]]
    if len(found.problems) > 10:  # noqa: PLR2004 - a screen has an end
        lines.append(f"  and {len(found.problems) - 10} more of these")
    if found.objections:
        lines.append(f"Held: {' '.join(found.objections)}")
        lines.append(
            f"Decide with `filesync approve {name}` or `filesync reject {name}`."
            if found.plan_id
            else f"`filesync replicate {name}` would hold it for a decision."
        )
    return lines


def _row(operation: dict[str, Any]) -> list[Cell | str]:
    op, path, new_path = operation["op"], operation["path"], operation["new_path"]
    place = f"{path} → {new_path}" if new_path else path
    return [Cell(op, COLOURS.get(op, "dim")), size(operation["size"]) if operation["size"] is not None else "", place]

"""tree: what takes the space of an endpoint, folder by folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from filesync_dagster.cli.options import pass_invocation
from filesync_dagster.cli.text import on_terminal, plural, printable, size

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.cli.invocation import Invocation

BAR_CELLS = 10


@click.command(short_help="Show how large the folders of an endpoint are.")
@click.argument("name")
@click.argument("folder", default="")
@click.option("--depth", type=click.IntRange(1, 20), default=1, show_default=True, help="Levels of folders.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Entries of a folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and nothing else.")
@click.option("-i", "--interactive", is_flag=True, help="Walk through the folders with the arrow keys.")
@pass_invocation
def tree(
    invocation: Invocation, name: str, folder: str, *, depth: int, limit: int, as_json: bool, interactive: bool
) -> None:
    """Show how large the folders of an endpoint are, below FOLDER or all of them, the largest first.

    Sizes and counts are of everything below a folder, as the inventory has it; no store is asked.
    """
    if interactive and not on_terminal():
        raise click.UsageError("--interactive needs a terminal.")
    with invocation.open() as filesync:
        if interactive:
            from filesync_dagster.cli.tree_browser import browse

            browse(filesync, name, folder)
            return
        top = filesync.folder(name, folder, limit=limit)
        if as_json:
            _print_json(filesync, name, folder.strip("/"), depth, limit)
            return
        click.echo(printable(f"{size(top.bytes):>9}  {plural(top.files, 'file')}  {name}: {top.path or '/'}"))
        _print(filesync, name, top.path, top.bytes, depth, limit, "")


def _print(filesync: Filesync, name: str, path: str, of: int, depth: int, limit: int, indent: str) -> None:  # noqa: PLR0917 - one level
    found = filesync.folder(name, path, limit=limit)
    for entry in found.entries:
        what = f"{entry.name}/  ({plural(entry.files, 'file')})" if entry.is_folder else entry.name
        click.echo(printable(f"{size(entry.bytes):>9}  {bar(entry.bytes, of)}  {indent}{what}"))
        if entry.is_folder and depth > 1 and entry.files:
            _print(filesync, name, join(path, entry.name), of, depth - 1, limit, f"{indent}  ")
    rest_files, rest_bytes = (
        found.files - sum(e.files for e in found.entries),
        found.bytes - sum(e.bytes for e in found.entries),
    )
    if rest_files > 0:
        click.echo(f"{size(rest_bytes):>9}  {bar(rest_bytes, of)}  {indent}… and {plural(rest_files, 'file')} more")


def _print_json(filesync: Filesync, name: str, path: str, depth: int, limit: int) -> None:
    for entry in filesync.folder(name, path, limit=limit).entries:
        here = join(path, entry.name)
        click.echo(json.dumps({"path": here, "folder": entry.is_folder, "files": entry.files, "bytes": entry.bytes}))
        if entry.is_folder and depth > 1 and entry.files:
            _print_json(filesync, name, here, depth - 1, limit)


def bar(part: int, of: int) -> str:
    """Return how much of a whole a part is.

    >>> bar(1, 2), bar(0, 0)
    ('[#####     ]', '[          ]')
    """
    return f"[{'#' * (round(BAR_CELLS * part / of) if of else 0):<{BAR_CELLS}}]"


def join(folder: str, name: str) -> str:
    """Return the path of what lies in a folder."""
    return f"{folder}/{name}" if folder else name

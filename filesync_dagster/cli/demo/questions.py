"""What the demo asks the metadata database, as anybody can: in SQL."""

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing

import click

from filesync_dagster.cli.demo.place import DemoHome

COSTS = """
    SELECT e.name, l.mode, l.files_before, l.files_added, l.files_restored, l.files_updated, l.files_moved,
        l.files_removed, l.files_total, l.api_calls,
        (SELECT api_calls FROM sync_logs WHERE endpoint_id = e.id ORDER BY sync_completed LIMIT 1),
        l.retries, round(l.throttled_seconds, 1) || ' s'
    FROM sync_logs l JOIN endpoints e ON e.id = l.endpoint_id
    WHERE l.sync_completed = (SELECT max(sync_completed) FROM sync_logs WHERE endpoint_id = e.id)
"""
HEADER = (
    "endpoint", "mode", "before", "added", "restored", "updated", "moved", "removed", "files", "calls", "at first",
    "retries", "waited",
)  # fmt: skip

COPIES = """\
SELECT min(f.name) AS document, count(DISTINCT f.endpoint_id) AS stores, count(*) AS copies,
       count(DISTINCT f.size) AS sizes, sum(f.size) AS bytes
FROM files f
WHERE f.deleted_at IS NULL AND f.kind = 'file'
GROUP BY f.name_search HAVING count(DISTINCT f.endpoint_id) > 1
ORDER BY stores DESC, copies DESC;
"""
"""Which documents lie in several stores. The README has it, and a test asks the demo what comes of that."""

SHOWN_DOCUMENTS = 5


def show_costs(place: DemoHome, stores: Iterable[str]) -> None:
    """Show what the last syncs came to."""
    with closing(sqlite3.connect(place.database)) as database:
        last = {row[0]: row for row in database.execute(COSTS)}
    click.echo("\nWhat it took, from the table sync_logs. Incremental ones ask what changed, full ones list all:")
    _show_table([HEADER, *(last[name] for name in stores)], texts=2)


def ask_all_stores(place: DemoHome) -> None:
    """Show which documents lie in several stores."""
    with closing(sqlite3.connect(place.database)) as database:
        asked = database.execute(COPIES)
        found = asked.fetchmany(SHOWN_DOCUMENTS)
        names = [name for name, *_ in asked.description]
    click.secho(
        "\nOne question to all stores: which documents lie in several of them, in how many versions?", bold=True
    )
    click.echo(COPIES)
    _show_table([names, *found], texts=1)


def _show_table(rows: Sequence[Sequence[object]], texts: int) -> None:
    """Show a table; so many of the first columns are texts, the others numbers."""
    table = [[str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for number, row in enumerate(table):
        cells = [
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.secho(f"  {'  '.join(cells)}", bold=number == 0)

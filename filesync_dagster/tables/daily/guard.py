"""The row count guard: a table that lost most of its rows is not believed before somebody looked. Pure."""

from collections.abc import Mapping, Sequence

from filesync_dagster.config import RowCountGuard


def objections(guard: RowCountGuard, before: Mapping[str, int], after: Mapping[str, int]) -> Sequence[str]:
    """Return why tables are not believed, a sentence for each; none when they may become current.

    `before`: the rows of the tables that would be replaced; one that is gone has lost all of them.

    >>> objections(RowCountGuard(), {"orders": 1000, "notes": 2}, {"orders": 400, "notes": 1, "new": 0})
    ('orders has 400 rows, and had 1,000: 60.0% fewer.',)
    """
    if not guard.enabled:
        return ()
    found = []
    for name, rows in sorted(before.items()):
        if rows and name not in after:
            found.append(f"{name} is gone; it had {rows:,} rows.")
        elif rows and 100 * (rows - after[name]) > guard.max_fewer_rows_percent * rows:
            share = 100 * (rows - after[name]) / rows
            found.append(f"{name} has {after[name]:,} rows, and had {rows:,}: {share:.1f}% fewer.")
    return tuple(found)

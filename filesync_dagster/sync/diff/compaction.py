"""A snapshot and the changes after it as one snapshot."""

from collections.abc import Sequence

import duckdb

from filesync_dagster.core.model import Kind
from filesync_dagster.sync.diff.columns import quote, typed_columns
from filesync_dagster.sync.diff.derivation import derive


def compact(con: duckdb.DuckDBPyConnection, base: str, changes: Sequence[str], into: str) -> None:
    """Create the table `into`, in FILE_SCHEMA: `base` with each of `changes` (CHANGE_SCHEMA) applied, in their order.

    Like `apply` after `apply`, in one step: the last word on each id is true, and where a folder changed, all paths
    are derived anew from parents.
    """
    words, last = quote(f"{into}_words"), quote(f"{into}_last")
    said = " UNION ALL ".join(
        f"SELECT {number} AS number, external_id, is_after, entry FROM ("
        f'SELECT "before".external_id AS external_id, false AS is_after, NULL AS entry '
        f'FROM {quote(name)} WHERE "before" IS NOT NULL '
        f'UNION ALL SELECT "after".external_id, true, "after" FROM {quote(name)} WHERE "after" IS NOT NULL)'
        for number, name in enumerate(changes)
    )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {words} AS {said}")
    # Within one sync what an id became outweighs what it was.
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {last} AS
        SELECT external_id, arg_max(is_after, 2 * number + is_after::INTEGER) AS is_after,
            arg_max({{'entry': entry}}, 2 * number + is_after::INTEGER).entry AS entry
        FROM {words} GROUP BY external_id
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE {quote(into)} AS
        SELECT {typed_columns("b")} FROM {quote(base)} b ANTI JOIN {last} l ON b.external_id = l.external_id
        UNION ALL SELECT unnest(entry) FROM {last} WHERE is_after
    """)
    folders = f"SELECT 1 FROM {words} WHERE entry.kind = '{Kind.FOLDER}' LIMIT 1"
    if con.execute(folders).fetchall():
        _repath(con, into)
    for name in (words, last):
        con.execute(f"DROP TABLE {name}")


def _repath(con: duckdb.DuckDBPyConnection, rows: str) -> None:
    placed = f"{rows}_placed"
    derive(con, rows, placed)
    con.execute(f"""
        UPDATE {quote(rows)} SET path = p.path FROM {quote(placed)} p
        WHERE {quote(rows)}.external_id = p.external_id AND {quote(rows)}.path <> p.path
    """)
    con.execute(f"DROP TABLE {quote(placed)}")

"""Changes applied to the snapshot that they were computed from."""

import duckdb

from filesync_dagster.core.model import Kind
from filesync_dagster.sync.diff.columns import quote, typed_columns


def apply(con: duckdb.DuckDBPyConnection, before: str, changes: str, into: str) -> None:
    """Create the table `into`, in FILE_SCHEMA: `before` with the rows of `changes` (CHANGE_SCHEMA) applied.

    Each change's before leaves, its after comes. Unchanged rows below a changed folder get the path that follows
    from it: the folder's path, "/", the name (the name alone below a folder whose path is empty). A row whose
    parent_id is null, or names no row here, keeps its own path.
    """
    kept, paths = quote(f"{into}_kept"), quote(f"{into}_paths")
    con.execute(f"""
        CREATE OR REPLACE TEMP VIEW {kept} AS
        SELECT {typed_columns("t")}
        FROM {quote(before)} t
        ANTI JOIN (SELECT "before".external_id AS external_id FROM {quote(changes)} WHERE "before" IS NOT NULL) c
            ON t.external_id = c.external_id
    """)
    rows = f"SELECT * FROM {kept}"
    if _derive_paths(con, kept, quote(changes), paths):
        rows = (
            f"SELECT k.* REPLACE (coalesce(p.path, k.path) AS path) "
            f"FROM {kept} k LEFT JOIN {paths} p ON k.external_id = p.external_id"
        )
    con.execute(
        f"CREATE OR REPLACE TABLE {quote(into)} AS {rows} "
        f'UNION ALL SELECT unnest("after") FROM {quote(changes)} WHERE "after" IS NOT NULL'
    )
    con.execute(f"DROP VIEW {kept}")
    con.execute(f"DROP TABLE IF EXISTS {paths}")


def _derive_paths(con: duckdb.DuckDBPyConnection, kept: str, changes: str, paths: str) -> bool:
    """Create the table `paths` (external_id, path) of the kept rows below changed folders; False if there are none.

    The walk starts at changed folders and goes down through kept ones only: a changed folder brings its own path.
    Every row has one parent, so each is reached at most once, and a cycle of parents (which no store should have)
    is never entered.
    """
    roots = f"""
        SELECT "after".external_id AS external_id, "after".path AS path
        FROM {changes}
        WHERE "after".kind = '{Kind.FOLDER}'
            AND ("after".external_id, "after".path) IS DISTINCT FROM ("before".external_id, "before".path)
    """
    if not con.execute(f"SELECT 1 FROM ({roots}) LIMIT 1").fetchall():
        return False
    below = "CASE WHEN p.path = '' THEN k.name ELSE p.path || '/' || k.name END AS path"
    folders = f"(SELECT external_id, parent_id, name FROM {kept} WHERE kind = '{Kind.FOLDER}')"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {paths} AS
        WITH RECURSIVE moved(external_id, path) AS (
            {roots}
            UNION ALL
            SELECT k.external_id, {below} FROM {folders} k JOIN moved p ON k.parent_id = p.external_id
        )
        SELECT k.external_id, {below} FROM {kept} k JOIN moved p ON k.parent_id = p.external_id
    """)
    return True

"""Paths from parents: where each row lies, and which rows lie nowhere."""

from collections.abc import Mapping

import duckdb

from filesync_dagster.core.model import Kind
from filesync_dagster.sync.diff.columns import quote

JOINED = "CASE WHEN p.path = '' THEN {0}.name ELSE p.path || '/' || {0}.name END"

NOTHING = "SELECT '' AS external_id, '' AS path, false AS trashed WHERE false"


def derive(con: duckdb.DuckDBPyConnection, rows: str, into: str, anchors: str | None = None) -> None:
    """Create the table `into` (external_id, id_hash, path, trashed): where each row of `rows` lies.

    `rows` has the columns of FILE_SCHEMA, external_id unique. A row without a parent lies at the top, under its name;
    the others lie in their parent, if that lies somewhere. What lies nowhere (its parent is not here, or parents
    go round in a circle) is left out. What lies in the trash with its folder is trashed.
    `anchors`: rows like these whose own path and trashed are known, and hold whatever else is said of them.
    """
    table, folders = quote(into), quote(f"{into}_folders")
    known = f"SELECT external_id, path, trashed FROM {quote(anchors)}" if anchors else NOTHING
    rest = f"(SELECT * FROM {quote(rows)} WHERE external_id NOT IN (SELECT external_id FROM ({known})))"
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {folders} AS
        WITH RECURSIVE placed(external_id, path, trashed) AS (
            SELECT external_id, path, trashed FROM ({known})
            UNION ALL
            SELECT external_id, name, trashed FROM {rest} WHERE parent_id IS NULL AND kind = '{Kind.FOLDER}'
            UNION ALL
            SELECT f.external_id, {JOINED.format("f")}, f.trashed OR p.trashed
            FROM (SELECT external_id, parent_id, name, trashed FROM {rest} WHERE kind = '{Kind.FOLDER}') f
            JOIN placed p ON f.parent_id = p.external_id
        )
        SELECT * FROM placed
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE {table} AS
        SELECT r.external_id, r.id_hash, coalesce({JOINED.format("r")}, r.name) AS path,
            r.trashed OR coalesce(p.trashed, false) AS trashed
        FROM {rest} r LEFT JOIN {folders} p ON r.parent_id = p.external_id
        WHERE r.parent_id IS NULL OR p.external_id IS NOT NULL
    """)
    con.execute(f"DROP TABLE {folders}")


def find_circles(con: duckdb.DuckDBPyConnection, rows: str, placed: str) -> list[str]:
    """Return one folder (external_id) of each circle: folders of `rows` that contain each other, so lie nowhere.

    `placed` is what `derive` made of `rows`. Of the folders in a circle it is always the same one.
    """
    astray = quote(f"{placed}_astray")
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {astray} AS
        SELECT external_id, parent_id FROM {quote(rows)}
        WHERE kind = '{Kind.FOLDER}' AND external_id NOT IN (SELECT external_id FROM {quote(placed)})
    """)
    # What is below a folder that is not here is no circle.
    found = con.execute(f"""
        WITH RECURSIVE elsewhere(external_id) AS (
            SELECT external_id FROM {astray} WHERE parent_id NOT IN (SELECT external_id FROM {astray})
            UNION ALL
            SELECT a.external_id FROM {astray} a JOIN elsewhere e ON a.parent_id = e.external_id
        )
        SELECT external_id, parent_id FROM {astray} WHERE external_id NOT IN (SELECT external_id FROM elsewhere)
    """).fetchall()
    con.execute(f"DROP TABLE {astray}")
    parents = dict(found)
    return sorted({min(_circle_above(folder, parents)) for folder in parents})


def _circle_above(folder: str, parents: Mapping[str, str]) -> set[str]:
    """Return the circle that the way up from a folder ends in."""
    passed: dict[str, None] = {}
    while folder not in passed:
        passed[folder] = None
        folder = parents[folder]
    way = list(passed)
    return set(way[way.index(folder) :])

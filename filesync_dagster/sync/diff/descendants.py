"""Paths of rows that did not change: a folder above them moved, which is the change."""

import duckdb

from filesync_dagster.sync.diff.columns import quote


def find_repathed(con: duckdb.DuckDBPyConnection, before: str, after: str, changes: str, into: str) -> int:
    """Create the table `into` (external_id, path) of unchanged rows with a new path; return their number.

    `before`, `after`: as in `compare`; `changes`: what it made of them. A row that has a change is not among them.
    Reads the paths of both sides: takes about as long as `compare` itself.
    """
    moved = quote(f"{into}_candidates")
    # The same trick as in `compare`: look at hashes, then fetch and compare exactly what they point at.
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE {moved} AS
        SELECT b.id_hash
        FROM (SELECT id_hash, fingerprint, hash(path) AS path_hash FROM {quote(before)}) b
        JOIN (SELECT id_hash, fingerprint, hash(path) AS path_hash FROM {quote(after)}) a
            ON b.id_hash = a.id_hash AND b.fingerprint = a.fingerprint
        WHERE b.path_hash <> a.path_hash
    """)
    con.execute(f"""
        CREATE OR REPLACE TABLE {quote(into)} AS
        SELECT a.external_id, a.path
        FROM (SELECT external_id, path FROM {quote(before)} SEMI JOIN {moved} USING (id_hash)) b
        JOIN (SELECT external_id, path FROM {quote(after)} SEMI JOIN {moved} USING (id_hash)) a
            ON b.external_id = a.external_id
        ANTI JOIN (SELECT "after".external_id AS external_id FROM {quote(changes)}) c
            ON a.external_id = c.external_id
        WHERE b.path <> a.path
    """)
    con.execute(f"DROP TABLE {moved}")
    [(count,)] = con.execute(f"SELECT count(*) FROM {quote(into)}").fetchall()
    return int(count)

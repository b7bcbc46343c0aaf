"""What changed between two snapshots: one change for each entry, one for a folder that moved with all below it.

The hashes decide which rows are looked at, never what is said about them: rows whose 128 bits (id_hash,
fingerprint) occur on both sides are unchanged; the few others are fetched whole and joined on their exact id.
So the cost is that of reading 16 bytes a row, plus the changed rows.
"""

import json
from collections.abc import Sequence

import duckdb

from filesync_dagster.core.model import COUNTED, NAME_MARK, ChangeCounts, ChangeKind, Kind
from filesync_dagster.sync.diff.columns import column_definitions, differ, pack_row, quote, typed_columns


def compare(
    con: duckdb.DuckDBPyConnection,
    before: str,
    after: str,
    into: str,
    *,
    pair_by: Sequence[str] = (),
    pair_as: ChangeKind = ChangeKind.MOVED,
    left_scope: str | None = None,
    bookkeeping: Sequence[str] = (),
) -> ChangeCounts:
    """Create the table `into`, in CHANGE_SCHEMA, with one row for each entry that differs.

    `before` and `after` name tables or views with the columns of FILE_SCHEMA, external_id unique in each.

    `pair_by`: columns that recognise a removed and an added row as the same file, now under another id. Both become
    one row of kind `pair_as` when kind and all these columns agree, none is null, and nothing else that was removed
    or added has the same values. Empty files have no content that could identify them.
    `left_scope` names a table with a column external_id: rows gone from `after` that it lists are left_scope, and
    are not paired.

    `bookkeeping`: keys of metadata, the first a time of change that moves for many reasons, the others such reasons. A
    row of which nothing but these, its id or its folder's id differs, or whose content has the same hash, is
    `refreshed`: no change that counts. If the time alone moved, nothing explains it, and it is `modified`.

    A row in the store's trash is not live. Every other change that leaves its entry not live is `removed`. Both count
    only when the entry was live before: one first seen in the trash is `removed` with a null before, one that leaves
    the trash for good is `removed` with a trashed before. Nobody's live file changed, but `apply` needs to know. An
    entry is `added` or `restored` when it is live now and was absent or trashed.

    Counts leave folders out, except in `moved`. `repathed` is 0 here: see `find_repathed`.
    """
    table, candidates = quote(into), quote(f"{into}_candidates")
    con.execute(_candidates(candidates, quote(before), quote(after)))
    try:
        if not con.execute(f"SELECT 1 FROM {candidates} LIMIT 1").fetchall():
            row = f"STRUCT({column_definitions()})"
            con.execute(f'CREATE OR REPLACE TABLE {table} (change VARCHAR, "before" {row}, "after" {row})')
            return ChangeCounts()
        old, new = (
            f"(SELECT {typed_columns('t')} FROM {quote(side)} t SEMI JOIN {candidates} c ON t.id_hash = c.id_hash)"
            for side in (before, after)
        )
        con.execute(_changes(table, old, new, left_scope, bookkeeping))
    finally:
        con.execute(f"DROP TABLE {candidates}")
    if pair_by:
        _pair(con, into, pair_by, _content_changes(bookkeeping) if bookkeeping else f"'{pair_as}'")
    if bookkeeping:
        _explain(con, table, bookkeeping)
    return count(con, into)


def _candidates(candidates: str, before: str, after: str) -> str:
    return f"""
        CREATE OR REPLACE TEMP TABLE {candidates} AS
        SELECT DISTINCT coalesce(b.id_hash, a.id_hash) AS id_hash
        FROM (SELECT id_hash, fingerprint FROM {before}) b
        FULL JOIN (SELECT id_hash, fingerprint FROM {after}) a
            ON b.id_hash = a.id_hash AND b.fingerprint = a.fingerprint
        WHERE b.id_hash IS NULL OR a.id_hash IS NULL
    """


def _changes(table: str, before: str, after: str, left_scope: str | None, bookkeeping: Sequence[str]) -> str:
    place = differ("parent_id", "name", "scope")
    if bookkeeping:
        place = f"({place} AND b.path <> a.path)"  # another folder of the same path is no move
    left = f"b.external_id IN (SELECT external_id FROM {quote(left_scope)})" if left_scope else "false"
    return f"""
        CREATE OR REPLACE TABLE {table} AS
        SELECT
            CASE
                WHEN a.external_id IS NULL AND {left} THEN '{ChangeKind.LEFT_SCOPE}'
                WHEN a.external_id IS NULL THEN '{ChangeKind.REMOVED}'
                WHEN a.trashed THEN '{ChangeKind.REMOVED}'
                WHEN b.external_id IS NULL THEN '{ChangeKind.ADDED}'
                WHEN b.trashed THEN '{ChangeKind.RESTORED}'
                WHEN {place} THEN '{ChangeKind.MOVED}'
                WHEN a.parent_id IS NULL AND b.path <> a.path THEN '{ChangeKind.MOVED}'
                ELSE {_content_changes(bookkeeping)}
            END AS change,
            {pack_row("b")} AS "before",
            {pack_row("a")} AS "after"
        FROM {before} b FULL JOIN {after} a ON b.external_id = a.external_id
        WHERE b.external_id IS NULL OR a.external_id IS NULL OR b.fingerprint <> a.fingerprint
    """


def _content_changes(bookkeeping: Sequence[str]) -> str:
    """Return the kind of change of a row b that is a now, in its place."""
    if not bookkeeping:
        return f"""CASE
                WHEN {differ("version", "size", "content_hash", "kind")} THEN '{ChangeKind.MODIFIED}'
                WHEN {differ("mime_type", "created_at", "modified_at", "link")} THEN '{ChangeKind.MODIFIED}'
                WHEN {differ("owner", "permissions")} THEN '{ChangeKind.PERMISSIONS_CHANGED}'
                ELSE '{ChangeKind.MODIFIED}' END"""
    time, *reasons = bookkeeping
    explained = " OR ".join([differ("external_id", "parent_id", "name", "content_hash"), *map(_key_differs, reasons)])
    return f"""CASE
                WHEN b.kind = a.kind AND b.content_hash = a.content_hash AND NOT {differ("owner", "permissions")}
                    THEN '{ChangeKind.REFRESHED}'
                WHEN b.kind = a.kind AND b.content_hash = a.content_hash THEN '{ChangeKind.PERMISSIONS_CHANGED}'
                WHEN {_content_differs(bookkeeping)} THEN '{ChangeKind.MODIFIED}'
                WHEN {differ("owner", "permissions")} THEN '{ChangeKind.PERMISSIONS_CHANGED}'
                WHEN {_key_differs(time)} AND NOT ({explained}) THEN '{ChangeKind.MODIFIED}'
                ELSE '{ChangeKind.REFRESHED}' END"""


def _content_differs(bookkeeping: Sequence[str]) -> str:
    """Return a condition: more than bookkeeping differs between b and a. A hash that one side lacks says nothing."""
    rest = json.dumps(dict.fromkeys(bookkeeping))
    old, new = (f"json_merge_patch(coalesce({side}.metadata, '{{}}'), '{rest}')::VARCHAR" for side in ("b", "a"))
    columns = differ("version", "size", "kind", "mime_type", "modified_at", "link")
    return f"({columns} OR coalesce(b.content_hash <> a.content_hash, false) OR {old} <> {new})"


def _key_differs(key: str) -> str:
    return f"b.metadata->>'{key}' IS DISTINCT FROM a.metadata->>'{key}'"


def _explain(con: duckdb.DuckDBPyConnection, table: str, bookkeeping: Sequence[str]) -> None:
    """Refresh what is modified by its time alone when another name of the same file came, went or moved."""
    file = f"split_part({{}}.external_id, '{NAME_MARK}', 1)"
    con.execute(f"""
        UPDATE {table} SET change = '{ChangeKind.REFRESHED}'
        WHERE change = '{ChangeKind.MODIFIED}' AND {file.format('"after"')} IN (
            SELECT {file.format('coalesce("after", "before")')} FROM {table}
            WHERE change IN ('{ChangeKind.ADDED}', '{ChangeKind.MOVED}', '{ChangeKind.REMOVED}')
        ) AND "after".external_id IN (
            SELECT a.external_id FROM (SELECT "before" AS b, "after" AS a FROM {table} WHERE "before" IS NOT NULL)
            WHERE NOT {_content_differs(bookkeeping)}
        )
    """)


def count_unproved(con: duckdb.DuckDBPyConnection, changes: str, bookkeeping: Sequence[str]) -> int:
    """Return how many files of `changes` are `modified` for no more than the time of change."""
    [(count,)] = con.execute(f"""
        SELECT count(*) FROM (
            SELECT "before" AS b, "after" AS a FROM {quote(changes)} WHERE change = '{ChangeKind.MODIFIED}'
        ) WHERE a.kind <> '{Kind.FOLDER}' AND NOT {_content_differs(bookkeeping)}
    """).fetchall()
    return int(count)


def _pair(con: duckdb.DuckDBPyConnection, into: str, pair_by: Sequence[str], change: str) -> None:
    """Turn a removed and an added row that can only be the same file into one row."""
    table, pairs = quote(into), quote(f"{into}_pairs")
    gone = _alone(table, "before", f"change = '{ChangeKind.REMOVED}' AND \"after\" IS NULL", pair_by)
    come = _alone(table, "after", f"change = '{ChangeKind.ADDED}'", pair_by)
    agree = " AND ".join(f"g.{quote(c)} = c.{quote(c)}" for c in ("kind", *pair_by))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {pairs} AS "
        f"SELECT g.external_id AS gone, c.external_id AS come FROM ({gone}) g JOIN ({come}) c ON {agree}"
    )
    con.execute(f"""
        INSERT INTO {table}
        SELECT {change}, b, a
        FROM {pairs} p
        JOIN (SELECT "before" AS b FROM {table} WHERE "after" IS NULL) g ON b.external_id = p.gone
        JOIN (SELECT "after" AS a FROM {table} WHERE "before" IS NULL) c ON a.external_id = p.come
    """)
    con.execute(f"""
        DELETE FROM {table}
        WHERE ("after" IS NULL AND "before".external_id IN (SELECT gone FROM {pairs}))
            OR ("before" IS NULL AND "after".external_id IN (SELECT come FROM {pairs}))
    """)
    con.execute(f"DROP TABLE {pairs}")


def _alone(table: str, side: str, condition: str, pair_by: Sequence[str]) -> str:
    """Return a query of the rows that are alone with their kind and `pair_by` values on one side."""
    row = quote(side)
    keys = ", ".join(f"{row}.{quote(c)} AS {quote(c)}" for c in ("kind", *pair_by))
    present = "".join(f" AND {row}.{quote(c)} IS NOT NULL" for c in pair_by)
    content = f" AND {row}.size IS DISTINCT FROM 0" if "content_hash" in pair_by else ""
    return (
        f"SELECT {keys}, any_value({row}.external_id) AS external_id FROM {table} "
        f"WHERE {condition} AND NOT {row}.trashed{present}{content} GROUP BY ALL HAVING count(*) = 1"
    )


def count(con: duckdb.DuckDBPyConnection, changes: str) -> ChangeCounts:
    """Count changes by what became of files: an entry that is a folder now, and was a file, is one file less."""
    left, restored = f"change = '{ChangeKind.LEFT_SCOPE}'", f"change = '{ChangeKind.RESTORED}'"
    updates = ", ".join(f"'{kind}'" for kind in (ChangeKind.MODIFIED, ChangeKind.PERMISSIONS_CHANGED))
    [counts] = con.execute(f"""
        SELECT
            count(*) FILTER (is_file AND NOT was_file AND NOT {restored}),
            count(*) FILTER (is_file AND was_file AND change IN ({updates})),
            count(*) FILTER (change = '{ChangeKind.MOVED}'),
            count(*) FILTER (was_file AND NOT is_file AND NOT {left}),
            count(*) FILTER (was_file AND NOT is_file AND {left}),
            count(*) FILTER (is_file AND NOT was_file AND {restored})
        FROM (SELECT change, {_is_file("before")} AS was_file, {_is_file("after")} AS is_file FROM {quote(changes)})
    """).fetchall()
    added, updated, moved, removed, left_scope, back = counts
    return ChangeCounts(added, updated, moved, removed, left_scope, restored=back)


def _is_file(side: str) -> str:
    """Return the condition that one side of a change is a live file."""
    return f"coalesce(NOT {quote(side)}.trashed AND {quote(side)}.{COUNTED}, false)"

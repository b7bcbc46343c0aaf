"""The inventory as it was at a moment, as somebody walks through it; and what became of it between two moments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from filesync_dagster.core.clock import utc_now
from filesync_dagster.core.errors import NothingKnown
from filesync_dagster.storage.snapshots import literal, parquet, stream
from filesync_dagster.sync import diff
from filesync_dagster.sync.inventory import live, snapshot_file, snapshot_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import duckdb
    import pyarrow as pa

    from filesync_dagster.config import Endpoint
    from filesync_dagster.storage.database import SyncRecord
    from filesync_dagster.storage.database.browse import BrowseQuery
    from filesync_dagster.sync.runtime import Runtime

COMPARED_DISTANCE = timedelta(days=1)
"""What lies between two moments that are compared, where nobody says which."""

COLUMNS = "external_id, name, path, kind, size, modified_at, version, content_hash, owner"
FOLDED = "lower(nfc_normalize({}))"
ORDERS = {"path": ("endpoint", "path", "external_id"), "size": ("size",), "modified": ("modified_at",)}

CHILDREN = """
    WITH inside AS (SELECT substr(path, {start} + 1) AS rest, kind FROM ({live}) WHERE {inside}),
    entries AS (
        SELECT
            split_part(rest, '/', 1) AS name,
            bool_or(contains(rest, '/') OR kind = 'folder') AS is_folder,
            count(*) FILTER (contains(rest, '/')) AS files
        FROM inside GROUP BY 1
    )
    SELECT name, is_folder, files FROM entries WHERE is_folder OR NOT {folders_only}
    ORDER BY name LIMIT {limit} OFFSET {offset}
"""

CHANGES = """
    SELECT
        change, coalesce("after".path, "before".path) AS path, "before".path AS path_before,
        coalesce("after".external_id, "before".external_id) AS external_id,
        coalesce("after".kind, "before".kind) AS kind,
        "before".size AS size_before, "after".size AS size_after,
        "before".modified_at AS modified_before, "after".modified_at AS modified_after
    FROM changes WHERE change <> 'refreshed' AND {where}
"""


@dataclass(frozen=True)
class PastPage:
    """Files at a moment. `unknown`: endpoints about which nothing is stored as of it."""

    rows: list[dict[str, Any]]
    total: int
    bytes: int
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class MomentDiff:
    """What became of an inventory between two moments: counts of everything, a page of rows, and whose state it is."""

    counts: dict[str, int]
    rows: list[dict[str, Any]]
    before: datetime | None
    after: datetime | None


def browse_at(  # noqa: PLR0917  # one page of a list
    runtime: Runtime, endpoints: Sequence[Endpoint], query: BrowseQuery, as_of: datetime, offset: int, limit: int
) -> PastPage:
    """Return a page of the files of endpoints at a moment. Raises SnapshotError, NothingKnown when it is so of all."""
    source, unknown = _source(runtime, endpoints, query, as_of)
    with runtime.engine() as con:
        [(total, size)] = con.execute(f"SELECT count(*), coalesce(sum(size), 0)::HUGEINT FROM ({source})").fetchall()
        page = con.sql(f"{_ordered(source, query)} LIMIT {int(limit)} OFFSET {int(offset)}")
        return PastPage(page.to_arrow_table().to_pylist(), int(total), int(size), unknown)


def files_at(
    runtime: Runtime, endpoints: Sequence[Endpoint], query: BrowseQuery, as_of: datetime
) -> Iterator[pa.RecordBatch]:
    """Yield all files of endpoints at a moment. Raises NothingKnown, SnapshotError."""
    source, _ = _source(runtime, endpoints, query, as_of)
    with runtime.engine() as con:
        yield from stream(con, _ordered(source, query))


def _source(
    runtime: Runtime, endpoints: Sequence[Endpoint], query: BrowseQuery, as_of: datetime
) -> tuple[str, tuple[str, ...]]:
    parts, unknown = [], []
    for endpoint in endpoints:
        try:
            snapshot = snapshot_path(runtime, endpoint, as_of)
        except NothingKnown:
            unknown.append(endpoint.name)
            continue
        parts.append(f"SELECT {literal(endpoint.name)} AS endpoint, {COLUMNS} FROM ({live(snapshot)}) {_where(query)}")
    if not parts:
        raise NothingKnown(
            f"Nothing is stored as of {as_of:%Y-%m-%d %H:%M:%S %Z}.",
            hint="The first sync was later, or retention has let the snapshots go.",
        )
    return " UNION ALL ".join(parts), tuple(unknown)


def _ordered(source: str, query: BrowseQuery) -> str:
    direction = "DESC" if query.descending else "ASC"
    columns = [f"{column} {direction} NULLS FIRST" for column in ORDERS[query.sort]]
    return f"SELECT * FROM ({source}) ORDER BY {', '.join([*columns, 'endpoint', 'path', 'external_id'])}"


def _where(query: BrowseQuery) -> str:
    what = query.what
    found = [f"kind IN ({', '.join(map(literal, query.kinds))})"] if query.kinds else []
    if query.folder:
        found.append(_below(query.folder))
    if query.is_direct:
        start = len(query.folder) + 1 if query.folder else 0
        found.append(f"NOT contains(substr(path, {start} + 1), '/')")
    if what.text_expression is not None:
        column = FOLDED.format("path" if what.is_about_paths else "name")
        found.append(f"regexp_matches({column}, {literal(what.text_expression)})")
    if what.owner:
        found.append(f"contains({FOLDED.format('owner')}, {FOLDED.format(literal(what.owner))})")
    if what.content_hash:
        found.append(f"{literal(what.content_hash)} IN (content_hash, split_part(content_hash, ':', 2))")
    bounds = (("size", ">=", what.min_size), ("size", "<=", what.max_size))
    found += [f"{column} {sign} {int(value)}" for column, sign, value in bounds if value is not None]
    moments = (("modified_at", ">=", what.modified_after), ("modified_at", "<", what.modified_before))
    found += [f"{column} {sign} TIMESTAMPTZ '{at.isoformat()}'" for column, sign, at in moments if at is not None]
    return f"WHERE {' AND '.join(found)}" if found else ""


def _below(folder: str) -> str:
    return f"path > {literal(folder + '/')} AND path < {literal(folder + '0')}"


def children_at(  # noqa: PLR0917  # one page of a folder
    runtime: Runtime, endpoint: Endpoint, folder: str, as_of: datetime, offset: int, limit: int, *, folders_only: bool
) -> list[tuple[str, bool, int]]:
    """Return what lay right in a folder ("" is the top): names, whether they are folders, how much is below them."""
    query = CHILDREN.format(
        start=len(folder) + 1 if folder else 0,
        live=live(snapshot_path(runtime, endpoint, as_of)),
        inside=_below(folder) if folder else "TRUE",
        folders_only=str(folders_only),
        limit=int(limit),
        offset=int(offset),
    )
    with runtime.engine() as con:
        return con.execute(query).fetchall()


def diff_moments(  # noqa: PLR0917  # one page of a comparison
    runtime: Runtime,
    endpoint: Endpoint,
    before: datetime | None,
    after: datetime | None,
    offset: int,
    limit: int,
    *,
    kinds: Sequence[str] = (),
    folder: str | None = None,
) -> MomentDiff:
    """Compare an inventory at two moments. Raises NothingKnown, SnapshotError.

    `after` is now unless it is given; `before` a day earlier, or the first state that is stored, if that is later.
    """
    until = after or utc_now()
    newer = _log_at(runtime, endpoint, until)
    older = _log_at(runtime, endpoint, before) if before else _default_before(runtime, endpoint, until) or newer
    logs = [older, newer]
    paths = [snapshot_file(runtime, endpoint.name, log) for log in logs]
    where = [f"change IN ({', '.join(map(literal, kinds))})"] if kinds else []
    if folder:
        same, below = literal(folder), literal(f"{folder}/")
        sides = (f'"{side}".path = {same} OR starts_with("{side}".path, {below})' for side in ("before", "after"))
        where.append(f"({' OR '.join(sides)})")
    with runtime.engine() as con:
        for side, path in zip(("old", "new"), paths, strict=True):
            con.execute(f"CREATE OR REPLACE TEMP VIEW {side} AS SELECT * FROM {parquet([path])}")
        diff.compare(con, "old", "new", "changes")
        return _read_diff(con, CHANGES.format(where=" AND ".join(where) or "TRUE"), logs, offset, limit)


def _read_diff(
    con: duckdb.DuckDBPyConnection, changes: str, logs: Sequence[SyncRecord], offset: int, limit: int
) -> MomentDiff:
    counts = dict(con.execute(f"SELECT change, count(*) FROM ({changes}) GROUP BY 1 ORDER BY 1").fetchall())
    page = con.sql(f"SELECT * FROM ({changes}) ORDER BY path, external_id LIMIT {int(limit)} OFFSET {int(offset)}")
    return MomentDiff(counts, page.to_arrow_table().to_pylist(), logs[0].as_of, logs[1].as_of)


def _default_before(runtime: Runtime, endpoint: Endpoint, until: datetime) -> SyncRecord | None:
    syncs, endpoint_id = runtime.metadata.syncs, runtime.register(endpoint)
    return syncs.snapshot_at(endpoint_id, until - COMPARED_DISTANCE) or syncs.first_snapshot(endpoint_id)


def _log_at(runtime: Runtime, endpoint: Endpoint, moment: datetime) -> SyncRecord:
    log = runtime.metadata.syncs.snapshot_at(runtime.register(endpoint), moment)
    if log is None or log.snapshot_uri is None:
        raise NothingKnown(
            f"Nothing is stored about {endpoint.name!r} as of {moment:%Y-%m-%d %H:%M:%S %Z}.",
            hint="It was first synced later, or retention has let the snapshot go.",
        )
    return log

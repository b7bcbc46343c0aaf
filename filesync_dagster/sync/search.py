"""What is looked for in the inventories of all endpoints, and what lies in their folders."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.config import Endpoint
from filesync_dagster.core.errors import NothingKnown
from filesync_dagster.storage.database.search import FOUND_SCHEMA, FileKey, FileQuery, key_of
from filesync_dagster.sync.inventory import current_snapshot, live
from filesync_dagster.sync.runtime import Runtime

SEARCH_SCHEMA = pa.schema(
    [
        pa.field("endpoint", pa.string(), nullable=False),
        *(field for field in FOUND_SCHEMA if field.name not in {"endpoint_id", "name_search"}),
    ]
)
"""A file that was found, and the name of its endpoint."""


FOLDER = """
    WITH inside AS (SELECT substr(path, ?::INT + 1) AS rest, kind, size FROM ({live}) WHERE {inside}),
    entries AS (
        SELECT
            split_part(rest, '/', 1) AS name,
            contains(rest, '/') OR kind = 'folder' AS is_folder,
            count(*) FILTER (kind <> 'folder') AS files,
            coalesce(sum(size), 0)::HUGEINT AS bytes
        FROM inside
        GROUP BY ALL
    )
    SELECT name, is_folder, files, bytes, sum(files) OVER ()::BIGINT, sum(bytes) OVER ()::HUGEINT
    FROM entries
    ORDER BY bytes DESC, files DESC, name
    LIMIT ?
"""
"""What lies right in a folder, the largest first, each with the numbers of all. `inside`: a range in byte order."""


@dataclass(frozen=True)
class FilePage:
    """A page of what was found, in SEARCH_SCHEMA, and where the next one begins; None behind the last."""

    rows: pa.Table
    after: FileKey | None


def search(
    runtime: Runtime, query: FileQuery, names: Sequence[str] | None = None, *, limit: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the live files of endpoints (all of them without `names`) that a query means, in SEARCH_SCHEMA.

    By endpoint, path and external_id. Raises UnknownEndpoint.
    """
    endpoints = _names_by_id(runtime, names)
    for batch in runtime.metadata.search.find(list(endpoints), query, limit=limit):
        yield _with_names(batch, endpoints)


def search_page(
    runtime: Runtime, query: FileQuery, names: Sequence[str] | None, *, after: FileKey | None, limit: int
) -> FilePage:
    """Return one page of that. Raises UnknownEndpoint."""
    endpoints = _names_by_id(runtime, names)
    batches = list(runtime.metadata.search.find(list(endpoints), query, after=after, limit=limit + 1))
    found = pa.Table.from_batches(batches, schema=FOUND_SCHEMA).combine_chunks()
    rows = found.slice(0, limit).combine_chunks().to_batches()
    named = pa.Table.from_batches([_with_names(batch, endpoints) for batch in rows], schema=SEARCH_SCHEMA)
    return FilePage(named, key_of(rows[-1]) if found.num_rows > limit else None)


@dataclass(frozen=True)
class FolderEntry:
    """What lies right in a folder: a file, or a folder with all that is in it."""

    name: str
    is_folder: bool
    files: int
    bytes: int


@dataclass(frozen=True)
class FolderSize:
    """A folder: all that is in it, and what lies right in it, the largest first."""

    path: str
    files: int
    bytes: int
    entries: tuple[FolderEntry, ...]


def folder_size(runtime: Runtime, endpoint: Endpoint, path: str = "", *, limit: int) -> FolderSize:
    """Return what a folder of an endpoint has; at most `limit` of the entries right in it.

    Raises NothingKnown when nothing is below the path.
    """
    path, snapshot = path.strip("/"), current_snapshot(runtime, endpoint)
    found: list[tuple[Any, ...]] = []
    if snapshot is not None:
        start, inside = (f"{path}/", "path > ? AND path < ?") if path else ("", "? = ?")
        with runtime.engine() as con:
            query = FOLDER.format(live=live(snapshot), inside=inside)
            found = con.execute(query, [len(start), start, f"{path}0" if path else start, limit]).fetchall()
    if path and not found:
        raise NothingKnown(
            f"{endpoint.name!r} has no folder {path!r}, or it is empty.",
            hint="Case counts; `filesync search` finds it.",
        )
    entries = tuple(FolderEntry(name, is_folder, files, size) for name, is_folder, files, size, *_ in found)
    files, size = found[0][4:] if found else (0, 0)
    return FolderSize(path, files, size, entries)


def _names_by_id(runtime: Runtime, names: Sequence[str] | None) -> dict[int, str]:
    wanted = {runtime.config.endpoint(name).name for name in names} if names else set(runtime.config.by_name)
    states = runtime.metadata.endpoints.states()
    return {state.endpoint_id: name for name, state in states.items() if name in wanted}


def _with_names(batch: pa.RecordBatch, endpoints: dict[int, str]) -> pa.RecordBatch:
    numbers = pa.array(endpoints, pa.int64())
    names = pa.array(endpoints.values(), pa.string()).take(pc.index_in(batch.column("endpoint_id"), numbers))
    columns = [names, *(batch.column(name) for name in SEARCH_SCHEMA.names[1:])]
    return pa.RecordBatch.from_arrays(columns, schema=SEARCH_SCHEMA)

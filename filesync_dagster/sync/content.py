"""Reading one file of the inventory: which one is meant, and its content at the version that the inventory has."""

from filesync_dagster.config import Endpoint
from filesync_dagster.connectors.base import ContentSource, Source
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import NoContent, UnknownFile
from filesync_dagster.core.model import Meter
from filesync_dagster.sync.inventory import current_path, live
from filesync_dagster.sync.runtime import Runtime

IDS_SHOWN = 10


def find_entry(runtime: Runtime, endpoint: Endpoint, path_or_id: str, *, by_id: bool = False) -> FileEntry:
    """Return the live entry at a path, or with an external_id. What is both is the path, unless `by_id`.

    Raises UnknownFile, also when several files have the path: it names their ids. Raises NothingKnown.
    """
    if not by_id:
        found = _select(runtime, endpoint, "path", path_or_id)
        if len(found) > 1:
            ids = ", ".join(entry.external_id for entry in found[:IDS_SHOWN])
            raise UnknownFile(
                f"{len(found)} files of {endpoint.name!r} have the path {path_or_id!r}: {ids}.",
                hint="Name one of them by its id.",
            )
        if found:
            return found[0]
    found = _select(runtime, endpoint, "external_id", path_or_id)
    if not found:
        raise UnknownFile(
            f"The inventory of {endpoint.name!r} has no {'file with the id' if by_id else 'file'} {path_or_id!r}.",
            hint="Paths are as `filesync files` lists them; what is newer than the last sync is not known yet.",
        )
    return found[0]


def open_content_source(runtime: Runtime, endpoint: Endpoint) -> ContentSource:
    """Return the store of an endpoint whose files can be read, to be closed. Raises NoContent, SourceError."""
    source = runtime.open_source(endpoint, Meter())
    try:
        return _readable(source, endpoint)
    except BaseException:
        source.close()
        raise


def open_content(runtime: Runtime, endpoint: Endpoint, entry: FileEntry, *, export: str | None = None) -> ContentStream:
    """Return the content of an entry; closing it closes the connections to the store. Raises SourceError."""
    source = open_content_source(runtime, endpoint)
    try:
        stream = source.open(entry, export=export)
    except BaseException:
        source.close()
        raise
    stream.on_close(source.close)
    return stream


def _readable(source: Source, endpoint: Endpoint) -> ContentSource:
    if not isinstance(source, ContentSource):
        raise NoContent(f"The files of {endpoint.name!r} cannot be read: {endpoint.type} only lists them.")
    return source


def _select(runtime: Runtime, endpoint: Endpoint, column: str, value: str) -> list[FileEntry]:
    snapshot = current_path(runtime, endpoint)
    with runtime.engine() as con:
        query = f"SELECT * FROM ({live(snapshot)}) WHERE {column} = $1 ORDER BY external_id"
        answer = con.execute(query, [value])
        names = [column[0] for column in answer.description or ()]
        return [FileEntry.from_row(dict(zip(names, row, strict=True))) for row in answer.fetchall()]

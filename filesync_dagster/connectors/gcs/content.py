"""The content of an object: of the generation that the inventory has, or none."""

from collections.abc import Mapping

from filesync_dagster.connectors.gcs.errors import CONTENT_TABLE, REPORT
from filesync_dagster.connectors.gcs.rows import generation_of
from filesync_dagster.connectors.gcs.transport import GcsTransport
from filesync_dagster.connectors.object_store.content import NEXT_SYNC, ObjectReading
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import ProtocolViolation, StaleSource
from filesync_dagster.core.model import from_storable_text


def open_object(transport: GcsTransport, entry: FileEntry, offset: int, length: int | None) -> ContentStream:
    """Return the content of an object, or a part of it. Raises SourceError."""
    key, generation = from_storable_text(entry.external_id), generation_of(entry.version)
    where = f"The object {entry.path} of bucket {transport.bucket}"
    condition = {} if generation is None else {"ifGenerationMatch": generation}

    def require(now: object) -> None:
        if not isinstance(now, str):
            raise ProtocolViolation(f"{where} came without its generation.", hint=REPORT)
        if generation is not None and now != generation:
            raise StaleSource(f"{where} is another one by now (generation {now}).", hint=NEXT_SYNC)

    def ask(part: Mapping[str, str]) -> Download:
        # What is stored compressed comes as it is stored: its size and its hash are of that.
        headers = {"accept-encoding": "gzip", **part}
        return transport.download(key, condition, headers, CONTENT_TABLE, where)

    def confirm() -> None:
        told = transport.object(key, "generation", table=CONTENT_TABLE, where=where)
        require((told or {}).get("generation"))

    return ObjectReading(
        transport.calls,
        entry,
        where,
        ask=ask,
        require_same=lambda told: require(told.get("x-goog-generation")),
        confirm=confirm,
    ).open(offset, length)

"""What is in a stored Parquet file: read to its end, for files of which no digest is known."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filesync_dagster.core.schemas import ENTRY_FIELDS, build_batch

IDENTITY = "filesync"
"""The key of the metadata of a Parquet file under which is what it is."""

ESCAPE = "\\"
"""In the ids of rows that were taken over from an older version, with the fingerprint that they had there."""


@dataclass(frozen=True, slots=True)
class FileContents:
    """What a file holds, and what it says of the sync that wrote it; None: files of older versions say nothing."""

    rows: int
    facts: Mapping[str, Any] | None


def read_contents(path: Path, uri: str) -> FileContents | None:
    """Return what is in a Parquet file; None when it cannot be read to its end, or is not what its name says.

    Of one that has facts, every row must have the fingerprint that follows from it.
    """
    rows, is_right = 0, True
    try:
        with pq.ParquetFile(path) as file:
            said = json.loads((file.metadata.metadata or {}).get(IDENTITY.encode(), b"null")) or {}
            facts = said.get("facts")
            for batch in file.iter_batches():
                rows += batch.num_rows
                is_right = is_right and (facts is None or _is_consistent(batch))
    except (OSError, ValueError, AttributeError, pa.ArrowException):
        return None
    *_, kind, endpoint, _, name = uri.split("/")
    itself = [said.get("kind"), said.get("endpoint"), f"{said.get('sync_id')}.parquet"]
    if not is_right or (said and itself != [kind, endpoint, name]):
        return None
    return FileContents(rows, facts)


def _is_consistent(batch: pa.RecordBatch) -> bool:
    if "after" in batch.schema.names:
        after: Any = batch.column("after")
        batch = pa.RecordBatch.from_struct_array(after.filter(after.is_valid()))
    batch = batch.filter(pc.invert(pc.match_substring(batch.column("external_id"), ESCAPE)))
    made = build_batch({field.name: batch.column(field.name) for field in ENTRY_FIELDS}, batch.num_rows)
    return all(batch.column(name).equals(made.column(name)) for name in ("id_hash", "fingerprint"))

"""What lies at a destination, listed and compared with what we know of it."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from filesync_dagster.config import Replication
from filesync_dagster.connectors.destination import PART_SUFFIX, TRASH_FOLDER, Destination, DestinationFile
from filesync_dagster.storage.snapshots import literal

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("path", pa.string()),
    pa.field("kind", pa.string()),
    pa.field("size", pa.int64()),
    pa.field("version", pa.string()),
    pa.field("content_hash", pa.string()),
]
PRESENT_SCHEMA = pa.schema(_FIELDS)
"""A file or folder that a destination has."""


def list_destination(
    con: duckdb.DuckDBPyConnection, destination: Destination, replication: Replication
) -> tuple[int, int]:
    """Make `present` of all that a destination has, and take out of `replica` what is not there any more.

    Return how many files of ours are missing, and how many somebody else changed. Raises SourceError.
    """
    con.register("no_rows", PRESENT_SCHEMA.empty_table())
    con.execute("CREATE OR REPLACE TABLE present AS FROM no_rows")
    con.unregister("no_rows")
    for batch in _batches(destination.list(replication.paths.add.rstrip("/"))):
        con.register("listed_rows", pa.Table.from_batches([batch]))
        con.execute("INSERT INTO present FROM listed_rows")
        con.unregister("listed_rows")
    # What an earlier mapping put elsewhere was not listed, and is not missing.
    ours = f"starts_with(r.dest_path, {literal(replication.paths.add)})" if replication.paths.add else "true"
    gone = f"{ours} AND r.dest_path NOT IN (SELECT path FROM present)"
    [(missing,)] = con.execute(f"SELECT count(*) FROM replica r WHERE r.kind = 'file' AND {gone}").fetchall()
    con.execute(f"CREATE OR REPLACE TABLE missing_files AS SELECT external_id FROM replica r WHERE {gone}")
    con.execute("DELETE FROM replica WHERE external_id IN (SELECT external_id FROM missing_files)")
    return missing, _note_changed(con, replication)


def _note_changed(con: duckdb.DuckDBPyConnection, replication: Replication) -> int:
    """Exclude files of ours that somebody else changed, unless they are to be overwritten; return how many."""
    con.execute("""
        CREATE OR REPLACE TEMP TABLE changed_there AS
        SELECT r.external_id, p.path, p.version,
            coalesce(p.content_hash = r.content_hash AND p.size IS NOT DISTINCT FROM r.size, false) AS same
        FROM replica r JOIN present p ON p.path = r.dest_path
        WHERE r.kind = 'file' AND p.kind = 'file' AND p.version <> r.dest_version
    """)
    [(changed,)] = con.execute("SELECT count(*) FROM changed_there WHERE NOT same").fetchall()
    wanted = "true" if replication.foreign == "overwrite" else "same"
    # Under no version it is sent again, or, where its content is the same, adopted as it is there now.
    con.execute(f"""
        UPDATE replica SET source_version = NULL, dest_version = c.version,
            content_hash = CASE WHEN same THEN content_hash END
        FROM changed_there c WHERE c.external_id = replica.external_id AND ({wanted})
    """)
    if replication.foreign == "report":
        con.execute(f"""
            INSERT INTO excluded
            SELECT c.external_id, 'foreign', d.path,
                chr(39) || c.path || chr(39) || ' was changed by somebody else at the destination: it stays as it is.'
            FROM changed_there c JOIN desired d USING (external_id) WHERE NOT ({wanted})
        """)
    left = f"SELECT external_id FROM changed_there WHERE NOT ({wanted})"
    con.execute(f"DELETE FROM desired WHERE external_id IN ({left})")
    con.execute(f"DELETE FROM replica WHERE external_id IN ({left})")
    return int(changed)


def _batches(listed: Iterable[Sequence[DestinationFile]]) -> Iterator[pa.RecordBatch]:
    for files in listed:
        ours = [one for one in files if not is_internal(one.path)]
        if ours:
            yield pa.record_batch(
                [pa.array([getattr(one, field.name) for one in ours], field.type) for field in PRESENT_SCHEMA],
                schema=PRESENT_SCHEMA,
            )


def is_internal(path: str) -> bool:
    """Tell whether a path is of filesync's own work: its trash, or a part that was never finished."""
    return path == TRASH_FOLDER or path.startswith(f"{TRASH_FOLDER}/") or path.endswith(PART_SUFFIX)

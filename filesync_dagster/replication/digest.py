"""The version of a replica: what Dagster shows to tell one state of it from another."""

import pyarrow as pa

from filesync_dagster.core.model import data_version
from filesync_dagster.core.schemas import fingerprints_of, sum_fingerprints
from filesync_dagster.storage.database.replicas import REPLICA_SCHEMA
from filesync_dagster.sync.runtime import Runtime

WHAT_COUNTS = ("external_id", "dest_path", "kind", "source_version", "size", "content_hash")
"""Of each file. The version at the destination is another one each time that the same is written."""


def replica_version(runtime: Runtime, replication_id: int) -> str:
    """Return the version of what a destination has from us. The order of its files does not matter."""
    schema = pa.schema([REPLICA_SCHEMA.field(name) for name in WHAT_COUNTS])
    rows = fingerprints = 0
    for batch in runtime.metadata.replicas.files(replication_id, schema=schema):
        rows += batch.num_rows
        fingerprints += sum_fingerprints(fingerprints_of(batch.columns))
    return data_version(rows, fingerprints)

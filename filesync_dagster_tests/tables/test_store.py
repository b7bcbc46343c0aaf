"""Stored tables: whole or not there, equal rows share a place, and what was changed on the disk is found out."""

from datetime import date

import pyarrow as pa
import pytest

from filesync_dagster.core.errors import SnapshotCorrupt, SnapshotMissing
from filesync_dagster.tables.model import TableColumn, TableSchema
from filesync_dagster.tables.store import PartsWriter, TableStore, tables_prefix

SCHEMA = TableSchema("people", "hr", (TableColumn("id", pa.int64(), 0), TableColumn("name", pa.string(), 1)))
ARROW = SCHEMA.arrow().remove_metadata()
ROWS = [{"id": 1, "name": "ann"}, {"id": 2, "name": None}, {"id": 3, "name": ""}]
PREFIX = tables_prefix("hr", date(2026, 3, 1))


def batches(*sizes):
    """Return the rows in batches of these sizes."""
    whole, at = pa.RecordBatch.from_pylist(ROWS, schema=ARROW), 0
    for size in sizes:
        yield whole.slice(at, size)
        at += size


def written(store, *sizes, prefix=PREFIX):
    """Store the rows, in batches of these sizes."""
    with store.writer(ARROW, prefix) as writer:
        for batch in batches(*sizes):
            writer.write(batch)
        return writer.finish(SCHEMA)


def test_equal_rows_have_one_place_whatever_their_batches(tmp_path):
    """The hash is over the rows alone; NULL is no empty text."""
    store = TableStore.local(tmp_path)
    first, second = written(store, 3), written(store, 1, 2)
    assert first == second
    assert first.schema.row_count == 3
    table = store.load(first.manifest_uri)
    assert table.schema == first.schema
    assert len(list(tmp_path.rglob("manifest.json"))) == 1
    with PartsWriter(tmp_path / "other", ARROW) as writer:
        for batch in batches(1, 1):
            writer.write(batch)
        writer.write(pa.RecordBatch.from_pylist([{"id": 3, "name": None}], schema=ARROW))
        assert writer.finish(SCHEMA).schema.content_hash != first.schema.content_hash


def test_what_is_abandoned_leaves_nothing(tmp_path):
    """Who leaves before the end finds the folder as it was."""
    store = TableStore.local(tmp_path)
    with store.writer(ARROW, PREFIX) as writer:
        writer.write(next(batches(3)))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_was_changed_or_lost_is_not_a_table(tmp_path):
    """A part that is another, or is not there, is said; so is a manifest that is gone."""
    store = TableStore.local(tmp_path)
    stored = written(store, 3)
    [part] = store.load(stored.manifest_uri).parts
    content = part.read_bytes()
    part.write_bytes(content[:-1] + b"x")
    with pytest.raises(SnapshotCorrupt):
        store.load(stored.manifest_uri)
    part.unlink()
    with pytest.raises(SnapshotMissing):
        store.load(stored.manifest_uri)
    store.delete(stored.manifest_uri)
    with pytest.raises(SnapshotMissing):
        store.load(stored.manifest_uri)
    assert not list(tmp_path.rglob("*.parquet"))

"""Stored tables: Parquet parts named by what is in them, and a manifest that finds them again.

`PartsWriter` writes the parts of a table into a local folder; `TableStore` keeps them under a root, at
`tables/<source>/<day>/<hash>/part-*.parquet` beside `manifest.json`. A manifest is written last, so what has one is
whole. Nothing stored is ever changed: equal tables of one day share a place.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import SnapshotCorrupt, SnapshotMissing
from filesync_dagster.storage.durable import make_folder
from filesync_dagster.storage.snapshots.disk import digest_of, disk_errors
from filesync_dagster.storage.snapshots.roots import FolderRoot, Root, scratch_name
from filesync_dagster.tables.arrow_types import type_name
from filesync_dagster.tables.model import SCHEMA_KEY, Table, TableSchema

PART_BYTES = 512 * 1024 * 1024
"""A part that has grown so large is followed by the next one."""

GROUP_ROWS = 122_880
MANIFEST = "manifest.json"
FORMAT_VERSION = 1
LOST_HINT = "Read the table again from its source."


class RowHash:
    """A hash of rows, whatever the batches that they come in: equal rows of equal columns, equal hash."""

    def __init__(self, schema: pa.Schema) -> None:
        self.rows = 0
        self._head = orjson.dumps([[field.name, type_name(field.type)] for field in schema])
        self._columns = [(hashlib.sha256(), hashlib.sha256(), hashlib.sha256()) for _ in schema]

    def update(self, batch: pa.RecordBatch) -> None:
        """Take the next rows."""
        for (nulls, lengths, values), column in zip(self._columns, batch.columns, strict=True):
            array = column
            if column.null_count:
                places = np.flatnonzero(np.asarray(column.is_null())) + self.rows
                nulls.update(places.astype("<i8").tobytes())
                array = column.drop_null()
            if _has_lengths(array.type):
                offsets, data = _text_parts(array)
                lengths.update(np.diff(offsets).astype("<i8").tobytes())
                values.update(data)
            elif len(array):
                values.update(_fixed_bytes(array))
        self.rows += batch.num_rows

    def digest(self) -> str:
        """Return the hash of all rows so far: "sha256:…"."""
        whole = hashlib.sha256(self._head + self.rows.to_bytes(8, "little"))
        for parts in self._columns:
            for part in parts:
                whole.update(part.digest())
        return f"sha256:{whole.hexdigest()}"


def _has_lengths(kind: pa.DataType) -> bool:
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def _text_parts(array: "pa.Array[Any]") -> tuple[np.ndarray[Any, Any], memoryview]:
    """Return the offsets of the values of an array without NULLs, and their bytes."""
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    _, ends, data = array.buffers()
    if len(array) == 0 or ends is None:
        return np.zeros(1, np.int64), memoryview(b"")
    offsets: np.ndarray[Any, Any] = np.frombuffer(memoryview(ends), np.dtype("<i8" if wide else "<i4"))[
        array.offset : array.offset + len(array) + 1
    ]
    content = memoryview(data)[offsets[0] : offsets[-1]] if data is not None else memoryview(b"")
    return offsets, content


def _fixed_bytes(array: "pa.Array[Any]") -> memoryview:
    """Return the bytes of the values of an array without NULLs whose values all have one size."""
    if pa.types.is_null(array.type):
        return memoryview(b"")
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.uint8())
    width = array.type.bit_width // 8
    data = array.buffers()[1]
    assert data is not None, "values have a buffer"
    return memoryview(data)[array.offset * width : (array.offset + len(array)) * width]


class PartsWriter:
    """Writes rows as the Parquet parts of one table, into a folder of its own.

    The parts carry the schema, of which some is known only at the end, so they stay open until `finish`. Leaving
    the context without it removes them. For one thread. Raises OutOfSpace, NotWritable or StorageError.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        self._schema = schema.remove_metadata()
        self._hash = RowHash(self._schema)
        self._writers: list[pq.ParquetWriter] = []
        self._paths: list[Path] = []
        self._is_done = False

    @property
    def rows(self) -> int:
        """How many rows were written."""
        return self._hash.rows

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the next rows. Raises ValueError where their columns are others than was said."""
        if not batch.schema.equals(self._schema):
            raise ValueError(f"The rows have the columns {batch.schema}, and not {self._schema}.")
        with disk_errors(f"writing a table to {self._folder}"):
            if not self._writers or self._paths[-1].stat().st_size >= PART_BYTES:
                self._open()
            self._writers[-1].write_batch(batch, row_group_size=GROUP_ROWS)
        self._hash.update(batch)

    def _open(self) -> None:
        make_folder(self._folder)
        path = self._folder / f"part-{len(self._paths):05d}.parquet"
        self._writers.append(pq.ParquetWriter(path, self._schema, compression="zstd"))
        self._paths.append(path)

    def finish(self, schema: TableSchema) -> Table:
        """Close the parts and return the table; `schema` gets the number of rows and their hash."""
        whole = replace(schema, row_count=self._hash.rows, content_hash=self._hash.digest())
        if not whole.arrow().remove_metadata().equals(self._schema):
            raise ValueError(f"The schema has the columns {whole.arrow()}, and the rows {self._schema}.")
        with disk_errors(f"writing a table to {self._folder}"):
            if not self._writers:
                self._open()
            for writer in self._writers:
                writer.add_key_value_metadata({SCHEMA_KEY.decode(): orjson.dumps(whole.as_json()).decode()})
                writer.close()
        self._is_done = True
        return Table(whole, tuple(self._paths))

    def abandon(self) -> None:
        """Remove what was written. Idempotent, and nothing after `finish`."""
        if self._is_done:
            return
        for writer in self._writers:
            with suppress(OSError, pa.ArrowException):  # the disk may be full: what it wrote goes anyway
                writer.close()
        for path in self._paths:
            path.unlink(missing_ok=True)
        self._writers, self._paths, self._is_done = [], [], True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()


@dataclass(frozen=True)
class StoredTable:
    """A table that is kept; `manifest_uri` is what finds it again."""

    schema: TableSchema
    manifest_uri: str
    bytes: int


class TableStore:
    """Keeps tables under a root. Safe to share between threads and processes.

    `cache`: a local folder, for what is written and for copies of parts from a root that is no folder. Methods raise
    OutOfSpace, NotWritable or StorageError besides what they name.
    """

    def __init__(self, root: Root, cache: Path) -> None:
        self._root = root
        self._cache = cache / "tables"

    @classmethod
    def local(cls, folder: Path) -> Self:
        """Return the store of a plain folder."""
        return cls(FolderRoot(folder), folder / ".cache")

    def writer(self, schema: pa.Schema, key_prefix: str) -> "TableWriter":
        """Return what writes a table of these columns, below `tables_prefix(…)`."""
        return TableWriter(self, schema, key_prefix, self.scratch_folder())

    def scratch_folder(self) -> Path:
        """Return a new local folder to write into; whoever asked removes it."""
        with disk_errors(f"preparing {self._cache}"):
            make_folder(self._cache, private=True)
            return Path(tempfile.mkdtemp(prefix="table-", dir=self._cache))

    def save(self, table: Table, key_prefix: str) -> StoredTable:
        """Keep a table; the parts that it has are copied. One that is there already is not written again."""
        key = f"{key_prefix}/{_folder_name(table.schema)}"
        uri = self._root.uri(f"{key}/{MANIFEST}")
        with disk_errors(f"storing a table at {uri}"):
            if self._root.exists(f"{key}/{MANIFEST}"):
                return _stored(uri, self._manifest(f"{key}/{MANIFEST}"))
            parts = [self._put(path, f"{key}/{path.name}") for path in table.parts]
            manifest = {"version": FORMAT_VERSION, "schema": table.schema.as_json(), "parts": parts}
            self._root.create(f"{key}/{MANIFEST}", orjson.dumps(manifest, option=orjson.OPT_INDENT_2).decode())
        return _stored(uri, manifest)

    def _put(self, path: Path, key: str) -> dict[str, Any]:
        written = self._root.scratch(key)
        try:
            shutil.copyfile(path, written)
            facts = {"name": path.name, "bytes": written.stat().st_size, "digest": digest_of(written)}
            self._root.put(written, key)
        finally:
            written.unlink(missing_ok=True)
        return facts

    def load(self, manifest_uri: str) -> Table:
        """Return a table that is kept, with its parts on a local disk, proven to be what was written.

        Raises SnapshotMissing or SnapshotCorrupt.
        """
        key = self._root.key(manifest_uri)
        if key is None:
            raise SnapshotMissing(f"{manifest_uri} is not below {self._root.uri('')}.", hint=LOST_HINT)
        with disk_errors(f"reading {manifest_uri}"):
            manifest = self._manifest(key)
            folder = key.rpartition("/")[0]
            parts = tuple(self._local(f"{folder}/{part['name']}", part) for part in manifest["parts"])
        return Table(TableSchema.from_json(manifest["schema"]), parts)

    def delete(self, manifest_uri: str) -> None:
        """Let go of a table: its manifest first, so that nobody finds half of it. Nothing happens where none is."""
        key = self._root.key(manifest_uri)
        if key is None:
            return
        folder = key.rpartition("/")[0]
        with disk_errors(f"deleting {manifest_uri}"):
            self._root.delete(key)
            for other, _ in list(self._root.walk(folder)):
                self._root.delete(other)
            shutil.rmtree(self._cache / folder, ignore_errors=True)

    def _manifest(self, key: str) -> dict[str, Any]:
        try:
            manifest = orjson.loads(self._root.read(key))
        except FileNotFoundError as error:
            raise SnapshotMissing(f"There is no table at {self._root.uri(key)}.", hint=LOST_HINT) from error
        except ValueError as error:
            raise SnapshotCorrupt(f"{self._root.uri(key)} is no manifest of a table.", hint=LOST_HINT) from error
        if not isinstance(manifest, dict) or manifest.get("version") != FORMAT_VERSION:
            raise SnapshotCorrupt(f"{self._root.uri(key)} is no manifest of a table that is known.", hint=LOST_HINT)
        return manifest

    def _local(self, key: str, part: Mapping[str, Any]) -> Path:
        """Return a part on a local disk. Raises SnapshotMissing or SnapshotCorrupt."""
        if isinstance(self._root, FolderRoot):
            path = Path(self._root.uri(key))
            if not path.is_file():
                raise SnapshotMissing(f"{path}, a part of a table, is not there.", hint=LOST_HINT)
        else:
            path = self._cache / key
            if not (path.is_file() and digest_of(path) == part["digest"]):
                self._download(key, path)
        if digest_of(path) != part["digest"]:
            raise SnapshotCorrupt(f"{path}, a part of a table, is not what was written.", hint=LOST_HINT)
        return path

    def _download(self, key: str, path: Path) -> None:
        make_folder(path.parent, private=True)
        scratch = path.with_name(scratch_name(path.name))
        try:
            self._root.get(key, scratch)
            scratch.replace(path)
        except FileNotFoundError as error:
            raise SnapshotMissing(f"{self._root.uri(key)}, a part of a table, is not there.", hint=LOST_HINT) from error
        finally:
            scratch.unlink(missing_ok=True)


class TableWriter:
    """Writes one table into a store: rows, then `finish`. What is abandoned leaves nothing behind. For one thread."""

    def __init__(self, store: TableStore, schema: pa.Schema, key_prefix: str, folder: Path) -> None:
        self._store = store
        self._key_prefix = key_prefix
        self._folder = folder
        self._parts = PartsWriter(folder, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the next rows."""
        self._parts.write(batch)

    def finish(self, schema: TableSchema) -> StoredTable:
        """Keep the table; its schema gets the number of rows and their hash."""
        try:
            return self._store.save(self._parts.finish(schema), self._key_prefix)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def abandon(self) -> None:
        """Remove what was written. Idempotent."""
        self._parts.abandon()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()


def tables_prefix(source: str, day: date) -> str:
    """Return the prefix of the keys of what was read from a source on a day. `source` is a slug: it names a folder."""
    if not source or "/" in source or source.startswith("."):
        raise ValueError(f"{source!r} is no name of a folder.")
    return f"tables/{source}/{day.isoformat()}"


def _folder_name(schema: TableSchema) -> str:
    """Return what tells a table from others: its rows and all that its schema says, but for when it was read."""
    said = orjson.dumps(replace(schema, read_at=None).as_json(), option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(said).hexdigest()[:32]


def _stored(uri: str, manifest: Mapping[str, Any]) -> StoredTable:
    size = sum(part["bytes"] for part in manifest["parts"])
    return StoredTable(TableSchema.from_json(manifest["schema"]), uri, size)

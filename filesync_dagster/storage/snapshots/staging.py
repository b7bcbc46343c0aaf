"""The pages of one listing, durable on the local disk until the sync has committed."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.storage.durable import make_folder, publish
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.storage.snapshots.engine import parquet

STAGED_SCHEMA = FILE_SCHEMA.append(pa.field("seq", pa.int64(), nullable=False)).append(
    pa.field("selected", pa.bool_(), nullable=False)
)
"""A staged row: an entry, the order of its arrival in this listing, and whether the filters select it."""


class Staging:
    """Segments (Parquet files) of each scope of one listing, in one folder. For one thread.

    Invariant: the segments of a scope on disk are whole, and numbered from 1 without gaps. `segments` tells how
    many of each scope a checkpoint vouches for; all others are discarded.

    Methods raise OutOfSpace, NotWritable or StorageError.
    """

    def __init__(self, folder: Path, segments: Mapping[str, int]) -> None:
        self.folder = folder
        self._durable = dict(segments)
        self._pending: dict[str, list[pa.RecordBatch]] = {}
        with disk_errors(f"preparing {folder}"):
            kept = {path for scope, count in segments.items() for path in _files(folder, scope, count)}
            for path in set(folder.glob("*/*")) - kept:
                path.unlink()
            self._seq = max((_last_seq(path) for path in kept), default=-1) + 1

    @classmethod
    def has(cls, folder: Path, segments: Mapping[str, int]) -> bool:
        """Tell whether all these segments are still there and readable, so that the listing can resume."""
        return all(_is_whole(path) for scope, count in segments.items() for path in _files(folder, scope, count))

    def append(self, scope: str, batch: pa.RecordBatch, selected: pa.BooleanArray) -> None:
        """Take a batch (FILE_SCHEMA) and, row by row, whether the filters select it (boolean). In memory only."""
        seq = pa.array(range(self._seq, self._seq + batch.num_rows), pa.int64())
        self._seq += batch.num_rows
        staged = pa.record_batch([*batch.select(FILE_SCHEMA.names).columns, seq, selected], schema=STAGED_SCHEMA)
        self._pending.setdefault(scope, []).append(staged)

    def flush(self, scope: str) -> int:
        """Make what was appended to a scope durable; return how many segments of it are."""
        batches = self._pending.pop(scope, [])
        count = self._durable.setdefault(scope, 0)
        if not any(batch.num_rows for batch in batches):
            return count
        final = _file(self.folder, scope, count + 1)
        written = final.with_suffix(".tmp")
        with disk_errors(f"staging a listing in {self.folder}"):
            make_folder(final.parent)
            pq.write_table(pa.Table.from_batches(batches), written, compression="lz4")
            publish(written, final)
        self._durable[scope] = count + 1
        return count + 1

    def relation(self, con: duckdb.DuckDBPyConnection, name: str = "staged") -> str:
        """Create the view `name` over all that is durable, in STAGED_SCHEMA; return its name."""
        files = [path for scope, count in sorted(self._durable.items()) for path in _files(self.folder, scope, count)]
        quoted = '"' + name.replace('"', '""') + '"'
        with disk_errors(f"reading the listing staged in {self.folder}"):
            if not files:
                make_folder(self.folder)
                files = [self._empty()]
            con.execute(f"CREATE OR REPLACE VIEW {quoted} AS FROM {parquet(files)}")
        return name

    def _empty(self) -> Path:
        path = self.folder / "empty.parquet"
        pq.write_table(STAGED_SCHEMA.empty_table(), path)
        return path

    def discard(self) -> None:
        """Delete the folder. Idempotent."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @classmethod
    def discard_all(cls, parent: Path) -> None:
        """Delete every listing in a folder of listings."""
        if parent.is_dir():
            for folder in parent.iterdir():
                shutil.rmtree(folder, ignore_errors=True)


def _file(folder: Path, scope: str, number: int) -> Path:
    # A scope is any text of a store; the name of its folder must suit every disk.
    return folder / hashlib.sha256(scope.encode()).hexdigest()[:16] / f"{number:08d}.parquet"


def _files(folder: Path, scope: str, count: int) -> list[Path]:
    return [_file(folder, scope, number) for number in range(1, count + 1)]


def _is_whole(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return False
    return True


def _last_seq(path: Path) -> int:
    meta = pq.read_metadata(path)
    column = STAGED_SCHEMA.get_field_index("seq")
    groups = (meta.row_group(i).column(column).statistics for i in range(meta.num_row_groups))
    return max(int(str(group.max)) for group in groups if group is not None)

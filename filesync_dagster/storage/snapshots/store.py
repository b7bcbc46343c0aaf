"""Snapshots and change files under one root: `<kind>/<endpoint>/<YYYY-MM-DD>/<sync>.parquet`."""

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from os.path import expanduser
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import ConfigError, ForeignRoot, SnapshotCorrupt, SnapshotMissing
from filesync_dagster.core.model import canonical_json
from filesync_dagster.core.model import data_version as version_of
from filesync_dagster.core.schemas import sum_fingerprints
from filesync_dagster.storage.snapshots import quarantine
from filesync_dagster.storage.snapshots.cache import Cache, digest_in
from filesync_dagster.storage.snapshots.contents import IDENTITY, FileContents, read_contents
from filesync_dagster.storage.snapshots.disk import digest_of, disk_errors
from filesync_dagster.storage.snapshots.engine import literal
from filesync_dagster.storage.snapshots.roots import FolderRoot, Root, is_scratch
from filesync_dagster.storage.snapshots.s3_root import S3Root

SnapshotKind = Literal["snapshots", "changes"]

# Plain encodings, which every reader knows; row groups big enough for zstd, small enough to share between threads.
PARQUET = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880"
CSV = "FORMAT csv, HEADER true"
OURS = re.compile(r"(snapshots|changes)/[^/]+/\d{4}-\d\d-\d\d/[^/]+")
SUFFIXES = (".parquet", ".csv")
MARKER = "filesync.json"
"""The file at the top of a root that says whose it is."""

LOST_HINT = "Restore it from a backup, or run a full sync to write a new one."


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that was written; `uri` is what finds it again."""

    uri: str
    rows: int
    bytes: int
    digest: str


class SnapshotStore:
    """Writes, finds and lets go of the files of all endpoints. Safe to share between threads.

    `root` is a folder or `s3://bucket/prefix?region=…&endpoint_override=host:port&scheme=http`, `cache` a local folder
    for downloads, `options` are keyword arguments of boto3's client (aws_access_key_id, …); without them the usual
    AWS chain finds credentials. Constructing does no I/O; it raises ConfigError for any other URL.

    `digest_for` tells how the file of a URI must read; None: nobody noted it. No file is handed out that reads
    otherwise. `private`: in a folder, nobody but the owner may read what is written. `owner`: the id of the
    installation whose root it is; nothing is written to, or deleted from, the root of another one.

    Methods raise OutOfSpace, NotWritable or StorageError besides what they name.
    """

    def __init__(
        self,
        root: str,
        cache: Path,
        options: Mapping[str, Any] | None = None,
        *,
        digest_for: Callable[[str], str | None] = lambda _: None,
        private: bool = True,
        owner: Callable[[], str] | None = None,
    ) -> None:
        self._owner = owner
        self._is_claimed = False
        self._digest_for = digest_for
        self._root = _root_at(root, cache, options or {}, private=private)
        self._cache = Cache(cache / "snapshots")
        self._scratch = cache

    def write(  # noqa: PLR0917  # the parts of a path, in their order
        self,
        con: duckdb.DuckDBPyConnection,
        relation_sql: str,
        kind: SnapshotKind,
        endpoint: str,
        day: date,
        sync_id: str,
        facts: Mapping[str, Any] | None = None,
    ) -> StoredFile:
        """Store the rows of a query as Parquet, durably. The file is there whole or not at all, even after a crash.

        `facts`: what else it says of itself, as JSON.
        """
        key = _key(kind, endpoint, day, sync_id)
        own = {"kind": kind, "endpoint": endpoint, "sync_id": sync_id}
        identity = literal(canonical_json({**own, "facts": facts} if facts else own))
        return self._copy(con, relation_sql, f"{PARQUET}, KV_METADATA {{{IDENTITY}: {identity}}}", key)

    def write_csv(  # noqa: PLR0917  # likewise
        self,
        con: duckdb.DuckDBPyConnection,
        relation_sql: str,
        kind: SnapshotKind,
        endpoint: str,
        day: date,
        sync_id: str,
    ) -> StoredFile:
        """Store the rows of a query as CSV beside the Parquet file; structs become columns (`before_size`)."""
        return self._copy(con, _flat(con, relation_sql), CSV, _key(kind, endpoint, day, sync_id, ".csv"))

    def uri(
        self, kind: SnapshotKind, endpoint: str, day: date, sync_id: str, suffix: str = ".parquet"
    ) -> str:  # likewise
        """Return how a file that will be written is called."""
        return self._root.uri(_key(kind, endpoint, day, sync_id, suffix))

    def _copy(self, con: duckdb.DuckDBPyConnection, query: str, options: str, key: str) -> StoredFile:
        self.claim()
        with disk_errors(f"writing {self._root.uri(key)}"):
            scratch = self._root.scratch(key)
            try:
                [(rows,)] = con.execute(
                    f"COPY ({query}) TO {literal(str(scratch))} ({options}, USE_TMP_FILE false)"
                ).fetchall()
                size, digest = scratch.stat().st_size, digest_of(scratch)
                self._root.put(scratch, key)
            finally:
                scratch.unlink(missing_ok=True)
        return StoredFile(self._root.uri(key), int(rows), size, digest)

    def claim(self, *, take_over: bool = False) -> None:
        """Mark the root as this installation's, once. Raises ForeignRoot when it is another one's.

        `take_over`: then it is not any more. What is there stays.
        """
        if self._owner is None or (self._is_claimed and not take_over):
            return
        text = canonical_json({"installation": self._owner()})
        with disk_errors(f"looking at {self._root.uri(MARKER)}"):
            if take_over:
                self._root.delete(MARKER)
            self._root.create(MARKER, text)
            found = self._root.read(MARKER)
        if found != text:
            raise self._foreign()
        self._is_claimed = True

    def claimed_root(self) -> Root:
        """Return the root itself, for what else is kept there. Raises ForeignRoot."""
        self.claim()
        return self._root

    def is_foreign(self) -> bool:
        """Tell whether the root is marked as another installation's. Writes nothing."""
        with disk_errors(f"looking at {self._root.uri(MARKER)}"):
            if self._owner is None or not self._root.exists(MARKER):
                return False
            return self._root.read(MARKER) != canonical_json({"installation": self._owner()})

    def check(self) -> int | None:
        """Find out whether files can be stored; return how many bytes are free, where that is known."""
        with disk_errors(f"looking at {self._root.uri('')}"):
            return self._root.check()

    def local(self, uri: str, digest: str | None = None) -> Path:
        """Return a local file with the content of a stored one: itself, or a copy from the cache.

        `digest`: how it must read, where that is at hand. Raises SnapshotMissing, or SnapshotCorrupt when it does not
        read as it was written.
        """
        path, wanted = self._path(uri), digest or self._digest_for(uri)
        try:
            if wanted is not None:
                found = digest_in(path) if self._cache.has(path) else digest_of(path)
                is_right = found == wanted
            else:
                is_right = not uri.endswith(".parquet") or read_contents(path, uri) is not None
        except OSError as exc:
            raise SnapshotCorrupt(f"The stored file {uri} cannot be read: {exc.strerror}.", hint=LOST_HINT) from exc
        if not is_right:
            self._cache.forget(path)
            raise SnapshotCorrupt(f"The stored file {uri} is damaged, or another one.", hint=LOST_HINT)
        return path

    def _path(self, uri: str) -> Path:
        key = self._root.key(uri)
        if "://" in uri and key is None:
            raise SnapshotMissing(
                f"The stored file {uri} is not below the snapshot root.",
                hint="Set snapshot_root to where it was written.",
            )
        if isinstance(self._root, FolderRoot) or key is None:
            if not Path(uri).is_file():
                raise SnapshotMissing(f"The stored file {uri} is not there.", hint=LOST_HINT)
            return Path(uri)
        found = self._cache.find(uri)
        if found is None:
            with disk_errors(f"fetching {uri}"):
                try:
                    found = self._cache.fill(uri, key.split("/")[1], lambda to: self._root.get(key, to))
                except FileNotFoundError as exc:
                    raise SnapshotMissing(f"The stored file {uri} is not there.", hint=LOST_HINT) from exc
        return found

    def derive_file(self, name: str, endpoint: str, write: Callable[[Path], None]) -> Path:
        """Return a local file made of stored ones, by `write` when it is not at hand. `name`: what it is made of."""
        with disk_errors(f"preparing {name}"):
            return self._cache.find(name) or self._cache.fill(name, endpoint, write)

    def verify(self, uri: str, data_version: str | None, path: Path | None = None) -> None:
        """Raise SnapshotCorrupt unless a stored snapshot is readable and, if given, has this data version.

        Reads the column of fingerprints only, of `path` where what is stored was put together there. Raises
        SnapshotMissing when it is not there.
        """
        path = path or self.local(uri)
        rows = fingerprints = 0
        try:
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=["fingerprint"]):
                    rows += batch.num_rows
                    fingerprints += sum_fingerprints(batch.column(0))
        except (OSError, pa.ArrowException) as exc:
            self._cache.forget(path)
            raise SnapshotCorrupt(f"The stored file {uri} cannot be read.", hint=LOST_HINT) from exc
        if data_version is not None and version_of(rows, fingerprints) != data_version:
            self._cache.forget(path)
            raise SnapshotCorrupt(f"The stored file {uri} is not what was written.", hint=LOST_HINT)

    def sample(self, uri: str, column: str, size: int) -> list[str]:
        """Return about `size` values of a text column, evenly spread over the rows of a stored file."""
        with pq.ParquetFile(self.local(uri)) as file:
            stride, skip = max(1, file.metadata.num_rows // size), 0
            found: list[str] = []
            for batch in file.iter_batches(columns=[column]):
                values = batch.column(0)
                found += map(str, values.take(pa.array(range(skip, len(values), stride), pa.int64())).to_pylist())
                skip = (skip - len(values)) % stride
        return found

    def exists(self, uri: str) -> bool:
        """Tell whether a stored file is there."""
        key = self._root.key(uri)
        if key is None:
            return "://" not in uri and Path(uri).is_file()
        with disk_errors(f"looking for {uri}"):
            return self._root.exists(key)

    def delete(self, uris: Iterable[str]) -> None:
        """Delete stored files and their CSV twins. Files that are gone already, or outside this root, are left."""
        self.claim()
        for uri in uris:
            key = self._root.key(uri)
            if key is None or not OURS.fullmatch(key):
                continue
            with disk_errors(f"deleting {uri}"):
                self._root.delete(key)
                if key.endswith(".parquet"):
                    self._root.delete(key.removesuffix(".parquet") + ".csv")
            self._cache.drop(uri)

    def sweep(
        self,
        referenced: Collection[str],
        older_than: timedelta,
        *,
        written: Collection[str] | None = None,
        endpoint: str | None = None,
        spare: str = "/",
    ) -> int:
        """Delete what crashed syncs left; return how many files. `referenced`: every URI that the database points to.

        Only temporary files and files in our layout that nobody points to go, and only when they are older than
        `older_than`, which must exceed the longest sync. The CSV of a referenced Parquet file counts as referenced.
        With `endpoint`, only its files below the root; whoever holds its lease need not wait for them to grow old.
        Files with `spare` in their names stay. `written`: every URI that the database had written or begun; what is in
        none of both is somebody's whom it does not know, as after a restore, and stays.
        """
        kept = self._keys(referenced)
        ours = None if written is None else {key for uri in written if (key := self._root.key(uri))}
        self.claim()
        swept = 0
        with disk_errors("sweeping the snapshot root"):
            for kind in ("snapshots", "changes"):
                folder = f"{kind}/{endpoint}" if endpoint else kind
                stale = [key for key, age in self._root.walk(folder) if age > older_than.total_seconds()]
                for key in stale:
                    name = Path(key).name
                    is_ours = is_scratch(name) or (key.endswith(SUFFIXES) and (ours is None or key in ours))
                    if OURS.fullmatch(key) and is_ours and key not in kept and spare not in name:
                        self._root.delete(key)
                        swept += 1
            for path in self._scratch.rglob("*.tmp") if endpoint is None else ():
                if is_scratch(path.name) and time.time() - path.stat().st_mtime > older_than.total_seconds():
                    path.unlink(missing_ok=True)
                    swept += 1
        return swept

    def endpoints(self) -> list[str]:
        """Return the names of the endpoints of which there are files."""
        with disk_errors(f"looking at {self._root.uri('')}"):
            return sorted({name for kind in quarantine.KINDS for name in self._root.folders(kind)})

    def files(self, endpoint: str) -> list[str]:
        """Return the URIs of the files of an endpoint, in the order of their names."""
        with disk_errors(f"looking at the files of {endpoint}"):
            keys = [key for kind in quarantine.KINDS for key, _ in self._root.walk(f"{kind}/{endpoint}")]
        ours = (key for key in keys if OURS.fullmatch(key) and key.endswith(SUFFIXES))
        return sorted(self._root.uri(key) for key in ours if not is_scratch(Path(key).name))

    def examine(self, uri: str) -> tuple[StoredFile, Mapping[str, Any] | None]:
        """Read a stored file of which nothing is known; return what it is, and the facts that it has of itself.

        Raises SnapshotMissing, or SnapshotCorrupt when it cannot be read, or is not what its name says.
        """
        path = self._path(uri)
        try:
            found = read_contents(path, uri) if uri.endswith(".parquet") else FileContents(0, None)
            if found is not None:
                return StoredFile(uri, found.rows, path.stat().st_size, digest_of(path)), found.facts
        except OSError as exc:
            raise SnapshotCorrupt(f"The stored file {uri} cannot be read: {exc.strerror}.", hint=LOST_HINT) from exc
        self._cache.forget(path)
        raise SnapshotCorrupt(f"The stored file {uri} is damaged, or another one.", hint=LOST_HINT)

    def put_aside(
        self, endpoint: str, known: Collection[str], older_than: timedelta, today: date, *, dry_run: bool = False
    ) -> int:
        """Move files of an endpoint that are older than `older_than`, and not `known` by their URIs, to the quarantine.

        Return how many. The CSV of a known Parquet file is known.
        """
        kept = self._keys(known)
        self._claim_unless(dry_run)
        with disk_errors(f"putting unknown files of {endpoint} aside"):
            return quarantine.put_aside(self._root, endpoint, kept, older_than, today, dry_run=dry_run)

    def clear_quarantine(self, older_than: timedelta, today: date, *, dry_run: bool = False) -> int:
        """Delete what has been in the quarantine for longer than that; return how many files."""
        self._claim_unless(dry_run)
        with disk_errors("clearing the quarantine"):
            return quarantine.clear(self._root, older_than, today, dry_run=dry_run)

    def _claim_unless(self, dry_run: bool) -> None:  # what it asks is its name
        if not dry_run:
            self.claim()
        elif self.is_foreign():
            raise self._foreign()

    def _foreign(self) -> ForeignRoot:
        return ForeignRoot(
            f"The snapshot root {self._root.uri('')} belongs to another installation of filesync (its {MARKER}).",
            hint="Give this one a folder of its own in snapshot_root. Should its database be lost for good,"
            " `filesync maintain --adopt` takes the root over.",
        )

    def _keys(self, uris: Collection[str]) -> set[str]:
        """Return the keys of URIs of this root, the CSV twins of Parquet files included."""
        kept = {key for uri in uris if (key := self._root.key(uri))}
        return kept | {key.removesuffix(".parquet") + ".csv" for key in kept}


def _root_at(place: str, cache: Path, options: Mapping[str, Any], *, private: bool) -> Root:
    scheme = urlsplit(place).scheme
    if scheme == "s3":
        return S3Root(place, cache / "uploads", options)
    if "://" in place and scheme != "file":
        raise ConfigError([f"The snapshot root {place!r} is neither a folder nor s3://bucket/prefix."])
    folder = urlsplit(place).path if scheme == "file" else place
    return FolderRoot(Path(expanduser(folder)), private=private)  # noqa: PTH111 - Path's fails for a user that does not exist


def _key(kind: str, endpoint: str, day: date, sync_id: str, suffix: str = ".parquet") -> str:
    return f"{kind}/{endpoint}/{day.isoformat()}/{sync_id}{suffix}"


def _flat(con: duckdb.DuckDBPyConnection, query: str) -> str:
    """Return a query with the fields of structs as columns of their own."""
    columns = []
    for name, kind, *_ in con.execute(f"DESCRIBE {query}").fetchall():
        column = '"' + name.replace('"', '""') + '"'
        if kind.startswith("STRUCT("):
            fields = con.execute(f"DESCRIBE SELECT unnest({column}) FROM ({query})").fetchall()
            columns += [f'{column}."{field}" AS "{name}_{field}"' for field, *_ in fields]
        else:
            columns.append(column)
    return f"SELECT {', '.join(columns)} FROM ({query})"

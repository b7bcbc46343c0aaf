"""A configuration opened for work: the database, the snapshot store, a DuckDB engine, the stores themselves.

Everything is opened on first use, its libraries loaded then; `close` releases it. One runtime serves many threads.
"""

from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Self

from pydantic import SecretStr

from filesync_dagster.config import Config, Endpoint
from filesync_dagster.connectors import CONNECTORS, Source
from filesync_dagster.core.errors import NotWritable
from filesync_dagster.core.model import Meter
from filesync_dagster.core.secrets import Resolve, resolve_secret, secrets_manager, with_secrets
from filesync_dagster.storage.database import EndpointRecord, Metadata, StoredFileRecord
from filesync_dagster.storage.durable import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from filesync_dagster.storage.snapshots import Engines, SnapshotStore, StoredFile

LOCK_SECONDS = 30.0
"""How long a database that another process has locked is waited for."""

ENGINE_THREADS = 2
"""Threads of one diff; several endpoints are compared at once."""


class Runtime:
    """See the module's docstring."""

    def __init__(self, config: Config, *, secrets: Resolve | None = None) -> None:
        self.config = config
        self.home = config.environment.home
        self._secrets = secrets or secrets_manager()
        self._private = config.settings.private_files
        self._lock = RLock()
        self._memory_limit = f"{int(config.settings.memory_limit)}B"

    @cached_property
    def _metadata(self) -> Metadata:
        configured = self.config.settings.database_url
        url = self.config.environment.database_url or (configured.get_secret_value() if configured else None)
        return Metadata.open(
            url or f"sqlite:///{self.folder() / 'filesync.db'}", patience=LOCK_SECONDS, private=self._private
        )

    @property
    def metadata(self) -> Metadata:
        """The metadata database, created or migrated when first asked for."""
        with self._lock:
            return self._metadata

    @cached_property
    def _engines(self) -> "Engines":
        from filesync_dagster.storage.snapshots import Engines

        return Engines(self._memory_limit, self.home / "tmp", ENGINE_THREADS)

    @property
    def snapshots(self) -> "SnapshotStore":
        """Where snapshots and change files are kept."""
        with self._lock:
            return self._snapshots

    @cached_property
    def _snapshots(self) -> "SnapshotStore":
        from filesync_dagster.storage.snapshots import SnapshotStore

        root = self.config.environment.snapshot_root or self.config.settings.snapshot_root
        return SnapshotStore(
            root or str(self.home / "data"),
            self.home / "cache",
            digest_for=self.digest_of,
            private=self._private,
            owner=lambda: self.installation,
        )

    @cached_property
    def installation(self) -> str:
        """The id of the installation, which its database has."""
        return self.metadata.stored_files.installation()

    def digest_of(self, uri: str) -> str | None:
        """Return how a stored file must read; None when nobody noted it."""
        known = self.metadata.stored_files.get(uri)
        return known.digest if known else None

    @contextmanager
    def written_files(self, endpoint_id: int, uris: "Sequence[str]") -> "Iterator[list[StoredFile]]":
        """Write stored files under these names; take what was written, which is noted at the end.

        Whatever ends it before that: the database knows that files of these names are of its own making.
        """
        files: list[StoredFile] = []
        self.metadata.stored_files.begin(endpoint_id, uris)
        yield files
        records = [StoredFileRecord(file.uri, file.rows, file.bytes, file.digest) for file in files]
        self.metadata.stored_files.finish(records)

    def folder(self, *parts: str) -> Path:
        """Return a folder under the home, made if need be."""
        path = self.home.joinpath(*parts)
        try:
            make_folder(path, private=self._private)
        except OSError as exc:
            raise NotWritable(
                f"The folder {path} cannot be made: {exc.strerror}.", hint="Set FILESYNC_HOME to a writable folder."
            ) from exc
        return path

    @contextmanager
    def engine(self) -> "Iterator[duckdb.DuckDBPyConnection]":
        """Lend a DuckDB connection of its own, bounded by the memory limit; past that it works in the home."""
        from filesync_dagster.storage.snapshots import disk_errors

        folder = self.folder("tmp")
        with self._lock:  # from Python 3.12 on, two threads would make two: one would never be closed
            engines = self._engines
        with engines.lend() as con, disk_errors(f"comparing snapshots in {folder}"):
            yield con

    def connect(self) -> "duckdb.DuckDBPyConnection":
        """Return a DuckDB database of one's own, bounded like one that is lent; it lives as long as what is in it."""
        from filesync_dagster.storage.snapshots import connect

        return connect(self._memory_limit, self.folder("tmp"), ENGINE_THREADS)

    def open_source(self, endpoint: Endpoint, meter: Meter) -> Source:
        """Return the connector of an endpoint, with its secrets fetched and its filters used to prune."""
        details = with_secrets(endpoint.endpoint_details, self._secrets)
        prune = None if endpoint.filters.is_default else endpoint.filters.excludes_tree
        return CONNECTORS[endpoint.type].open(details, meter, prune=prune)

    @property
    def secrets(self) -> Resolve:
        """What fetches secrets that are references."""
        return self._secrets

    def secret(self, value: SecretStr) -> str:
        """Return what a secret says; it is fetched where it is a reference. Raises ConfigError."""
        return resolve_secret(value, self._secrets)

    def register(self, endpoint: Endpoint) -> int:
        """Make sure that the database knows the endpoint as it is configured now; return its id."""
        return self.metadata.endpoints.register(
            EndpointRecord(
                name=endpoint.name,
                type=endpoint.type,
                title=endpoint.label,
                project_id=endpoint.project_id,
                user_id=endpoint.user_id,
                details=endpoint.public_details(),
                is_active=endpoint.is_active,
            ),
        )

    def close(self) -> None:
        """Release the databases."""
        with self._lock:
            if "_engines" in self.__dict__:
                self._engines.close()
            if "_metadata" in self.__dict__:
                self._metadata.close()
                del self.__dict__["_metadata"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

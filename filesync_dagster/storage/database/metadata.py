"""The metadata database as the rest of filesync sees it."""

from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from filesync_dagster.storage.database.adoption import AdoptionRepository
from filesync_dagster.storage.database.alerts import AlertRepository
from filesync_dagster.storage.database.audit import AuditRepository
from filesync_dagster.storage.database.change_marks import ChangeMarkRepository
from filesync_dagster.storage.database.checkpoints import CheckpointRepository
from filesync_dagster.storage.database.console_sessions import ConsoleSessionRepository
from filesync_dagster.storage.database.data_sources import DataSourceRepository
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.endpoints import EndpointRepository
from filesync_dagster.storage.database.leases import REPLICATION, Lease, LeaseRepository
from filesync_dagster.storage.database.logs import SyncRepository
from filesync_dagster.storage.database.migrate import migrate
from filesync_dagster.storage.database.queues import QueueRepository
from filesync_dagster.storage.database.read_jobs import ReadJobRepository
from filesync_dagster.storage.database.records import NewState, SyncRecord
from filesync_dagster.storage.database.replications import ReplicationRepository
from filesync_dagster.storage.database.requests import RequestRepository
from filesync_dagster.storage.database.session_files import SessionFileRepository
from filesync_dagster.storage.database.sessions import SessionRepository
from filesync_dagster.storage.database.source_reads import SourceReadRepository
from filesync_dagster.storage.database.stored_files import StoredFileRepository
from filesync_dagster.storage.database.stored_tables import StoredTableRepository
from filesync_dagster.storage.database.uploads import UploadRepository

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from filesync_dagster.storage.database.browse import BrowseRepository
    from filesync_dagster.storage.database.plans import PlanRepository
    from filesync_dagster.storage.database.replicas import ReplicaRepository
    from filesync_dagster.storage.database.row_streams import FileRepository
    from filesync_dagster.storage.database.search import SearchRepository


class Metadata:
    """An open metadata database. Threads may share one; processes each open their own.

    Its rows are read and written by subject: `metadata.syncs`, `metadata.files`, …

    Every method of theirs may raise a StorageError: DatabaseUnavailable, DatabaseLocked, NotWritable, OutOfSpace or,
    for what has no name, DatabaseError. Methods that take a lease raise LeaseLost, and change nothing, when it is lost.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.endpoints = EndpointRepository(database)
        self.checkpoints = CheckpointRepository(database)
        self.syncs = SyncRepository(database)
        self.stored_files = StoredFileRepository(database)
        self.adoption = AdoptionRepository(database)
        self.queues = QueueRepository(database)
        self.alerts = AlertRepository(database)
        self.requests = RequestRepository(database)
        self.console_sessions = ConsoleSessionRepository(database)
        self.replications = ReplicationRepository(database)
        self.data_sources = DataSourceRepository(database)
        self.uploads = UploadRepository(database)
        self.tables = StoredTableRepository(database)
        self.source_reads = SourceReadRepository(database)
        self.read_jobs = ReadJobRepository(database)
        self.sessions = SessionRepository(database)
        self.session_files = SessionFileRepository(database)
        self.audit = AuditRepository(database)
        self.change_marks = ChangeMarkRepository(database)
        self.leases = LeaseRepository(database)
        self.replication_leases = LeaseRepository(database, REPLICATION)

    @cached_property
    def search(self) -> "SearchRepository":
        """Files that are looked for."""
        from filesync_dagster.storage.database.search import SearchRepository

        return SearchRepository(self._database)

    @cached_property
    def browse(self) -> "BrowseRepository":
        """Files as somebody walks through them."""
        from filesync_dagster.storage.database.browse import BrowseRepository

        return BrowseRepository(self._database)

    @cached_property
    def replicas(self) -> "ReplicaRepository":
        """What destinations have from us."""
        from filesync_dagster.storage.database.replicas import ReplicaRepository

        return ReplicaRepository(self._database)

    @cached_property
    def plans(self) -> "PlanRepository":
        """Plans of replications, and their operations."""
        from filesync_dagster.storage.database.plans import PlanRepository

        return PlanRepository(self._database)

    @cached_property
    def files(self) -> "FileRepository":
        """Files and their journal. Whoever reads no rows need not load Arrow."""
        from filesync_dagster.storage.database.row_streams import FileRepository

        return FileRepository(self._database)

    @classmethod
    def open(cls, url: str, *, patience: float = 60.0, private: bool = True) -> Self:
        """Connect to `sqlite:///path` or `postgresql://…` and bring the tables up to date.

        `patience`: seconds to wait for a lock before DatabaseLocked. The folder of a SQLite file must exist.
        `private`: a SQLite file that is made can be read by its owner only.
        """
        database = Database(url, patience=patience, private=private)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file of SQLite, not a PostgreSQL."""
        return self._database.is_sqlite

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def commit(
        self,
        lease: Lease,
        log: SyncRecord,
        state: NewState | None,
        *,
        imported: "Iterable[pa.RecordBatch]" = (),
        changes: "Iterable[pa.RecordBatch]" = (),
        repathed: "Iterable[pa.RecordBatch]" = (),
    ) -> None:
        """Make a sync visible, in one transaction: files, journal, log, state; checkpoints and held sync are cleared.

        The lease is checked inside, and locked until the end. Every batch is read before anything of ours is locked.

        * `imported`: FILE_SCHEMA rows of a first import, written without journal
        * `changes`: CHANGE_SCHEMA rows, written and journalled. `after` null: the row is gone (`left_scope` or
          removed). `after.trashed`: gone, its columns updated. Other external_ids before and after: the same row
          goes on under the new id, in place of what is left of a file that had that id before.
        * `repathed`: (external_id, path) below moved folders, not journalled

        An external_id comes once in `imported` and at most once as the `after` of a change. `log.as_of` is the moment
        of all of it. `state` None leaves the state as it is.
        """
        from filesync_dagster.storage.database.commit import commit

        commit(self._database, lease, log, state, imported=imported, changes=changes, repathed=repathed)

    def now(self) -> datetime:
        """The time of the database, which all its users share."""
        with self._database.read_transaction() as connection:
            return self._database.now(connection)

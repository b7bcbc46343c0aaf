"""Dagster's SQLite storage, made for runs of a thousand assets.

    storage:
      custom:
        module: filesync_dagster.orchestration.instance.event_log_storage
        class: PooledSqliteStorage

Dagster's own opens the event log anew for each event, compiles the same statement again and closes the file, which
empties and deletes the write-ahead log: twenty to thirty milliseconds an event, and a sync of a thousand endpoints
has some thousands. This keeps the file open. The format is the same, and so is everything that reads it.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from filesync_dagster.config import read_environment

OPEN_FILES = 8
"""That stay open: the index of all runs, and those of the runs used last."""


class PooledEventLog(SqliteEventLogStorage):
    """Dagster's event log in SQLite files, which stay open between events."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        super().__init__(base_dir, inst_data)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        with self._db_lock, self._engine(shard).connect() as connection, connection.begin():
            yield connection

    def _engine(self, shard: str) -> Engine:
        """Return what is open of a run, or of the index; the one used longest ago is closed for it."""
        engine = self._engines.get(shard)
        if engine is None:
            engine = _opened(self.conn_string_for_shard(shard))
            if shard not in self._initialized_dbs:
                self._initdb(engine)
                self._initialized_dbs.add(shard)
            self._engines[shard] = engine
        self._engines.move_to_end(shard)
        while len(self._engines) > OPEN_FILES:
            self._engines.popitem(last=False)[1].dispose()
        return engine

    def close_files(self) -> None:
        """Close everything; it is opened again when it is needed."""
        with self._db_lock:
            while self._engines:
                self._engines.popitem()[1].dispose()

    def wipe(self) -> None:
        """Delete all events."""
        self.close_files()
        super().wipe()

    def dispose(self) -> None:
        """Let go of everything."""
        super().dispose()
        self.close_files()


def _opened(url: str) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,  # one connection at a time: its user holds the lock of the event log
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )
    # A power cut may take the last second of events. Dagster marks such a run as failed; the inventory has a
    # database of its own, which loses nothing.
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = NORMAL"))
    return engine


class PooledSqliteStorage(DagsterSqliteStorage):
    """Dagster's storage on one machine, with that event log."""

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(base_dir, inst_data)
        self._event_log_storage = PooledEventLog(str(Path(base_dir, "history", "runs")))

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """Return what dagster.yaml may say."""
        text = "Where everything is kept; when left out, in DAGSTER_HOME, or in .dagster where that is not set."
        return {"base_dir": dg.Field(dg.StringSource, is_required=False, description=text)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return the storage that dagster.yaml describes."""
        home = config_value.get("base_dir") or read_environment().variables.get("DAGSTER_HOME")
        return cls(home or str(Path(".dagster").absolute()), inst_data)

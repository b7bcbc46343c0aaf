"""Tables of files that were sent: each file is read once, in the background, and whoever asks waits a while for it."""

import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Final

from filesync_dagster.config import running_config
from filesync_dagster.config.environment import Environment
from filesync_dagster.core import clock
from filesync_dagster.core.errors import FilesyncError, TableError, UnreadableTable
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.storage.database.uploads import UploadRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.contexts import UPLOADS, request_context

SENT_WAIT_SECONDS: Final = 2.0
"""How long whoever sends a file waits for its tables."""

CONTENT_WAIT_SECONDS: Final = 25.0
"""How long a request waits for a file to be read; then it is told to come back."""

READERS_MAX_COUNT: Final = 2


class _Reading:
    """One file that is being read."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: BaseException | None = None


class UploadTables:
    """See the module's docstring. One a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: dict[str, _Reading] = {}
        self._turns = threading.Semaphore(READERS_MAX_COUNT)
        self._closing = threading.Event()

    def of_upload(
        self, runtime: Runtime, upload: UploadRecord, wait_seconds: float = CONTENT_WAIT_SECONDS
    ) -> list[StoredTableRecord]:
        """Return the tables of an upload, by their order in it. Raises TableError: "busy" while it is being read."""
        found = runtime.metadata.tables.of_upload(upload.id)
        if found:
            return found
        if upload.state != "ready":
            raise TableError(
                f"The upload {upload.original_name} is not there yet: it is {upload.state}.",
                hint=upload.refusal or "",
                code="busy" if upload.state != "refused" else "gone",
                field="filename",
            )
        self._wait(self._start(runtime.config.environment, upload), upload, wait_seconds)
        return runtime.metadata.tables.of_upload(upload.id)

    def read_again(
        self, runtime: Runtime, upload: UploadRecord, options: Mapping[str, Any], wait_seconds: float
    ) -> bool:
        """Read an upload as `options` (some of `FileSettings`) say; tell whether that ended within so many seconds.

        It is as it was where it cannot be read so. Raises TableError: "busy" while it is being read in another way;
        UnreadableTable.
        """
        busy = TableError(f"{upload.original_name} is being read.", hint="Ask again soon.", code="busy")
        if upload.state != "ready":
            raise busy
        with self._lock:
            if upload.id in self._readings:
                raise busy
        reading = self._start(runtime.config.environment, replace(upload, options=dict(options)))
        if not reading.done.wait(wait_seconds):
            return False
        if reading.error is not None:
            raise reading.error
        return True

    def is_reading(self, upload_id: str) -> bool:
        """Tell whether an upload is being read here."""
        with self._lock:
            return upload_id in self._readings

    @staticmethod
    def _wait(reading: _Reading, upload: UploadRecord, seconds: float) -> None:
        if not reading.done.wait(seconds):
            raise TableError(f"{upload.original_name} is still being read.", hint="Ask again soon.", code="busy")
        if reading.error is not None:
            raise reading.error

    def close(self) -> None:
        """Let what is being read come to nothing."""
        self._closing.set()

    def _start(self, environment: Environment, upload: UploadRecord) -> _Reading:
        with self._lock:
            known = self._readings.get(upload.id)
            if known is not None:
                return known
            reading = self._readings[upload.id] = _Reading()
        threading.Thread(
            target=self._read, args=(environment, upload, reading), name="filesync-uploads", daemon=True
        ).start()
        return reading

    def _read(self, environment: Environment, upload: UploadRecord, reading: _Reading) -> None:
        try:
            with self._turns, Runtime(running_config(environment)) as runtime, _noted_problem(runtime, upload):
                keep_upload(runtime, upload, self._closing.is_set)
        except FilesyncError as error:
            reading.error = error
        except Exception as error:  # noqa: BLE001  # whatever a file does to a reader, whoever asks is told
            reading.error = UnreadableTable(f"It cannot be read ({type(error).__name__}).", code="unknown")
        finally:
            with self._lock:
                self._readings.pop(upload.id, None)
            reading.done.set()


@contextmanager
def _noted_problem(runtime: Runtime, upload: UploadRecord) -> Iterator[None]:
    """Write down at the upload why it could not be read, where nothing was read of it before."""
    try:
        yield
    except TableError as error:
        if not runtime.metadata.tables.of_upload(upload.id):
            details = {**upload.details, "problem": {"message": error.message, "hint": error.hint, "code": error.code}}
            runtime.metadata.uploads.change(upload.id, only_in=("ready",), details=details)
        raise


def keep_upload(runtime: Runtime, upload: UploadRecord, cancelled: Any) -> list[StoredTableRecord]:
    """Read a file that was sent, and keep its tables. Raises TableError."""
    from filesync_dagster.tables.catalog.read import ReadTask, read_tables_of, record_of
    from filesync_dagster.tables.daily.access import table_store
    from filesync_dagster.tables.sources.limits import TableLimits
    from filesync_dagster.tables.sources.registry import open_source
    from filesync_dagster.tables.store import tables_prefix

    folder = runtime.home / "tmp" / f"upload-{upload.id}"
    try:
        context = request_context(runtime, "", folder / "work", cancelled)
        config = {**upload.options, "file_paths": [f"{UPLOADS}/{upload.stored_name}"]}
        with closing(open_source("upload", config, context)) as source:
            found = read_tables_of(
                source, ReadTask(context, folder / "tables"), TableLimits.of(runtime.config.settings.tables)
            )
        store = table_store(runtime)
        day = clock.utc_now().astimezone(runtime.config.settings.partitions.zone).date()
        prefix = tables_prefix(f"upload_{upload.id}", day)
        records = []
        for table in found.tables:
            relations = [one for one in found.relations if one.child == table.name]
            records.append(replace(record_of(store.save(table, prefix), day, relations), upload_id=upload.id))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    runtime.metadata.tables.add(records)
    told = [{"name": one.name, "rows": one.rows, "columns": len(one.schema["columns"])} for one in records]
    warnings = [{"table": one.name, **warning} for one in records for warning in one.schema["warnings"]]
    details = {name: value for name, value in upload.details.items() if name != "problem"}
    details |= {"tables": told, "warnings": warnings}
    runtime.metadata.uploads.change(upload.id, only_in=("ready",), options=dict(upload.options), details=details)
    return records

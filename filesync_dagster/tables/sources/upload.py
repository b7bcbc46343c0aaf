"""Uploaded files as a source of tables; and, for who runs filesync, files of this machine."""

import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Annotated, ClassVar, Final, cast

from pydantic import Field

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.sources.base import (
    BATCH_ROWS,
    Bookmark,
    FoundTable,
    SourceContext,
    SourceReport,
    TableRows,
    VisibleTable,
    smaller_limit,
)
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.file_settings import FileSettings
from filesync_dagster.tables.sources.file_tables import FileGroup, FileTables
from filesync_dagster.tables.sources.parse import FileOptions
from filesync_dagster.tables.sources.parsed_files import SourceFile, table_name_of
from filesync_dagster.tables.sources.refusals import refusal
from filesync_dagster.tables.sources.settings import FILES, NAMES_MAX_COUNT, Name, OptionalText, parse_config, setting

FIELDS: Final = {"unsupported": "file_paths", "limit": "file_paths", "changed": "file_paths"}
WHAT: Final = "The upload"


class UploadConfig(FileSettings):
    """The configuration of a source of type upload."""

    file_paths: Annotated[tuple[Name, ...], Field(min_length=1, max_length=NAMES_MAX_COUNT)] = setting(
        title="Files",
        group=FILES,
        help="What uploading a file answered as its `path`: `uploads/20260101_120000_1a2b3c4d.csv`.",
    )
    table_name: OptionalText = setting(
        None,
        title="Table name",
        group=FILES,
        help="What the table is called, where there is one file. Empty: as the file.",
    )


class UploadSource:
    """See `TableSource`. Each file is one table, or several: the sheets of a workbook, the lists of a JSON object."""

    kind: ClassVar[str] = "upload"
    Config: ClassVar[type[UploadConfig]] = UploadConfig

    def __init__(self, config: UploadConfig, context: SourceContext) -> None:
        self._config = config
        self._context = context
        self._tables = FileTables(context, WHAT, config.read_options(), fields=FIELDS)
        self._names: set[str] = set()

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Say which files are there."""
        self._check_count()
        started = time.monotonic()
        tables = []
        for name in self._config.file_paths:
            try:
                self._file(name)
                tables.append(VisibleTable(self._name_of(name)))
            except SourceRefused as error:
                if error.code != "not_found":
                    raise
                tables.append(VisibleTable(self._name_of(name), readable=False, problem=error.message))
        if not any(table.readable for table in tables):
            raise refusal("not_found", WHAT, field="file_paths", message=tables[0].problem)
        return SourceReport("The store of uploads", (time.monotonic() - started) * 1000, tuple(tables))

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Parse the files: only their rows tell which columns they have."""
        self._check_count()
        groups = [FileGroup("", (self._file(name),), "per_file") for name in self._config.file_paths]
        tables = self._tables.find(groups, deadline)
        if self._config.table_name and len(tables) == 1:
            tables = self._tables.rename(tables[0], self._config.table_name)
        self._names = {table.name for table in tables}
        return tables

    def read(
        self,
        table: FoundTable,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        since: Bookmark | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> TableRows:
        """Read what `discover` parsed."""
        if since is not None:
            raise refusal("unsupported", WHAT, message="Files have no cursor: all of them are read.")
        if table.name not in self._names:
            self.discover(self._context.deadline(float("inf")))
        rows_max = smaller_limit(self._config.limit, limit)
        return self._tables.read(table, columns=columns, limit=rows_max, batch_rows=batch_rows)

    def close(self) -> None:
        """Remove what was parsed and is not kept."""
        self._tables.close()

    def _file(self, name: str) -> SourceFile:
        if self._context.find_upload is not None:
            path = self._context.find_upload(name)
        else:
            self._context.guard.require_operator("The name of a file of this machine", "file_paths")
            path = Path(name)
        try:
            facts = path.stat()
        except OSError:
            facts = None
        if facts is None or not path.is_file():
            raise refusal("not_found", WHAT, field="file_paths", message=f"There is no file {name!r}.")
        if facts.st_size > self._context.limits.file_bytes:
            limit = self._context.limits.file_bytes
            raise LimitReached(f"{name} has more than {limit:,} bytes.", code="limit", field="file_paths")
        version = f"{facts.st_ino} {facts.st_size} {facts.st_mtime_ns}"
        return SourceFile(
            self._shown(name),
            version,
            lambda: cast("IO[bytes]", path.open("rb")),
            facts.st_size,
            path,
            options=self._said_of(name),
        )

    def _said_of(self, name: str) -> FileOptions | None:
        if self._context.upload_settings is None:
            return None
        return parse_config(FileSettings, self._context.upload_settings(name)).read_options()

    def _check_count(self) -> None:
        most = self._context.limits.uploads
        if len(self._config.file_paths) > most:
            raise LimitReached(f"A source may name {most:,} files.", code="limit", field="file_paths")

    def _name_of(self, name: str) -> str:
        return self._config.table_name or table_name_of(self._shown(name))

    def _shown(self, name: str) -> str:
        if self._context.name_upload is not None:
            return self._context.name_upload(name)
        return PurePosixPath(name).name if self._context.find_upload is not None else name

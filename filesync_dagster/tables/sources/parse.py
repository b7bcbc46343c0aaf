"""Files that were fetched, parsed into tables: the border to `tables.reading`, which is loaded when a file is read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.tables.model import Table


@dataclass(frozen=True)
class FileOptions:
    """What is said of files; what is None is found out. The fields are some of `reading.ReadOptions`."""

    format: Literal["csv", "excel", "json", "parquet"] | None = None
    source: str = ""
    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    sheets: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None  # of Parquet
    rows: int | None = None  # of Parquet
    schema_only: bool = False  # of Parquet
    ignore_unknown_types: bool = False  # of several files that are one table, each has some of the columns

    def with_defaults(self, others: "FileOptions") -> "FileOptions":
        """Return what is said here, and what the others say where nothing is; types by name."""
        told = {name: getattr(self, name) for name in ("encoding", "delimiter", "header_row")}
        missing = {name: getattr(others, name) for name, value in told.items() if value is None}
        types = {**others.types, **self.types}
        return replace(self, types=types, sheets=self.sheets or others.sheets, **missing)

    def as_json(self) -> dict[str, Any]:
        """Return them as JSON values."""
        columns = None if self.columns is None else list(self.columns)
        return {**asdict(self), "types": dict(self.types), "sheets": list(self.sheets), "columns": columns}


@dataclass(frozen=True)
class FileToParse:
    """A file on this machine, what its tables are called, and the folder that they are written to."""

    path: Path
    name: str
    options: FileOptions
    folder: Path


def parse_files(files: Sequence[FileToParse], check: Callable[[], None]) -> list[list[Table] | FilesyncError]:
    """Return the tables in each file, or what is wrong with it, read by one process that does nothing else.

    `check` is asked meanwhile, and raises to end it.
    """
    reading: Any = import_module("filesync_dagster.tables.reading")
    asked = [
        reading.FileToRead(
            file.path,
            file.name,
            reading.ReadOptions(**{**asdict(file.options), "types": dict(file.options.types)}),
            file.folder,
        )
        for file in files
    ]
    found: list[list[Table] | FilesyncError] = reading.read_files_apart(asked, check=check)
    return found

"""Files that were fetched, parsed into tables: the border to `tables.reading`, which is loaded when a file is read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

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
    ignore_unknown_types: bool = False  # of several files that are one table, each has some of the columns

    def as_json(self) -> dict[str, Any]:
        """Return them as JSON values."""
        return {**asdict(self), "types": dict(self.types), "sheets": list(self.sheets)}


def parse_file(path: Path, name: str, options: FileOptions, folder: Path) -> list[Table]:
    """Return the tables in a file, written to a folder by a process of its own. Raises UnreadableTable."""
    reading: Any = import_module("filesync_dagster.tables.reading")
    given = reading.ReadOptions(**{**asdict(options), "types": dict(options.types)})
    found: list[Table] = reading.read_tables_apart(path, name, given, folder)
    return found

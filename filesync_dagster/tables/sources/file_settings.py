"""What may be said of files, in every kind of source that has some."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field, field_validator

from filesync_dagster.core.filters import glob_expression
from filesync_dagster.tables.sources.parse import FileOptions
from filesync_dagster.tables.sources.settings import (
    ADVANCED,
    FILES,
    NAMES_MAX_COUNT,
    Name,
    OptionalText,
    RowLimit,
    SourceConfig,
    setting,
)

HEADER_ROW_MAX: Final = 1_000_000


def _good_pattern(value: str) -> str:
    glob_expression(value)
    return value


Pattern = Annotated[Name, AfterValidator(_good_pattern)]


class FileSettings(SourceConfig):
    """How files are read. What is empty is found out, and told where it was not certain."""

    sheet: OptionalText = setting(
        None, title="Sheet", group=ADVANCED, help="Of workbooks: this sheet only. Empty: every visible one is a table."
    )
    header_row: Annotated[int | None, Field(ge=0, le=HEADER_ROW_MAX)] = setting(
        None,
        title="Header row",
        group=ADVANCED,
        help="The row of the names, from 1; 0: there is none. Empty: found out.",
    )
    delimiter: Annotated[str | None, Field(max_length=1)] = setting(
        None, title="Delimiter", group=ADVANCED, help="Of CSV files: one character. Empty: found out."
    )
    encoding: OptionalText = setting(
        None, title="Encoding", group=ADVANCED, help="Of text files: `utf-8`, `cp1252`, `shift_jis`. Empty: found out."
    )
    types: dict[Name, Name] = setting(
        {}, title="Types", group=ADVANCED, help="Types of columns by name: `postcode: text`, `amount: decimal(10,2)`."
    )
    limit: RowLimit = setting(
        0, title="Row limit", group=ADVANCED, help="So many rows of each table at most. 0: all of them."
    )

    def read_options(self) -> FileOptions:
        """Return what was said, as the reader takes it."""
        return FileOptions(
            encoding=self.encoding,
            delimiter=self.delimiter or None,
            header_row=self.header_row,
            types=dict(self.types),
            sheets=(self.sheet,) if self.sheet else (),
        )


class PatternSettings(FileSettings):
    """How several files that a pattern matches become tables."""

    as_tables: Literal["one", "per_file"] = setting(
        "one", title="Files of a pattern", group=FILES, help="`one`: they are one table. `per_file`: each is its own."
    )
    union_by: Literal["name", "position"] = setting(
        "name",
        title="Columns of one table",
        group=ADVANCED,
        help="How columns of files that are one table are matched.",
    )


class BucketSettings(PatternSettings):
    """Files of a bucket."""

    file_paths: Annotated[tuple[Name, ...], Field(min_length=1, max_length=NAMES_MAX_COUNT)] = setting(
        title="Files",
        group=FILES,
        help="Names of files, `in/orders.csv`, or patterns: `in/orders-*.csv`, `**/*.parquet`.",
    )

    @field_validator("file_paths")
    @classmethod
    def _patterns_can_be_read(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for path in value:
            if set(path) & set("*?["):
                glob_expression(path)
        return value

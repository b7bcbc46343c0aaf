"""What tables of a source may have: more is an error, never a part of them."""

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.config.table_settings import TableSettings
from filesync_dagster.core.errors import LimitReached


@dataclass(frozen=True)
class TableLimits:
    """How many tables, columns of a table, rows of all tables, and letters of a text."""

    tables: int
    columns: int
    rows: int
    cell_letters: int

    @classmethod
    def of(cls, settings: TableSettings) -> "TableLimits":
        """Return what the settings allow."""
        return cls(settings.max_tables, settings.max_columns, settings.max_source_rows, settings.max_cell_characters)

    def check_tables(self, count: int) -> None:
        """Raise LimitReached where these are too many tables."""
        if count > self.tables:
            raise LimitReached(
                f"The source has {count:,} tables; {self.tables:,} may be read.",
                hint="Name those that are wanted.",
                code="limit",
                field="tables",
            )


@dataclass
class LimitCheck:
    """Looks at what is read of one source, table by table. Raises LimitReached."""

    limits: TableLimits
    _rows: dict[str, int] = field(default_factory=dict)

    def check_columns(self, table: str, columns: pa.Schema) -> None:
        """Look at how wide a table is."""
        if len(columns) > self.limits.columns:
            raise LimitReached(
                f"{table} has {len(columns):,} columns; a table may have {self.limits.columns:,}.",
                hint="Choose columns of it, or raise `settings.tables.max_columns`.",
                code="limit",
            )

    def check_batch(self, table: str, batch: pa.RecordBatch) -> None:
        """Look at the next rows of a table."""
        self._rows[table] = self._rows.get(table, 0) + batch.num_rows
        if sum(self._rows.values()) > self.limits.rows:
            raise LimitReached(
                f"The source has more than {self.limits.rows:,} rows.",
                hint="Name fewer tables, or set a limit.",
                code="limit",
                field="limit",
            )
        for column_field, column in zip(batch.schema, batch.columns, strict=True):
            if pa.types.is_string(column_field.type) or pa.types.is_large_string(column_field.type):
                texts: Any = column
                longest: Any = pc.max(pc.utf8_length(texts))
                if (longest.as_py() or 0) > self.limits.cell_letters:
                    raise LimitReached(
                        f"{table}.{column_field.name} has a text of {longest.as_py():,} letters; "
                        f"{self.limits.cell_letters:,} are allowed.",
                        hint="Leave the column out, or raise `settings.tables.max_cell_characters`.",
                        code="limit",
                    )

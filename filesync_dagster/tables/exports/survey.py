"""What has to be known of a table's values before a database can be told what they are."""

from dataclasses import dataclass

from filesync_dagster.core.errors import KeysBroken
from filesync_dagster.tables.exports.arrow import pc
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.rows import read_rows
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import Table


@dataclass
class ColumnSurvey:
    """What was found in one column."""

    nulls: int = 0
    empty: int = 0  # texts
    longest: int = 0  # of letters or bytes


def survey(table: Table, watch: ExportWatch) -> dict[str, ColumnSurvey]:
    """Return what is in the columns whose lengths or whose NULLs matter. Raises KeysBroken for NULL in a key."""
    must = {column.name for column in table.schema.columns if not column.nullable} | set(table.schema.primary_key)
    lengths = {
        column.name for column in table.schema.columns if kind_of(column.type) in {ValueKind.TEXT, ValueKind.BINARY}
    }
    found = {name: ColumnSurvey() for name in table.schema.names}
    looked_at = [name for name in table.schema.names if name in must | lengths]
    if not looked_at:
        return found
    for batch in read_rows(table, ExportWatch(watch.cancel), looked_at):
        for name, values in zip(looked_at, batch.columns, strict=True):
            column = found[name]
            column.nulls += values.null_count
            if name in lengths:
                is_binary = kind_of(values.type) is ValueKind.BINARY
                sizes = pc.binary_length(values) if is_binary else pc.utf8_length(values)
                column.longest = max(column.longest, pc.max(sizes).as_py() or 0)
                column.empty += 0 if is_binary else int(pc.sum(pc.equal(sizes, 0), min_count=0).as_py())
    for name in sorted(must):
        if found[name].nulls:
            raise KeysBroken(
                f"Table {table.name}, column {name}: {found[name].nulls:,} rows are NULL, and none may be.",
                code="null_in_key",
                field=name,
            )
    return found

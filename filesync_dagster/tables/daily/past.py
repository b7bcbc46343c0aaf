"""The past of a source: which tables can be read as they were at the end of a day, and up to which value.

A source that declares a cursor (a column that says when a row came) can be asked for a past day; any other cannot, for
it only knows what it has now.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pyarrow as pa

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.sources.base import Bookmark, FoundTable
from filesync_dagster.tables.sources.settings import SourceConfig

NO_PAST = "no_past"
"""The code of the refusal of a day of which nothing is known."""


def cursors_of(config: SourceConfig) -> dict[str, str]:
    """Return the cursor columns that a configuration declares, by table."""
    return dict(getattr(config, "cursor", None) or {})


def bookmark_at_end(table: FoundTable, column: str, day: date, zone: ZoneInfo) -> Bookmark:
    """Return what bounds a table to the rows that it had at the end of a day. Raises SourceRefused."""
    if column not in table.schema.names:
        raise SourceRefused(
            f"The cursor of {table.name} is its column {column}, which it has not.",
            hint=f"It has: {', '.join(table.schema.names[:20])}.",
            code="not_found",
            field=f"cursor.{table.name}",
        )
    kind = table.schema.column(column).type
    end = datetime.combine(day, time.max, zone)
    if pa.types.is_date(kind):
        return Bookmark(column, until=day.isoformat())
    if pa.types.is_timestamp(kind):
        # Without a zone, a moment is what a clock on the wall of the partitions' time zone shows.
        return Bookmark(column, until=(end if kind.tz else end.replace(tzinfo=None)).isoformat(sep=" "))
    raise SourceRefused(
        f"The cursor of {table.name}, its column {column}, is {kind} and no moment: no day can be read by it.",
        hint="Declare a date or a timestamp as the cursor, or backfill days on which the table was read.",
        code="unsupported",
        field=f"cursor.{table.name}",
    )


def require_past(source: str, day: date, cursors: Mapping[str, str], lacking: Sequence[str]) -> None:
    """Refuse a past day when tables can be neither read nor replayed: those `lacking`, or all without a cursor."""
    if cursors and not lacking:
        return
    which = f"{', '.join(lacking[:5])} of the source {source}" if cursors else f"The source {source}"
    raise SourceRefused(
        f"{which} cannot be read as of {day}: nothing was stored on that day, and no cursor is declared.",
        hint="Declare `cursor: {table: column}` in its config, for a column that says when a row came; or materialize "
        "today.",
        code=NO_PAST,
        field="cursor",
    )

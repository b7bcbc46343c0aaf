"""An I/O manager: an asset downstream takes the inventory of an endpoint as an input, in the type that it names.

Its days are those of the input: the last committed snapshot of today, what was known at the end of a past day, the
newest of all where the asset downstream has no partitions. Of several days, rows carry the day in `partition`.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.core.errors import NothingKnown
from filesync_dagster.orchestration.partitions import day_of
from filesync_dagster.orchestration.resources import FilesyncResource

if TYPE_CHECKING:
    import duckdb

    from filesync_dagster.api import Filesync
    from filesync_dagster.sync.replay import Day

INVENTORY_IO_MANAGER = "filesync_io_manager"
"""The resource key of it, which endpoints name as theirs."""
COLUMNS = "columns"
RELATION = "filesync/relation"
FILES, CHANGES = "files", "changes"
PARTITION = "partition"
"""The column that tells rows of several days apart."""
CONVERSIONS: dict[tuple[str, str], Callable[["duckdb.DuckDBPyRelation"], Any]] = {
    ("pandas", "DataFrame"): lambda relation: relation.to_arrow_table().to_pandas(),
    ("polars", "DataFrame"): lambda relation: relation.pl(),
    ("pyarrow", "Table"): lambda relation: relation.to_arrow_table(),
    ("pyarrow", "RecordBatchReader"): lambda relation: relation.to_arrow_reader(),
    ("duckdb", "DuckDBPyRelation"): lambda relation: relation,
}
"""How each type is made, by the package and the name of it: none of these packages is loaded with the definitions."""


class FilesyncIOManager(dg.IOManager):
    """Loads endpoints as inputs. The metadata of an input says which `columns`, and `filesync/relation`."""

    def __init__(self, filesync: FilesyncResource) -> None:
        self.filesync = filesync

    def handle_output(self, context: dg.OutputContext, obj: object) -> None:
        """Refuse: an inventory is written by its sync, and nothing else is kept here."""
        raise dg.DagsterInvariantViolationError(
            "FilesyncIOManager only loads inventories. Give this asset another io_manager_key."
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Return the rows. Raises NothingKnown for a day of which nothing is stored, and says what is not supported."""
        convert = _conversion(context.dagster_type.typing_type)
        metadata = context.definition_metadata
        name, wanted = context.asset_key.path[-1], metadata.get(RELATION, FILES)
        if wanted not in (FILES, CHANGES):
            raise dg.DagsterInvalidDefinitionError(f"{RELATION} is {wanted!r}. It can be {FILES!r} or {CHANGES!r}.")
        days = _days(context)
        load = _files if wanted == FILES else _changes
        with self.filesync.open() as opened:
            return convert(_select(load(opened, name, days), name, metadata.get(COLUMNS)))


@dg.io_manager(required_resource_keys={"filesync"})
def filesync_io_manager(context: dg.InitResourceContext) -> FilesyncIOManager:
    """Return the I/O manager of the resource `filesync`, whatever a project has put in its place."""
    return FilesyncIOManager(context.resources.filesync)


def _conversion(wanted: Any) -> Callable[["duckdb.DuckDBPyRelation"], Any]:
    package = str(getattr(wanted, "__module__", "")).partition(".")[0].removeprefix("_")
    found = CONVERSIONS.get((package, getattr(wanted, "__name__", "")))
    if found is None:
        names = ", ".join(".".join(key) for key in CONVERSIONS)
        raise dg.DagsterInvalidDefinitionError(
            f"An endpoint cannot be loaded as {wanted}. Annotate the input: {names}."
        )
    return found


def _days(context: dg.InputContext) -> Sequence[date | None]:
    """Return the days of an input. All there are, for an asset without partitions, is None: as it is now.

    Its run may have a partition nevertheless, which is that of the endpoints that it materializes as well.
    """
    if not context.has_asset_partitions:
        return [None]
    keys = context.asset_partition_keys
    every = len(keys) == len(context.asset_partitions_def.get_partition_keys())
    if every and context.step_context.entity_partitions_def is None:
        return [None]
    return [day_of(key) for key in keys]


def _files(opened: "Filesync", name: str, days: Sequence[date | None]) -> "duckdb.DuckDBPyRelation":
    """Return the live files of some days, by path; read from the snapshots when they are asked for."""
    from filesync_dagster.sync.inventory import BY_PATH, live

    queries = [f"SELECT *{_label(day, days)} FROM ({live(_snapshot(opened, name, day))})" for day in days]
    order = f"{PARTITION}, {BY_PATH}" if len(days) > 1 else BY_PATH
    return opened.runtime.connect().sql(f"{' UNION ALL '.join(queries)} ORDER BY {order}")


def _snapshot(opened: "Filesync", name: str, day: date | None) -> Path:
    from filesync_dagster.sync.inventory import current_path, snapshot_path

    endpoint = opened.config.endpoint(name)
    if day is None:
        return current_path(opened.runtime, endpoint)
    return snapshot_path(opened.runtime, endpoint, _span(opened, day).last_moment)


def _changes(opened: "Filesync", name: str, days: Sequence[date | None]) -> "duckdb.DuckDBPyRelation":
    """Return the journal of some days, or all of it, oldest first; copied, for it is in another database."""
    from filesync_dagster.storage.database.row_streams import JOURNAL_SCHEMA
    from filesync_dagster.sync.relations import Relation

    connection = opened.runtime.connect()
    connection.register("no_rows", JOURNAL_SCHEMA.empty_table())
    connection.execute(f"CREATE TABLE changes AS SELECT *{_label(days[0], days)} FROM no_rows")
    changes = Relation(connection, "changes")
    for day in days:
        span = _span(opened, day) if day else None
        rows, bounds = 0, {"since": span.start, "until": span.end} if span else {}
        for batch in opened.changes(name, **bounds):
            changes.insert(batch, f"*{_label(day, days)}")
            rows += batch.num_rows
        if span:
            _require_journal(opened, name, span, rows)
    return connection.sql("FROM changes ORDER BY seq")


def _require_journal(opened: "Filesync", name: str, span: "Day", rows: int) -> None:
    """Raise NothingKnown for a day that the journal does not reach: no changes, or some of them, would be a lie."""
    from filesync_dagster.sync.replay import snapshot_of_day

    kept = timedelta(days=opened.config.settings.retention.journal_days)
    pruned = span.start < datetime.now(UTC) - kept
    if pruned or not (rows or snapshot_of_day(opened.runtime, opened.config.endpoint(name), span.date)):
        raise NothingKnown(
            f"The changes of {name!r} on {span.date} are not stored.",
            hint="It was first synced later, or `retention.journal_days` has let them go.",
        )


def _label(day: date | None, days: Sequence[date | None]) -> str:
    return f", '{day}' AS {PARTITION}" if len(days) > 1 else ""


def _span(opened: "Filesync", day: date) -> "Day":
    """Return a day as moments. Raises NothingKnown for a day to come."""
    from filesync_dagster.sync.replay import Day

    partitions = opened.config.settings.partitions
    if day > partitions.today():
        raise NothingKnown(f"{day} has not come yet.", hint=f"Today is {partitions.today()} in {partitions.zone}.")
    return Day.of(day, partitions.zone)


def _select(relation: "duckdb.DuckDBPyRelation", name: str, columns: Sequence[str] | None) -> "duckdb.DuckDBPyRelation":
    if columns is None:
        return relation
    missing = [column for column in columns if column not in relation.columns]
    if missing:
        raise dg.DagsterInvalidDefinitionError(
            f"{name} has no column {', '.join(map(repr, missing))}. It has: {', '.join(relation.columns)}."
        )
    added = [PARTITION] if PARTITION in relation.columns and PARTITION not in columns else []
    return relation.project(", ".join(f'"{column}"' for column in [*columns, *added]))

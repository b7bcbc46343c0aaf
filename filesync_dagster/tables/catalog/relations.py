"""How stored tables belong together, and what people decide about that."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.read import load_table
from filesync_dagster.tables.daily.decisions import DECIDED_BY
from filesync_dagster.tables.keys.measure import Measure
from filesync_dagster.tables.model import Origin, TableRelation
from filesync_dagster.tables.profile.database import open_tables

COLUMNS_MAX_COUNT: Final = 16


def read_together(runtime: Runtime, record: StoredTableRecord) -> list[StoredTableRecord]:
    """Return the tables that were read together with one, itself among them."""
    tables = runtime.metadata.tables
    if record.upload_id is not None:
        return tables.of_upload(record.upload_id)
    if record.run_id is not None:
        return tables.of_run(record.source, record.run_id)
    return tables.latest(record.source, day=record.day)


def decide_relation(runtime: Runtime, record: StoredTableRecord, wanted: TableRelation, who: str) -> StoredTableRecord:
    """Note that a relation of a table is confirmed or refused, as its origin says; return the table.

    One that nobody found is measured. Raises TableError when its columns or its parent are not there.
    """
    others = read_together(runtime, record)
    parent = next((one for one in others if one.name == wanted.parent), None)
    if parent is None:
        raise TableError(f"No table {wanted.parent!r} was read with this one.", code="bad_value", field="parent")
    _check_columns(record, wanted.child_columns, "child_columns")
    _check_columns(parent, wanted.parent_columns, "parent_columns")
    if len(wanted.child_columns) != len(wanted.parent_columns):
        raise TableError("A relation has as many columns here as there.", code="bad_value", field="parent_columns")
    stored = [dict(one) for one in record.relations]
    known = next((one for one in stored if _is_of(one, wanted)), None)
    if known is not None:
        known.update({"origin": wanted.origin, DECIDED_BY: who})
    else:
        stored.append({**_measured(runtime, record, parent, wanted), DECIDED_BY: who})
    _check_single(stored, wanted)
    runtime.metadata.tables.note_relations(record.id, stored)
    return runtime.metadata.tables.get(record.id)


def _check_columns(record: StoredTableRecord, columns: Sequence[str], field: str) -> None:
    known = {column["name"] for column in record.schema["columns"]}
    for name in columns:
        if name not in known:
            raise TableError(f"{record.name} has no column {name!r}.", code="unknown_column", field=field)


def _check_single(stored: Sequence[Mapping[str, Any]], wanted: TableRelation) -> None:
    """Raise TableError where columns would name rows of two parents."""
    if wanted.origin is not Origin.DECLARED:
        return
    parents = {
        one["parent"]
        for one in stored
        if tuple(one["child_columns"]) == wanted.child_columns and one.get(DECIDED_BY) and one["origin"] == "declared"
    }
    if len(parents) > 1:
        raise TableError(
            f"{', '.join(wanted.child_columns)} would name rows of {' and of '.join(sorted(parents))}.",
            hint="Refuse the other relation first.",
            code="in_use",
            field="parent",
        )


def _is_of(stored: Mapping[str, Any], wanted: TableRelation) -> bool:
    return (tuple(stored["child_columns"]), stored["parent"], tuple(stored["parent_columns"])) == (
        wanted.child_columns,
        wanted.parent,
        wanted.parent_columns,
    )


def _measured(
    runtime: Runtime, record: StoredTableRecord, parent: StoredTableRecord, wanted: TableRelation
) -> dict[str, Any]:
    """Return a relation that nobody found, with the share of rows that satisfy it."""
    tables = [load_table(runtime, one) for one in {record.id: record, parent.id: parent}.values()]
    with open_tables(tables) as connection:
        share = Measure(connection).row_share(record.name, wanted.child_columns, parent.name, wanted.parent_columns)
    return {**wanted.as_json(), "inclusion": share}

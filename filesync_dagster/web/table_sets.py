"""Tables of uploads and sources as one data set, over HTTP: what a configuration of a generation is made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.catalog.together import tables_together
from filesync_dagster.tables.rows import person_columns
from filesync_dagster.web.cursors import InvalidQuery
from filesync_dagster.web.sources import relation_out
from filesync_dagster.web.table_messages import RuleOut, TablesTogether, TogetherTable
from filesync_dagster.web.tables import column_out

if TYPE_CHECKING:
    from collections.abc import Collection

    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database.stored_tables import StoredTableRecord
    from filesync_dagster.tables.catalog.upload_tables import UploadTables
    from filesync_dagster.tables.model import Table, TableRule
    from filesync_dagster.web.table_messages import TogetherOrder


def chosen_tables(filesync: Filesync, uploads: UploadTables, order: TogetherOrder) -> list[StoredTableRecord]:
    """Return the tables of what was chosen; files that nobody read yet are read. Raises InvalidQuery, TableError."""
    if not order.uploads and not order.sources:
        raise InvalidQuery("Nothing was chosen.", hint="Name uploads, sources, or both.")
    metadata = filesync.runtime.metadata
    found = [one for name in order.uploads for one in uploads.of_upload(filesync.runtime, metadata.uploads.get(name))]
    for name in order.sources:
        records = metadata.tables.latest(name)
        if not records:
            raise TableError(
                f"The source {name} was not read yet.", hint="Read its tables first.", code="busy", field="sources"
            )
        found += records
    return found


def show_together(filesync: Filesync, records: list[StoredTableRecord]) -> TablesTogether:
    """Return tables with what holds among them. Raises TableError."""
    found = tables_together(filesync.runtime, records)
    by_name = {record.name: record for record in records}
    hidden = {table.name: set(person_columns(table)) for table in found.tables}
    return TablesTogether(
        tables=[_table(table, by_name[table.name], hidden[table.name]) for table in found.tables],
        relations=[relation_out(relation) for relation in found.relations],
        rules=[_rule(rule, hidden[rule.table]) for rule in found.rules],
    )


def _table(table: Table, record: StoredTableRecord, hidden: Collection[str]) -> TogetherTable:
    return TogetherTable(
        id=record.id,
        name=record.name,
        source=record.source,
        upload_id=record.upload_id,
        rows=record.rows,
        primary_key=list(table.schema.primary_key),
        columns=[column_out(column, is_masked=column.name in hidden) for column in table.schema.columns],
    )


def _rule(rule: TableRule, hidden: set[str]) -> RuleOut:
    is_about_people = bool(hidden.intersection(rule.columns))
    examples = [] if is_about_people else list(rule.counter_examples)
    return RuleOut(**{**rule.as_json(), "counter_examples": examples})

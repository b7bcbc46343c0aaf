"""Tables of several uploads and sources as one data set: how they belong together, and what all of their rows obey."""

from collections.abc import Callable, Sequence
from typing import Final

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.read import load_table
from filesync_dagster.tables.daily.decisions import decided_relations, relation_of
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import DataSet, Origin, TableRelation
from filesync_dagster.tables.rules import mine_rules

RULE_ROWS_MAX_COUNT: Final = 2_000_000
"""Rows of all tables past which nobody waits for rules to be found; a generation finds them itself."""


def tables_together(
    runtime: Runtime, records: Sequence[StoredTableRecord], *, cancel: Callable[[], bool] = lambda: False
) -> DataSet:
    """Return stored tables with the keys, relations and rules that hold among them.

    What people decided stays decided. Raises TableError where two tables have one name; Cancelled.
    """
    _check_names(records)
    names = {record.name for record in records}
    decided = decided_relations(records)
    declared = [one for one in _stored(records) if one.origin is Origin.DECLARED and one not in decided]
    known = [one for one in (*declared, *decided) if one.parent in names]
    found = find_keys([load_table(runtime, record) for record in records], known, cancel=cancel)
    if sum(record.rows for record in records) > RULE_ROWS_MAX_COUNT:
        return found
    return mine_rules(found, cancel=cancel)


def _stored(records: Sequence[StoredTableRecord]) -> list[TableRelation]:
    return [relation_of(one) for record in records for one in record.relations]


def _check_names(records: Sequence[StoredTableRecord]) -> None:
    seen: set[str] = set()
    for record in records:
        if record.name in seen:
            raise TableError(
                f"Two of what was chosen have a table {record.name}.",
                hint="Choose one of them, or send the file under another name.",
                code="in_use",
            )
        seen.add(record.name)

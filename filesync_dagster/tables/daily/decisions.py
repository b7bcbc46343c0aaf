"""What people decided about relations: written beside them in the rows of their children, and heeded by later reads."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.tables.model import DataSet, TableRelation

DECIDED_BY: Final = "decided_by"
"""Beside a relation in the row of its child: who confirmed or refused it."""


def decided_relations(records: Collection[StoredTableRecord]) -> list[TableRelation]:
    """Return what people said of the relations of stored tables: confirmed or refused."""
    return [relation_of(relation) for record in records for relation in record.relations if relation.get(DECIDED_BY)]


def relation_of(stored: Mapping[str, Any]) -> TableRelation:
    """Return a relation that is written down in the row of its child."""
    return TableRelation.from_json({name: value for name, value in stored.items() if name != DECIDED_BY})


def still_true_relations(known: Sequence[TableRelation], read: DataSet) -> list[TableRelation]:
    """Return the relations whose tables and columns are there, and that the source does not declare itself."""
    columns = {table.name: set(table.schema.names) for table in read.tables}
    declared = {places_of(relation) for relation in read.relations}
    return [
        relation
        for relation in known
        if set(relation.child_columns) <= columns.get(relation.child, set())
        and set(relation.parent_columns) <= columns.get(relation.parent, set())
        and places_of(relation) not in declared
    ]


def places_of(relation: TableRelation) -> tuple[str, tuple[str, ...], str, tuple[str, ...]]:
    """Return what tells a relation from others: the columns of both sides."""
    return relation.child, relation.child_columns, relation.parent, relation.parent_columns

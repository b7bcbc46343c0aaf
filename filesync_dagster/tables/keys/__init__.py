"""Keys and relations: what the source declares is kept, what it does not is found, and says how sure it is."""

from collections.abc import Sequence
from dataclasses import replace

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables.keys.foreign import find_foreign_keys, pair_multiplicity
from filesync_dagster.tables.keys.measure import Measure
from filesync_dagster.tables.keys.primary import with_primary_key
from filesync_dagster.tables.model import DataSet, Origin, Role, Table, TableRelation
from filesync_dagster.tables.profile import Cancel, profile
from filesync_dagster.tables.profile.database import open_tables


def find_keys(
    tables: Sequence[Table], declared: Sequence[TableRelation] = (), *, cancel: Cancel = lambda: False
) -> DataSet:
    """Return tables as a data set: profiled, with primary keys and relations.

    `declared`: relations that somebody knows of, also those that were refused and must not be proposed again. They
    stay, with the share of rows that satisfy them. What is found is `detected` where it is sure, else `proposed`, of
    each column the best first. Raises Cancelled.
    """
    profiled = [table if _is_profiled(table) else profile(table, cancel=cancel) for table in tables]
    with open_tables(profiled) as connection:
        keyed = []
        for table in profiled:
            if cancel():
                raise Cancelled("The search for keys was cancelled.", code="cancelled")
            keyed.append(with_primary_key(table, connection))
        measure = Measure(connection)
        relations = [_measured(relation, measure) for relation in declared]
        for relation in find_foreign_keys(keyed, declared, measure):
            if cancel():
                raise Cancelled("The search for relations was cancelled.", code="cancelled")
            relations.append(relation)
    for table in keyed:
        relations = pair_multiplicity(table, relations)
    return DataSet(tuple(with_foreign_roles(table, relations) for table in keyed), tuple(relations))


def _is_profiled(table: Table) -> bool:
    return all(column.role is not None and column.stats for column in table.schema.columns)


def _measured(relation: TableRelation, measure: Measure) -> TableRelation:
    """Return a declared relation with the share of rows that satisfy it."""
    names = relation.child, relation.child_columns, relation.parent, relation.parent_columns
    return relation if relation.origin is Origin.REFUSED else replace(relation, inclusion=measure.row_share(*names))


def with_foreign_roles(table: Table, relations: Sequence[TableRelation]) -> Table:
    """Return a table whose columns that name rows of others say so."""
    names = {name for each in relations if each.child == table.name and each.holds for name in each.child_columns}
    columns = [
        replace(column, role=Role.FOREIGN_KEY)
        if column.name in names and (column.name,) != table.schema.primary_key
        else column
        for column in table.schema.columns
    ]
    return replace(table, schema=table.schema.with_columns(columns))

"""Data sets that differ from another one in one thing alone, for reports that must see that and nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import DataSet, Role
from filesync_dagster_tests.tables.data_sets.files import rows_of, write_data_set


def with_column(data_set: DataSet, folder: Path, table: str, column: str, values: pa.ChunkedArray) -> DataSet:
    """Return a data set in which one column has other values."""
    tables = {one.name: rows_of(one) for one in data_set.tables}
    rows = tables[table]
    place = rows.column_names.index(column)
    tables[table] = rows.set_column(place, rows.schema.field(place), values)
    return with_rows(data_set, folder, tables)


def with_shuffled(data_set: DataSet, folder: Path, table: str, column: str, seed: int = 1) -> DataSet:
    """Return a data set in which one column was dealt out anew."""
    rows = rows_of(data_set.table(table))
    order = np.random.default_rng(seed).permutation(rows.num_rows)
    return with_column(data_set, folder, table, column, rows.column(column).take(order))


def with_rows(data_set: DataSet, folder: Path, tables: dict[str, pa.Table]) -> DataSet:
    """Return a data set of other rows, with the same keys, relations and rules."""
    keys = {table.name: table.schema.primary_key for table in data_set.tables}
    return write_data_set(folder, tables, keys, data_set.relations, data_set.rules)


def halves(data_set: DataSet, folder: Path, seed: int = 1) -> tuple[DataSet, DataSet]:
    """Return both halves of the parents of a data set of one relation, with their children."""
    (relation,) = data_set.relations
    parents, children = rows_of(data_set.table(relation.parent)), rows_of(data_set.table(relation.child))
    chosen = np.random.default_rng(seed).random(parents.num_rows) < 0.5
    keys = parents.column(relation.parent_columns[0]).to_numpy(zero_copy_only=False)
    names = children.column(relation.child_columns[0]).to_numpy(zero_copy_only=False)
    found = []
    for number, side in enumerate((chosen, ~chosen)):
        tables = {
            relation.parent: parents.filter(pa.array(side)),
            relation.child: children.filter(pa.array(np.isin(names, keys[side]))),
        }
        found.append(with_rows(data_set, folder / str(number), tables))
    return found[0], found[1]


PEOPLE = {"first_name", "last_name", "email", "phone", "city", "postal_code", "street", "name"}


def with_roles(data_set: DataSet) -> DataSet:
    """Return the company's data set with the roles of what people are called, and of what they wrote."""
    tables = []
    for table in data_set.tables:
        columns = [
            replace(
                column, role=Role.PERSON if column.name in PEOPLE else Role.TEXT if column.name == "comment" else None
            )
            for column in table.schema.columns
        ]
        tables.append(replace(table, schema=table.schema.with_columns(columns)))
    return replace(data_set, tables=tuple(tables))

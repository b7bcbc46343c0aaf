"""A data set whose relations were followed: which row of its parents each row belongs to, and samples of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import DataSet, Table, TableRelation
from filesync_dagster.tables.synthetic.measures.columns import Floats, Indices, MeasuredColumn
from filesync_dagster.tables.synthetic.measures.families import (
    Census,
    Families,
    finest_relation,
    sample_families,
    sample_rows,
)
from filesync_dagster.tables.synthetic.measures.rows import parent_rows, read_rows, row_count

_SAMPLE_VALUES_COUNT = 5_000_000
SAMPLE_ROWS = 100_000


def sample_limit(columns: int) -> int:
    """Return how many rows of so many columns a sample has."""
    return min(SAMPLE_ROWS, max(1_000, _SAMPLE_VALUES_COUNT // max(columns, 1)))


@dataclass(frozen=True)
class LinkedTables:
    """Tables, the number of rows of each, and for each relation the number of the parent's row of each row."""

    data_set: DataSet
    counts: dict[str, int]
    links: dict[int, Indices]  # by the number of the relation

    @classmethod
    def load(cls, data_set: DataSet, relations: Sequence[TableRelation]) -> "LinkedTables":
        """Return a data set with the relations that hold, followed over all rows. Raises TableError."""
        linked = DataSet(data_set.tables, tuple(relations))
        links = {
            number: parent_rows(_table(linked, relation.child), relation, _table(linked, relation.parent))
            for number, relation in enumerate(relations)
        }
        return cls(linked, {table.name: row_count(table) for table in data_set.tables}, links)

    def sample(self, table: str, names: Sequence[str], seed: "ReportSeed") -> tuple[pa.Table, Indices]:
        """Return rows of a table, and the family of each by the finest of its relations; others are their own."""
        rows = sample_rows(self.counts[table], seed.generator("rows", table), sample_limit(len(names)))
        finest = finest_relation(self.data_set, table, self.links)
        families = np.full(len(rows), -1) if finest is None else self.links[finest][rows]
        return read_rows(self.data_set.table(table), names, rows), np.where(families < 0, -1 - rows, families)

    def families(self, relation: "MeasuredRelation", seed: "ReportSeed") -> Families:
        """Return a sample of the families of a relation."""
        number, link = relation.number, self.links[relation.number]
        parents = self.counts[relation.relation.parent]
        limit = sample_limit(len(relation.columns) + len(relation.parents) + len(relation.above))
        rows = sample_families(link, parents, seed.generator("families", number), limit)
        families, places = np.unique(link[rows], return_inverse=True)
        above: dict[str, Floats] = {}
        for upper, columns in relation.above.items():
            above |= self._above(upper, columns, self.links[upper][families])
        return Families(
            self.encode(relation.relation.child, relation.columns, rows),
            places.astype(np.int64),
            self.encode(relation.relation.parent, relation.parents, families),
            above,
            self.sizes(number)[families],
        )

    def _above(self, number: int, columns: Sequence[MeasuredColumn], rows: Indices) -> dict[str, Floats]:
        """Return columns of a parent's parents, under names with their table; NaN where there is none."""
        table = self.data_set.relations[number].parent
        known, places = np.unique(rows, return_inverse=True)
        found = self.encode(table, columns, known[known >= 0])
        lacking = [np.nan] * int((known < 0).any())
        return {f"{table}.{name}": np.append(lacking, values)[places] for name, values in found.items()}

    def sizes(self, number: int) -> Indices:
        """Return how many children each row of the parent of a relation has."""
        link = self.links[number]
        return np.bincount(link[link >= 0], minlength=self.counts[self.data_set.relations[number].parent])

    def census(self, relation: "MeasuredRelation", seed: "ReportSeed") -> Census:
        """Return a sample of the parents of a relation, with and without children."""
        parent, number = relation.relation.parent, relation.number
        limit = sample_limit(len(relation.parents))
        rows = sample_rows(self.counts[parent], seed.generator("parents", number), limit)
        return Census(self.encode(parent, relation.parents, rows), self.sizes(number)[rows])

    def encode(self, table: str, columns: Sequence[MeasuredColumn], rows: Indices) -> dict[str, Floats]:
        """Return columns of some rows, whose numbers ascend."""
        found = read_rows(self.data_set.table(table), [column.name for column in columns], rows)
        return {column.name: column.encode(found.column(i)) for i, column in enumerate(columns)}


@dataclass(frozen=True)
class MeasuredRelation:
    """A relation, and the columns of both of its sides; `above` has those of the parent's own parents."""

    number: int
    relation: TableRelation
    columns: Sequence[MeasuredColumn]
    parents: Sequence[MeasuredColumn]
    above: Mapping[int, Sequence[MeasuredColumn]]  # by the number of the parent's relation
    relations: Sequence[TableRelation]  # all there are

    @property
    def label(self) -> str:
        """The relation as people read it: "orders.customer_id → customers"."""
        return f"{self.relation.child}.{'+'.join(self.relation.child_columns)} → {self.relation.parent}"

    def labelled_above(self) -> list[MeasuredColumn]:
        """Return the columns of the parent, and of its own parents, under names that say whose they are."""
        found = [replace(column, name=f"{self.relation.parent}.{column.name}") for column in self.parents]
        for number, columns in self.above.items():
            table = self.relations[number].parent
            found += [replace(column, name=f"{table}.{column.name}") for column in columns]
        return found


@dataclass(frozen=True)
class ReportSeed:
    """Where chance comes from: each use has its own, so that none depends on what was measured before."""

    value: int

    def generator(self, *use: str | int) -> np.random.Generator:
        """Return the generator of a use."""
        words = [part if isinstance(part, int) else int.from_bytes(part.encode(), "little") for part in use]
        return np.random.default_rng([self.value, *words])


def _table(data_set: DataSet, name: str) -> Table:
    try:
        return data_set.table(name)
    except KeyError:
        raise TableError(f"There is no table {name} to compare.", code="not_comparable", field=name) from None

"""Real tables, read column by column, and which row of a parent each row of a child names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import KeysBroken, UnreadableTable
from filesync_dagster.tables.model import Table, TableRelation, TableSchema
from filesync_dagster.tables.synthetic.values import ArrowArray, Ints, pc

NO_PARENT = -1
ORPHAN = -2
EXAMPLE_COUNT = 3


@dataclass
class RealTable:
    """A table whose columns are read when they are asked for."""

    table: Table
    rows: int = field(init=False)
    _arrays: dict[str, ArrowArray] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        try:
            self.rows = sum(pq.read_metadata(part).num_rows for part in self.table.parts)
        except (OSError, pa.ArrowException) as error:
            raise UnreadableTable(f"The rows of table {self.table.name} cannot be read.", code="unreadable") from error

    @property
    def schema(self) -> TableSchema:
        """Its schema."""
        return self.table.schema

    def column(self, name: str) -> ArrowArray:
        """Return the values of a column, in the type that the schema says."""
        if name not in self._arrays:
            self._arrays[name] = self._read(name)
        return self._arrays[name]

    def columns(self, names: Sequence[str]) -> list[ArrowArray]:
        """Return the values of columns."""
        return [self.column(name) for name in names]

    def forget(self) -> None:
        """Let go of what was read."""
        self._arrays.clear()

    def _read(self, name: str) -> ArrowArray:
        kind = self.schema.column(name).type
        try:
            pieces = [pq.read_table(part, columns=[name], partitioning=None).column(0) for part in self.table.parts]
            chunks = [chunk.cast(kind) for piece in pieces for chunk in piece.chunks]
        except (OSError, pa.ArrowException) as error:
            raise UnreadableTable(
                f"Column {name} of table {self.table.name} cannot be read.", code="unreadable", field=name
            ) from error
        return pa.concat_arrays(chunks) if chunks else pa.array([], kind)


def find_parents(child: Sequence[ArrowArray], parent: Sequence[ArrowArray]) -> Ints:
    """Return the parent's row that each row of the child names: NO_PARENT where NULL, ORPHAN where there is none."""
    null = np.zeros(len(child[0]), dtype=bool)
    for column in child:
        null |= pc.is_null(column).to_numpy(zero_copy_only=False).astype(bool)
    left, right = key_codes(child, parent)
    place = pc.index_in(pa.array(left), pa.array(right)).fill_null(ORPHAN).to_numpy(zero_copy_only=False)
    place = np.where(left < 0, ORPHAN, place)
    return np.where(null, NO_PARENT, place).astype(np.int64)


def key_codes(child: Sequence[ArrowArray], parent: Sequence[ArrowArray]) -> tuple[Ints, Ints]:
    """Return a number for each key on either side: equal keys, equal numbers; -1 is a key that no parent has."""
    left = np.zeros(len(child[0]), dtype=np.int64)
    right = np.zeros(len(parent[0]), dtype=np.int64)
    for one, other in zip(child, parent, strict=True):
        here, there = same_type(one, other)
        distinct = pc.unique(there)
        size = len(distinct) + 1
        inner = pc.index_in(here, distinct).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        outer = pc.index_in(there, distinct).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        missing = (inner < 0) | (left < 0)
        left, right = np.where(missing, -1, left * size + inner), right * size + outer
        known, right = np.unique(right, return_inverse=True)
        place = np.minimum(np.searchsorted(known, left), max(len(known) - 1, 0))
        hit = (known[place] == left) & ~missing if len(known) else np.zeros(len(left), dtype=bool)
        left = np.where(hit, place, -1)
    return left, right


def same_type(one: ArrowArray, other: ArrowArray) -> tuple[ArrowArray, ArrowArray]:
    """Return two arrays in one type, that of the second where possible, else text."""
    if one.type == other.type:
        return one, other
    try:
        return one.cast(other.type), other
    except pa.ArrowException:
        return one.cast(pa.string()), other.cast(pa.string())


def check_parent_keys(real: Mapping[str, RealTable], relation: TableRelation) -> None:
    """Raise KeysBroken where rows of the parent cannot be told apart by what the relation names."""
    parent = real[relation.parent]
    columns = parent.columns(relation.parent_columns)
    whole = np.ones(parent.rows, dtype=bool)
    for column in columns:
        whole &= pc.is_valid(column).to_numpy(zero_copy_only=False).astype(bool)
    _, codes = key_codes(columns, columns)
    twice = np.flatnonzero(np.bincount(codes[whole], minlength=1) > 1)
    if len(twice):
        row = int(np.flatnonzero((codes == twice[0]) & whole)[0])
        example = ", ".join(str(column[row].as_py()) for column in columns)
        names = ", ".join(relation.parent_columns)
        raise KeysBroken(
            f"Table {relation.child} names rows of {relation.parent} by {names}, which {len(twice)} values have twice "
            f"({example}).",
            hint="Correct the relation: the parent's columns must be its key.",
            code="parent_not_unique",
            field=relation.parent,
        )

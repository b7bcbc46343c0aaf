"""A draft: rows in the making, column by column. Randomness comes from the seed and the place alone."""

import zlib
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filesync_dagster.tables.synthetic.values import ArrowArray, ColumnValues, Ints, from_arrow


def seed_at(seed: int, *place: str | int) -> int:
    """Return the seed of a place: of a table, a column, a block."""
    words = [part if isinstance(part, int) else zlib.crc32(part.encode()) for part in place]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1, np.uint64)[0])


def random_at(seed: int, *place: str | int) -> np.random.Generator:
    """Return the generator of a place: what is drawn elsewhere changes nothing here."""
    return np.random.Generator(np.random.PCG64(seed_at(seed, *place)))


@dataclass
class RowDraft:
    """Rows in the making. `codes` are what trees see: `c:name` of the rows themselves, `r3:c:name` of a parent."""

    numbers: Ints  # of the rows, in their table
    parents: dict[int, Ints]  # by the number of a link: the parent's row, -1 for none
    codes: dict[str, NDArray[np.int32]] = field(default_factory=dict)
    values: dict[str, ColumnValues] = field(default_factory=dict)
    arrays: dict[str, ArrowArray] = field(default_factory=dict)
    people: dict[str, list[str]] = field(default_factory=dict)  # what was made of the rows' people, by its kind
    outside: dict[str, dict[str, ArrowArray]] = field(default_factory=dict)  # columns of parents that rules speak of

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(self.numbers)

    def operand(self, name: str) -> tuple[ColumnValues, pa.DataType]:
        """Return what a rule calls by a name, `column` or `parent.column`: its values and their type."""
        found = self.arrays.get(name)
        if found is None:
            table, column = next(
                (table, name[len(table) + 1 :]) for table in self.outside if name.startswith(f"{table}.")
            )
            found = self.outside[table][column]
        return from_arrow(found), found.type

    def put_rows(self, places: Ints, other: "RowDraft") -> None:
        """Put the rows of another draft in the place of some of these."""
        order = np.arange(self.rows)
        order[places] = self.rows + np.arange(other.rows)
        for name, codes in other.codes.items():
            if name in self.codes:
                self.codes[name] = np.concatenate((self.codes[name], codes))[order]
        for name, values in other.values.items():
            mine = self.values[name]
            data = np.concatenate((mine.data, values.data))[order]
            self.values[name] = ColumnValues(data, np.concatenate((mine.null, values.null))[order])
        index = pa.array(order)
        for name, array in other.arrays.items():
            self.arrays[name] = pa.concat_arrays([self.arrays[name], array]).take(index)
        for table, columns in other.outside.items():
            for name, array in columns.items():
                self.outside[table][name] = pa.concat_arrays([self.outside[table][name], array]).take(index)
        for number, rows in other.parents.items():
            self.parents[number][places] = rows

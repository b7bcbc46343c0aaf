"""What tells the rows of a table apart: keys that are made, numbers that are counted, columns that must not repeat."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import Role, TableRelation
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.keys import key_array
from filesync_dagster.tables.synthetic.layout import count_within
from filesync_dagster.tables.synthetic.real import RealTable, key_codes
from filesync_dagster.tables.synthetic.relations import Link
from filesync_dagster.tables.synthetic.steps import COLUMN
from filesync_dagster.tables.synthetic.values import from_arrow


@dataclass(frozen=True)
class CountStep:
    """A column that counts rows within others: line 1, 2, 3 of an order."""

    name: str
    within: tuple[str, ...]
    start: int
    type: pa.DataType

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Count."""
        groups = np.zeros(draft.rows, dtype=np.int64)
        if self.within and draft.rows:
            arrays = [draft.arrays[name] for name in self.within]
            _, groups = key_codes(arrays, arrays)
        draft.arrays[self.name.removeprefix(COLUMN)] = key_array(count_within(groups) + self.start, self.type)


@dataclass(frozen=True)
class RowIdentity:
    """What tells rows of a table apart."""

    keys: tuple[str, ...] = ()  # columns of made keys
    counted: tuple[CountStep, ...] = ()
    distinct: tuple[tuple[str, ...], ...] = ()
    foreign: tuple[tuple[str, ...], ...] = ()  # keys that are foreign keys alone

    @property
    def made(self) -> set[str]:
        """The columns that no model is needed for."""
        return {*self.keys, *(step.name.removeprefix(COLUMN) for step in self.counted)}

    def needs_one_block(self, primary: Link | None) -> bool:
        """Tell whether what must not repeat could do so in two blocks: families are always in one."""
        family = set(primary.relation.child_columns) if primary else set()
        groups = [*self.distinct, *(step.within for step in self.counted)]
        return any(not family or not family <= set(columns) for columns in groups)


def find_identity(table: RealTable, relations: Sequence[TableRelation]) -> RowIdentity:
    """Find what tells the rows of a table apart: its keys, declared unique ones, and what others name it by."""
    schema = table.schema
    foreign_columns = {name for one in relations if one.child == schema.name for name in one.child_columns}
    named = [one.parent_columns for one in relations if one.parent == schema.name]
    every = list(dict.fromkeys(key for key in (schema.primary_key, *named, *schema.unique_keys) if key))
    single = {key[0] for key in every if len(key) == 1 and key[0] not in foreign_columns}
    strict = {key[0] for key in (schema.primary_key, *named) if len(key) == 1}
    keys = tuple(name for name in schema.names if name in single and (name in strict or _is_code(table, name)))
    distinct: list[tuple[str, ...]] = [(name,) for name in schema.names if name in single and name not in keys]
    counted: list[CountStep] = []
    foreign = []
    for key in every:
        if len(key) == 1 or set(key) & single:
            continue
        if set(key) <= foreign_columns:
            foreign.append(key)
            continue
        steps = [
            step for name in reversed(key) if name not in foreign_columns and (step := _count_step(table, key, name))
        ]
        if steps:
            counted.append(steps[0])
        else:
            distinct.append(key)
    return RowIdentity(keys, tuple({step.name: step for step in counted}.values()), tuple(distinct), tuple(foreign))


def _is_code(table: RealTable, name: str) -> bool:
    """Tell whether unique values are names of rows, and no amounts, moments, texts or people."""
    column = table.schema.column(name)
    if column.role in {Role.PERSON, Role.TEXT, Role.NUMBER, Role.DATETIME}:
        return False
    return bool(pa.types.is_integer(column.type) or pa.types.is_string(column.type) or pa.types.is_binary(column.type))


def _count_step(table: RealTable, key: tuple[str, ...], name: str) -> CountStep | None:
    """Return the step that counts a part of a key within its other parts, if the real part does."""
    kind = table.schema.column(name).type
    array = table.column(name)
    if not pa.types.is_integer(kind) or array.null_count or not len(array) or pa.types.is_uint64(kind):
        return None
    others = tuple(one for one in key if one != name)
    arrays = table.columns(others)
    _, groups = key_codes(arrays, arrays)
    values = from_arrow(array).data
    sizes = np.bincount(groups)
    low = np.full(len(sizes), np.iinfo(np.int64).max)
    high = np.full(len(sizes), np.iinfo(np.int64).min)
    np.minimum.at(low, groups, values)
    np.maximum.at(high, groups, values)
    used = sizes > 0
    if np.any(high[used] - low[used] + 1 != sizes[used]) or len(np.unique(low[used])) > 1:
        return None
    return CountStep(COLUMN + name, others, int(low[used][0]), kind)

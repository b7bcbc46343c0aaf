"""Values that few rows have, and that nobody should find in synthetic rows: a rare word, the one millionaire."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.tables.model import Table
from filesync_dagster.tables.synthetic.measures.rows import read_columns


@dataclass(frozen=True)
class RareLeak:
    """Rare values of one column that appear in synthetic rows. It counts them, and does not repeat them."""

    column: str
    value_count: int
    synthetic_share: float  # of the synthetic rows have one
    holdout_share: float  # of the rows that nobody learnt have one: what chance gives

    def as_json(self) -> dict[str, Any]:
        """Return the leak as JSON values."""
        return {
            "column": self.column,
            "values": self.value_count,
            "synthetic_share": self.synthetic_share,
            "holdout_share": self.holdout_share,
        }


def rare_leaks(
    names: Sequence[str], synthetic: Table, training: Table, holdout: Table, k_min: int
) -> tuple[RareLeak, ...]:
    """Return the columns with values that fewer than `k_min` training rows have and synthetic rows have too.

    Of a number these are the outermost values alone: others are rare by nature.
    """
    found = []
    for name in names:
        rows = [read_columns(table, [name]).column(0) for table in (synthetic, training, holdout)]
        rare = _rare_values(rows[1], k_min)
        if rare is None or not len(rare):
            continue
        leaked = [pc.filter(side, pc.is_in(side, rare)) for side in (rows[0].cast(rows[1].type), rows[2])]
        if len(leaked[0]):
            shares = [len(values) / max(len(side), 1) for values, side in zip(leaked, (rows[0], rows[2]), strict=True)]
            found.append(RareLeak(name, len(pc.unique(leaked[0])), *shares))
    return tuple(found)


def _rare_values(values: Any, k_min: int) -> Any:
    """Return the rare values of a column; None of one whose values cannot be rare."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        counted: Any = pc.value_counts(values.drop_null())
        return counted.field(0).filter(pc.less(counted.field(1), pa.scalar(k_min)))
    if pa.types.is_boolean(kind) or not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)):
        return None
    known = values.drop_null()
    if len(known) <= 2 * k_min:
        return known
    order = pc.sort_indices(known).to_numpy()
    low, high = known[int(order[k_min - 1])], known[int(order[-k_min])]
    outside = pc.or_(pc.less(known, low), pc.greater(known, high))
    return pc.unique(known.filter(outside))

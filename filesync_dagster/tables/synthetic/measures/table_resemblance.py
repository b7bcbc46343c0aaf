"""How near the rows of one table are to real ones where nobody says which of these a model has seen.

Instead of rows that a model did not see, each real row is compared with all the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import Table
from filesync_dagster.tables.synthetic.measures.distances import nearest
from filesync_dagster.tables.synthetic.measures.families import sample_rows
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, ReportSeed
from filesync_dagster.tables.synthetic.measures.rows import read_rows
from filesync_dagster.tables.synthetic.measures.rule_sql import quote
from filesync_dagster.tables.synthetic.measures.scores import digits
from filesync_dagster.tables.synthetic.measures.table_privacy import (
    MIN_ROWS,
    NEAREST_PERCENT,
    PRIVACY_ROWS,
    WORK_VALUES_COUNT,
    encode_sides,
    equal_rows,
    real_values,
)
from filesync_dagster.tables.synthetic.measures.table_quality import measure_columns


@dataclass(frozen=True)
class TableResemblance:
    """What was measured of a table, over all its columns but keys."""

    name: str
    rows: tuple[int, int]  # compared: synthetic, real
    exact_rows: float  # the share of synthetic rows that are equal to a real one
    exact_rows_of_real: float  # the share of real rows that another real row is equal to: what chance gives
    distant_rows: float  # the share that is neither equal to a real row nor nearer than the nearest 5 % among real ones
    real_values: tuple[str, ...]  # columns whose synthetic values are mostly values of real rows

    @property
    def copies_rows(self) -> bool:
        """Whether more rows are repeated than real ones repeat each other."""
        return self.exact_rows > self.exact_rows_of_real

    def as_json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        return {
            "name": self.name,
            "compared_rows": dict(zip(("synthetic", "real"), self.rows, strict=True)),
            "exact_rows": {"synthetic": digits(self.exact_rows), "real": digits(self.exact_rows_of_real)},
            "copies_rows": self.copies_rows,
            "distant_rows": digits(self.distant_rows),
            "real_values": list(self.real_values),
        }


def table_resemblance(
    name: str, names: Sequence[str], sides: tuple[LinkedTables, LinkedTables], seed: ReportSeed
) -> TableResemblance | None:
    """Return what is to be said of a table of synthetic and real rows. None: too few of them, or none.

    `names`: its columns but keys. Raises TableError.
    """
    if not names or min(side.counts.get(name, 0) for side in sides) < MIN_ROWS:
        return None
    synthetic, real = (side.data_set.table(name) for side in sides)
    rng = seed.generator("resemblance", name)
    ours = read_rows(synthetic, names, sample_rows(sides[0].counts[name], rng, PRIVACY_ROWS))
    limit = max(MIN_ROWS * 10, WORK_VALUES_COUNT // (ours.num_rows * len(names)))
    theirs = read_rows(real, names, sample_rows(sides[1].counts[name], rng, limit))
    left_out = theirs.take(sample_rows(theirs.num_rows, rng, PRIVACY_ROWS))
    columns = measure_columns(real.schema, names, theirs)
    distance, (made, known, one_by_one) = encode_sides(columns, (ours, theirs, left_out))
    base = nearest(distance, one_by_one, known).second  # the nearest real row is the row itself
    exact = _equal(ours, real, names)
    far = nearest(distance, made, known).first >= np.percentile(base, NEAREST_PERCENT)
    return TableResemblance(
        name,
        (ours.num_rows, theirs.num_rows),
        float(exact.mean()),
        _repeated_share(real, names),
        float((~exact & far).mean()),
        real_values(names, ours, real),
    )


def _equal(ours: pa.Table, real: Table, names: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    try:
        return equal_rows(ours, real, names)
    except duckdb.Error as error:
        differs = [one for one in names if ours.schema.field(one).type != real.schema.column(one).type]
        raise TableError(
            f"The column {(differs or names)[0]} of {real.name} has another type among the real rows.",
            hint="Compare tables whose columns have the same types.",
            code="not_comparable",
            field=f"{real.name}.{(differs or names)[0]}",
        ) from error


def _repeated_share(real: Table, names: Sequence[str]) -> float:
    """Return the share of rows that another row of the same table is equal to. NULL is equal to NULL."""
    columns = ", ".join(map(quote, names))
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("everything", ds.dataset([str(part) for part in real.parts]))
        groups = f"SELECT count(*) AS n FROM everything GROUP BY {columns}"
        sql = f"SELECT coalesce(sum(n) FILTER (n > 1), 0) / sum(n) FROM ({groups})"
        return float(connection.sql(sql).fetchall()[0][0])

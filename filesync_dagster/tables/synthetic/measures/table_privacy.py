"""How private the rows of one table are: whether they repeat or resemble the rows that a model was fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from filesync_dagster.tables.model import Table
from filesync_dagster.tables.synthetic.measures.columns import Floats, Indices, MeasuredColumn, MeasureKind, as_text
from filesync_dagster.tables.synthetic.measures.distances import Neighbours, RowDistance, nearer_share, nearest
from filesync_dagster.tables.synthetic.measures.families import sample_rows
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, ReportSeed
from filesync_dagster.tables.synthetic.measures.metrics import average_ranks
from filesync_dagster.tables.synthetic.measures.rare_values import RareLeak, rare_leaks
from filesync_dagster.tables.synthetic.measures.rows import read_columns, read_rows
from filesync_dagster.tables.synthetic.measures.rule_sql import quote
from filesync_dagster.tables.synthetic.measures.scores import digits
from filesync_dagster.tables.synthetic.measures.table_quality import measure_columns

PRIVACY_ROWS = 10_000
COPY_ALARM_SHARE = 0.55
MIN_ROWS = 30
WORK_VALUES_COUNT = 2_000_000_000  # distances of single values, of synthetic rows to real ones
_MEMBER_ROWS = 2_000
NEAREST_PERCENT = 5
_Z_95_PERCENT = 1.96
_REAL_VALUES_SHARE = 0.5


@dataclass(frozen=True)
class Interval:
    """A share, and where it lies with 95 % certainty."""

    value: float
    low: float
    high: float

    def as_json(self) -> dict[str, Any]:
        """Return the interval as JSON values."""
        return {"value": digits(self.value), "low": digits(self.low), "high": digits(self.high)}


@dataclass(frozen=True)
class TablePrivacy:
    """What was measured of a table. None: it could not be, and says nothing."""

    name: str
    rows: tuple[int, int, int]  # compared: synthetic, training, holdout
    exact_rows: float  # the share of synthetic rows that are equal to a training row, in all columns but keys
    exact_rows_of_holdout: float  # the same of real rows that fitting did not see: what chance gives
    nearer_to_training: Interval | None  # 0.5 is what chance gives
    nndr: tuple[float, float]  # 5th percentile of synthetic rows, and of the holdout
    membership_auc: float
    distant_rows: float  # the share that is neither equal to a training row nor nearer than the holdout's nearest 5 %
    rare_leaks: tuple[RareLeak, ...]
    real_values: tuple[str, ...]  # columns whose synthetic values are mostly values of real rows

    @property
    def copies_rows(self) -> bool:
        """Whether more rows are repeated than chance repeats."""
        return self.exact_rows > self.exact_rows_of_holdout

    @property
    def remembers(self) -> bool:
        """Whether rows are nearer to the training than 0.55 allows, and not by chance alone."""
        found = self.nearer_to_training
        return found is not None and found.value > COPY_ALARM_SHARE and found.low > 0.5  # noqa: PLR2004  # a coin

    def as_json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        return {
            "name": self.name,
            "compared_rows": dict(zip(("synthetic", "training", "holdout"), self.rows, strict=True)),
            "exact_rows": {"synthetic": digits(self.exact_rows), "holdout": digits(self.exact_rows_of_holdout)},
            "copies_rows": self.copies_rows,
            "nearer_to_training": self.nearer_to_training and self.nearer_to_training.as_json(),
            "remembers": self.remembers,
            "nndr": {"synthetic": digits(self.nndr[0]), "holdout": digits(self.nndr[1])},
            "membership_auc": digits(self.membership_auc),
            "distant_rows": digits(self.distant_rows),
            "rare_leaks": [leak.as_json() for leak in self.rare_leaks],
            "real_values": list(self.real_values),
        }


def table_privacy(
    name: str,
    names: Sequence[str],
    sides: tuple[LinkedTables, LinkedTables, LinkedTables],
    seed: ReportSeed,
    k_min: int,
) -> TablePrivacy | None:
    """Return what is to be said of a table of synthetic, training and holdout rows. None: too few of them, or none.

    `names`: its columns but keys. Raises TableError.
    """
    if not names or min(side.counts.get(name, 0) for side in sides) < MIN_ROWS:
        return None
    synthetic, training, holdout = (side.data_set.table(name) for side in sides)
    rng = seed.generator("privacy", name)
    ours, families = sides[0].sample(name, names, seed)
    chosen = sample_rows(ours.num_rows, rng, PRIVACY_ROWS)
    ours, families = ours.take(chosen), families[chosen]
    limit = max(MIN_ROWS * 10, WORK_VALUES_COUNT // (max(len(chosen), 1) * len(names)))
    share = min(1.0, limit / (sides[1].counts[name] + sides[2].counts[name]))
    seen, unseen = (
        read_rows(side.data_set.table(name), names, sample_rows(side.counts[name], rng, _at_least(side, name, share)))
        for side in sides[1:]
    )
    columns = measure_columns(training.schema, names, seen)
    distance, (theirs, known, unknown) = encode_sides(columns, (ours, seen, unseen))
    near, near_unseen = nearest(distance, theirs, known), nearest(distance, theirs, unknown)
    base = nearest(distance, unknown, known)
    exact = equal_rows(ours, training, names)
    least = float(np.percentile(base.first, NEAREST_PERCENT))
    return TablePrivacy(
        name,
        (ours.num_rows, seen.num_rows, unseen.num_rows),
        float(exact.mean()),
        float(equal_rows(unseen, training, names).mean()),
        _interval(nearer_share(near, near_unseen), families, seen.num_rows / (seen.num_rows + unseen.num_rows)),
        (_nndr(near), _nndr(base)),
        _membership(distance, theirs, known, unknown, rng),
        float((~exact & (near.first >= least)).mean()),
        rare_leaks(names, synthetic, training, holdout, k_min),
        real_values(names, ours, training),
    )


def _at_least(side: LinkedTables, name: str, share: float) -> int:
    return max(MIN_ROWS, round(side.counts[name] * share))


def encode_sides(
    columns: Sequence[MeasuredColumn], sides: Sequence[pa.Table]
) -> tuple[RowDistance, list[dict[str, Floats]]]:
    """Return rows of all sides as floats. Texts and categories are equal or not, the rare ones too."""
    encoded: list[dict[str, Floats]] = [{} for _ in sides]
    used = []
    for place, column in enumerate(columns):
        if not (column.is_text or column.is_category):
            used.append(column)
            for side, rows in zip(encoded, sides, strict=True):
                side[column.name] = column.encode(rows.column(place))
            continue
        texts = [as_text(rows.column(place)).combine_chunks() for rows in sides]
        known = pc.unique(pa.chunked_array(texts)).drop_null()
        used.append(MeasuredColumn(column.name, MeasureKind.CATEGORY, column.type))
        for side, text in zip(encoded, texts, strict=True):
            codes: Any = pc.index_in(text, known)
            side[column.name] = codes.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return RowDistance(used, encoded[1]), encoded


def equal_rows(rows: pa.Table, table: Table, names: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Return for each row whether a table has an equal one, in these columns. NULL is equal to NULL."""
    found = np.zeros(rows.num_rows, dtype=bool)
    columns = pa.table([*rows.columns, pa.array(np.arange(rows.num_rows))], names=[*names, "number of row"])
    same = " AND ".join(f"few.{quote(name)} IS NOT DISTINCT FROM everything.{quote(name)}" for name in names)
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("few", columns)
        connection.register("everything", ds.dataset([str(part) for part in table.parts]))
        sql = f'SELECT DISTINCT few."number of row" FROM everything JOIN few ON {same}'
        found[[row[0] for row in connection.sql(sql).fetchall()]] = True
    return found


def _interval(nearer: Floats, families: Indices, expected: float) -> Interval:
    """Return the share of rows that are nearer to the training, as if the holdout were as large.

    Rows of one family are not independent: the interval is that of as many rows as would vary so much.
    """
    value = float(nearer.mean())
    sums = np.bincount(np.unique(families, return_inverse=True)[1], weights=nearer - value)
    variance = float((sums**2).sum()) / len(nearer) ** 2
    count = min(len(nearer), value * (1 - value) / variance) if variance > 0 else len(nearer)
    middle = (value + _Z_95_PERCENT**2 / (2 * count)) / (1 + _Z_95_PERCENT**2 / count)
    half = _Z_95_PERCENT * float(np.sqrt(value * (1 - value) / count + (_Z_95_PERCENT / (2 * count)) ** 2))
    half /= 1 + _Z_95_PERCENT**2 / count
    return Interval(*(_balance(share, expected) for share in (value, middle - half, middle + half)))


def _balance(share: float, expected: float) -> float:
    """Return a share of which `expected` is what chance gives as one of which a half is."""
    share = min(1.0, max(0.0, share))
    weighted = share * (1 - expected)
    total = weighted + (1 - share) * expected
    return weighted / total if total else 0.5


def _nndr(found: Neighbours) -> float:
    """Return the 5th percentile of how far the nearest is, by how far the second one is: 0 where one alone is near."""
    ratios = np.divide(found.first, found.second, out=np.ones(len(found.first)), where=found.second > 0)
    return float(np.percentile(ratios, NEAREST_PERCENT))


def _membership(
    distance: RowDistance,
    synthetic: dict[str, Floats],
    known: dict[str, Floats],
    unknown: dict[str, Floats],
    rng: np.random.Generator,
) -> float:
    """Return how often a row that was learnt is nearer to a synthetic one than a row that was not; 0.5 is chance."""
    far = []
    for side in (known, unknown):
        count = len(next(iter(side.values())))
        rows = sample_rows(count, rng, _MEMBER_ROWS)
        far.append(nearest(distance, {name: values[rows] for name, values in side.items()}, synthetic).first)
    ranks = average_ranks(-np.concatenate(far)) * (len(far[0]) + len(far[1]))
    return float((ranks[: len(far[0])].sum() - len(far[0]) ** 2 / 2) / (len(far[0]) * len(far[1])))


def real_values(names: Sequence[str], rows: pa.Table, training: Table) -> tuple[str, ...]:
    """Return the columns whose values are mostly values of real rows."""
    found = []
    for place, name in enumerate(names):
        values = as_text(rows.column(place)).drop_null()
        known = pc.unique(as_text(read_columns(training, [name]).column(0)))
        shared = pc.mean(pc.is_in(values, known)).as_py() if len(values) else 0
        if shared and shared >= _REAL_VALUES_SHARE:
            found.append(name)
    return tuple(found)

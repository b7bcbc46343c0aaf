"""How good the rows of one table are: shapes of columns, pairs of columns, and whether rows can be told apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import TableSchema
from filesync_dagster.tables.synthetic.measures.column_scores import (
    Pair,
    auc_score,
    choose_pairs,
    correlation_scores,
    detection_of,
    null_share,
    pair_scores,
    shape,
)
from filesync_dagster.tables.synthetic.measures.columns import Indices, MeasuredColumn, measured_column
from filesync_dagster.tables.synthetic.measures.detection import detection_auc
from filesync_dagster.tables.synthetic.measures.families import Families
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, ReportSeed
from filesync_dagster.tables.synthetic.measures.plots import column_plot
from filesync_dagster.tables.synthetic.measures.scores import Score, Sides, digits, mean_score, worst_items
from filesync_dagster.tables.synthetic.naive import naive_families

JUDGED_ROWS = 100
HEAT_MAP_COLUMNS_COUNT = 60


@dataclass(frozen=True)
class TableQuality:
    """What was measured of a table."""

    name: str
    rows: tuple[int, int]  # real, synthetic
    sampled: tuple[int, int]
    columns: tuple[MeasuredColumn, ...]
    nulls: Mapping[str, tuple[float, float]]
    plots: Mapping[str, dict[str, Any]]
    shapes: Mapping[str, Score]
    pairs: Mapping[Pair, Score]
    correlations: Mapping[Pair, Score]
    auc: Score | None  # of rows; its ceiling is that of two halves of the real ones

    @property
    def judged(self) -> bool:
        """Whether there are rows enough on both sides for the headline."""
        return min(self.rows) >= JUDGED_ROWS

    def groups(self) -> dict[str, Score | None]:
        """Return the scores that may become the headline."""
        return {
            "shapes": mean_score({c.name: self.shapes[c.name] for c in self.columns if not c.is_text}),
            "pairs": mean_score(self.pairs),
            "detection": detection_of(self.auc),
        }

    def as_json(self) -> dict[str, Any]:
        """Return the table as JSON values."""
        names = [column.name for column in self.columns if not column.is_text]
        return {
            "name": self.name,
            "rows": {"real": self.rows[0], "synthetic": self.rows[1]},
            "sampled_rows": {"real": self.sampled[0], "synthetic": self.sampled[1]},
            "judged": self.judged,
            "scores": {name: score and score.as_json() for name, score in self.groups().items()},
            "correlation": (found := mean_score(self.correlations)) and found.as_json(),
            "auc": self.auc and self.auc.as_json(),
            "columns": [self._column(column) for column in self.columns],
            "worst_pairs": worst_pairs(self.pairs),
            "heat_map": heat_map(self.pairs, names, names),
        }

    def _column(self, column: MeasuredColumn) -> dict[str, Any]:
        real, synthetic = self.nulls[column.name]
        return {
            "name": column.name,
            "kind": column.kind,
            **self.shapes[column.name].as_json(),
            "nulls": {"real": digits(real), "synthetic": digits(synthetic)},
            "plot": self.plots[column.name],
        }


def worst_pairs(pairs: Mapping[Pair, Score]) -> list[dict[str, Any]]:
    """Return the five worst pairs, the worst first."""
    return [{"columns": list(pair), **pairs[pair].as_json()} for pair in worst_items(pairs)]


def heat_map(pairs: Mapping[Pair, Score], rows: Sequence[str], columns: Sequence[str]) -> dict[str, Any]:
    """Return the scores of pairs as a matrix; None for a pair that was not measured."""
    shown, across = rows[:HEAT_MAP_COLUMNS_COUNT], columns[:HEAT_MAP_COLUMNS_COUNT]
    scores = [
        [digits(score.value) if (score := pairs.get((a, b)) or pairs.get((b, a))) else None for b in across]
        for a in shown
    ]
    return {"rows": list(shown), "columns": list(across), "scores": scores}


def measure_columns(schema: TableSchema, names: Sequence[str], real: pa.Table) -> tuple[MeasuredColumn, ...]:
    """Return how the columns of a table are measured, of a sample of the real rows."""
    return tuple(measured_column(schema.column(name), real.column(name)) for name in names)


def table_quality(
    schema: TableSchema, names: Sequence[str], real: LinkedTables, synthetic: LinkedTables, seed: ReportSeed
) -> TableQuality:
    """Return what is to be said of a table's columns. Raises TableError."""
    samples = [side.sample(schema.name, names, seed) for side in (real, synthetic)]
    columns = measure_columns(schema, names, samples[0][0])
    ours, theirs = (_families(columns, rows, link) for rows, link in samples)
    rng = seed.generator("chance", schema.name)
    sides = Sides(ours, theirs, ours.bootstrap(rng, theirs.family_count), naive_families(ours, rng))
    telling = [column for column in columns if not column.is_text]
    pairs = choose_pairs(list(combinations([column.name for column in telling], 2)), rng)
    return TableQuality(
        schema.name,
        (real.counts[schema.name], synthetic.counts[schema.name]),
        (ours.row_count, theirs.row_count),
        columns,
        {name: (null_share(ours.children[name]), null_share(theirs.children[name])) for name in names},
        {c.name: column_plot(c, ours.children[c.name], theirs.children[c.name]) for c in columns},
        sides.score(lambda a, b: {c.name: shape(c, a.children, b.children) for c in columns}),
        sides.score(lambda a, b: pair_scores(columns, pairs, a.children, b.children)),
        sides.score(lambda a, b: correlation_scores(columns, pairs, a.children, b.children)),
        auc_score(sides, rng, lambda a, b: detection_auc(a, b, telling)),
    )


def _families(columns: Sequence[MeasuredColumn], rows: pa.Table, link: Indices) -> Families:
    children = {column.name: column.encode(rows.column(i)) for i, column in enumerate(columns)}
    families, places = np.unique(link, return_inverse=True)
    return Families(children, places.astype(np.int64), {}, {}, np.bincount(places, minlength=len(families)))

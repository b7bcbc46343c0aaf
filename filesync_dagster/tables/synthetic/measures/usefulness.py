"""Usefulness: whether a model that was fitted on synthetic rows predicts real ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from filesync_dagster.core.errors import TableError
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.synthetic.measures.columns import Floats, Indices, MeasuredColumn
from filesync_dagster.tables.synthetic.measures.detection import TREE_CATEGORIES_COUNT, fill_empty
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, ReportSeed
from filesync_dagster.tables.synthetic.measures.scores import digits

_ROWS = 20_000
_TEST_SHARE = 0.3
_LEARNABLE_SHARE = 0.05  # a target that real rows predict no better says nothing


@dataclass(frozen=True)
class Usefulness:
    """How well a column of real rows is predicted: 0 is no better than its mean or its commonest value, 1 is always.

    `ratio` is None where real rows cannot predict it either.
    """

    table: str
    column: str
    trained_on_real: float
    trained_on_synthetic: float

    @property
    def ratio(self) -> float | None:
        """How much of what real rows teach synthetic ones teach, at most 1."""
        if self.trained_on_real < _LEARNABLE_SHARE:
            return None
        return min(1.0, max(0.0, self.trained_on_synthetic) / self.trained_on_real)

    def as_json(self) -> dict[str, Any]:
        """Return the numbers as JSON values."""
        return {
            "table": self.table,
            "column": self.column,
            "trained_on_real": digits(self.trained_on_real),
            "trained_on_synthetic": digits(self.trained_on_synthetic),
            "ratio": digits(self.ratio),
        }


def usefulness(
    target: tuple[str, str],
    real: LinkedTables,
    synthetic: LinkedTables,
    columns: Mapping[str, Sequence[MeasuredColumn]],
    seed: ReportSeed,
) -> Usefulness:
    """Return how useful synthetic rows are to predict a column from the others of its table.

    `target`: the table and the column. Raises TableError.
    """
    table, column = target
    measured = {found.name: found for found in columns.get(table, ())}
    if column not in measured or len(measured) == 1:
        raise TableError(
            f"There is nothing to predict {table}.{column} from, or no such column.",
            hint="Choose a column that is no key, of a table with others.",
            code="bad_target",
            field="target",
        )
    names = list(measured)
    sides = []
    for side in (real, synthetic):
        rows, families = side.sample(table, names, seed)
        sides.append(({name: measured[name].encode(rows.column(name)) for name in names}, families))
    (ours, families), (theirs, _) = sides
    rng = seed.generator("usefulness", table)
    known = np.unique(families)
    tested = np.isin(families, rng.choice(known, max(1, int(len(known) * _TEST_SHARE)), replace=False))
    features = [found for name, found in measured.items() if name != column]
    test = _some({name: values[tested] for name, values in ours.items()}, column, rng)
    train = _some({name: values[~tested] for name, values in ours.items()}, column, rng)
    other = _some(theirs, column, rng, len(train[column]))
    skills = [_skill(side, test, measured[column], features) for side in (train, other)]
    return Usefulness(table, column, *skills)


def _some(
    columns: Mapping[str, Floats], target: str, rng: np.random.Generator, limit: int = _ROWS
) -> dict[str, Floats]:
    """Return at most so many rows whose target is known."""
    rows: Indices = np.flatnonzero(~np.isnan(columns[target]))
    if len(rows) > min(limit, _ROWS):
        rows = rng.choice(rows, min(limit, _ROWS), replace=False)
    return {name: values[rows] for name, values in columns.items()}


def _skill(
    train: Mapping[str, Floats],
    test: Mapping[str, Floats],
    target: MeasuredColumn,
    features: Sequence[MeasuredColumn],
) -> float:
    """Return R² of a number, or of a category how far the accuracy is above that of always saying the commonest."""
    ensemble = import_from_extra("sklearn.ensemble", "tables", "A quality report")
    if len(train[target.name]) < 2 or len(test[target.name]) < 2:  # noqa: PLR2004  # nothing to learn from
        return 0.0
    categories = [i for i, column in enumerate(features) if column.is_category]
    settings = {
        "max_iter": 50,
        "learning_rate": 0.15,
        "early_stopping": False,
        "categorical_features": categories,
        "random_state": 0,
    }
    inputs = fill_empty(_matrix(train, features), _matrix(test, features))
    truth = test[target.name]
    if not target.is_category:
        model = ensemble.HistGradientBoostingRegressor(**settings).fit(inputs[0], train[target.name])
        spread = float(((truth - truth.mean()) ** 2).sum())
        return 1 - float(((truth - model.predict(inputs[1])) ** 2).sum()) / spread if spread else 0.0
    if len(np.unique(train[target.name])) < 2:  # noqa: PLR2004  # one class
        return 0.0
    model = ensemble.HistGradientBoostingClassifier(**settings).fit(inputs[0], train[target.name])
    hits = float((model.predict(inputs[1]) == truth).mean())
    commonest = float(np.unique(truth, return_counts=True)[1].max() / len(truth))
    return (hits - commonest) / (1 - commonest) if commonest < 1 else 0.0


def _matrix(side: Mapping[str, Floats], features: Sequence[MeasuredColumn]) -> Floats:
    return np.column_stack(
        [
            np.minimum(side[column.name], TREE_CATEGORIES_COUNT) if column.is_category else side[column.name]
            for column in features
        ]
    )

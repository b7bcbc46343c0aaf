"""Telling real rows from synthetic ones: what boosted trees see, and what they must not be able to see."""

import numpy as np
import pytest

from filesync_dagster.tables.synthetic.measures.columns import MeasuredColumn, MeasureKind
from filesync_dagster.tables.synthetic.measures.detection import detection_auc, relational_auc
from filesync_dagster.tables.synthetic.measures.families import Families

NAMES = ("a", "b", "c")
COLUMNS = [MeasuredColumn(name, MeasureKind.NUMBER, None) for name in NAMES]


def families(seed, count=80, size=20, *, shift=0.0, alike=True):
    """Return families whose members have the same values, nearly: whoever knows one knows them all."""
    rng = np.random.default_rng(seed)
    link = np.repeat(np.arange(count), size)
    columns = {
        name: rng.normal(size=count)[link] * alike + rng.normal(size=len(link)) * 0.001 + shift for name in NAMES
    }
    return Families(columns, link, {}, {}, np.full(count, size))


def test_families_are_not_recognised():
    """A family is in one fold: who has seen its sister in another one would know which side she is on."""
    auc = detection_auc(families(1), families(2), COLUMNS)

    assert auc == pytest.approx(0.5, abs=0.12)


def test_what_is_different_is_seen():
    """Rows that lie elsewhere are told apart."""
    assert detection_auc(families(1, alike=False), families(2, alike=False, shift=0.002), COLUMNS) > 0.8


def test_the_same_rows_cannot_be_told_apart():
    """Equal rows are in the same fold: in two, the model would guess worse than a coin."""
    real = families(1)
    other = real.take(np.random.default_rng(3).permutation(real.family_count))

    assert detection_auc(real, other, COLUMNS) == pytest.approx(0.5, abs=0.01)


def test_relations_are_seen_by_the_relational_one_alone():
    """Children that were dealt out to other parents are as they were, until one looks at parents and siblings."""
    rng = np.random.default_rng(1)
    parents = {"size": rng.normal(size=400)}
    link = np.repeat(np.arange(400), 5)
    children = {"a": parents["size"][link] + rng.normal(size=len(link)) * 0.1}
    whole = Families(children, link, parents, {}, np.full(400, 5))
    real, other = whole.halves(rng)
    dealt = Families(other.children, rng.permutation(other.link), other.parents, {}, other.sizes)
    upper = [MeasuredColumn("size", MeasureKind.NUMBER, None)]

    assert detection_auc(real, dealt, COLUMNS[:1]) < 0.6
    assert relational_auc(real, other, COLUMNS[:1], upper) < 0.6
    assert relational_auc(real, dealt, COLUMNS[:1], upper) > 0.9


def test_few_families_say_nothing():
    """With nine families on a side there are not enough for folds."""
    assert detection_auc(families(1, count=9), families(2), COLUMNS) is None


def test_columns_without_a_value_are_no_obstacle():
    """A column that is NULL everywhere teaches nothing, and harms nobody."""
    real = families(1, alike=False)
    empty = Families({**real.children, "a": np.full(real.row_count, np.nan)}, real.link, {}, {}, real.sizes)

    assert detection_auc(empty, empty, COLUMNS) == pytest.approx(0.5, abs=0.01)

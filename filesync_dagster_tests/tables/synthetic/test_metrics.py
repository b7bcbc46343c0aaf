"""The formulas of the quality report, on values whose result can be counted by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.tables.synthetic.measures import metrics

NULL = np.nan
SOME = np.array([1.0, 2.0, 3.0, 4.0])

columns = st.lists(st.one_of(st.just(NULL), st.floats(-1e9, 1e9)), max_size=30).map(
    lambda values: np.array(values, float)
)
codes = st.lists(st.one_of(st.just(NULL), st.integers(0, 5)), max_size=30).map(lambda values: np.array(values, float))


@pytest.mark.parametrize(
    ("real", "synthetic", "score"),
    [
        (SOME, SOME, 1),
        (SOME, SOME + 10, 0),
        (SOME, SOME + 1, 0.75),
        (SOME, [1.0, 2.0, 3.0, NULL], 0.75),  # a quarter of the rows is NULL, and the largest value lacks
        (SOME, [1.0, 2.0, 3.0, 4.0, NULL, NULL, NULL, NULL], 0.5),
        ([NULL, NULL], [NULL], 1),
        ([NULL, NULL], SOME, 0),
    ],
)
def test_shape_of_numbers(real, synthetic, score):
    """The score of a number is lowered by its worst fault: values that lie elsewhere, or another share of NULLs."""
    assert metrics.number_shape(np.array(real), np.array(synthetic)) == pytest.approx(score)


def test_values_are_compared_without_nulls_of_either_side():
    """NULLs count as such, and move no value: half of the rows is NULL on both sides, and the values are the same."""
    with_nulls = np.concatenate((SOME, np.full(4, NULL)))

    assert metrics.number_shape(with_nulls, with_nulls[::-1]) == 1


@pytest.mark.parametrize(
    ("real", "synthetic", "score"),
    [
        ([0, 0, 1, 1], [0, 1], 1),
        ([0, 0, 1, 1], [0, 0], 0.5),
        ([0, 0, 1, 1], [2, 2], 0),
        ([0, 0, NULL, NULL], [0, 0, 0, 0], 0.5),
        ([NULL], [NULL, NULL], 1),
    ],
)
def test_shape_of_categories(real, synthetic, score):
    """The score of a category is what its shares have in common. NULL is one of its values."""
    assert metrics.category_shape(np.array(real, float), np.array(synthetic, float)) == pytest.approx(score)


@given(columns, columns)
def test_shapes_of_numbers_are_shares(real, synthetic):
    """A score is between 0 and 1, the same from both sides, and 1 for equal columns."""
    score = metrics.number_shape(real, synthetic)

    assert 0 <= score <= 1
    assert score == pytest.approx(metrics.number_shape(synthetic, real))
    assert metrics.number_shape(real, real[::-1]) == 1


@given(codes, codes)
def test_shapes_of_categories_are_shares(real, synthetic):
    """Likewise of categories."""
    score = metrics.category_shape(real, synthetic)

    assert -1e-9 <= score <= 1
    assert score == pytest.approx(metrics.category_shape(synthetic, real))
    assert metrics.category_shape(real, real[::-1]) == pytest.approx(1)


def test_pairs_see_what_columns_do_not():
    """Two columns that are the same everywhere, and in the other data never: each is as it was, the pair is not."""
    first, second = np.array([0, 0, 1, 1], np.int32), np.array([0, 0, 1, 1], np.int32)
    real = metrics.pair_histogram(first, second, 2, 2)
    other = metrics.pair_histogram(first, second[::-1], 2, 2)

    assert metrics.shares_overlap(real, real) == 1
    assert metrics.shares_overlap(real, other) == 0


def test_parents_without_children_count():
    """A parent without children has a family of none: leaving it out would make families larger than they are."""
    assert metrics.sizes_score(np.array([0, 0, 2, 2]), np.array([2, 2, 2, 2])) == 0.5


def test_children_by_group():
    """Each group counts as often as it has parents; half as many children are half a score, none are nothing."""
    shares = np.array([0.5, 0.49, 0.01])  # the last one is too small to be compared
    real = np.array([4.0, 2.0, 100.0])

    assert metrics.groups_score(shares, real, real) == 1
    assert metrics.groups_score(shares, real, np.array([2.0, 4.0, 0.0])) == pytest.approx(0.5)
    assert metrics.groups_score(shares, real, np.array([4.0, NULL, 0.0])) == pytest.approx(0.5 / 0.99)


def test_family_share_is_what_siblings_have_in_common():
    """1 where siblings are equal, about 0 where families are dealt out by chance."""
    rng = np.random.default_rng(1)
    link = np.repeat(np.arange(200), 5)
    of_family = rng.normal(size=200)[link]
    by_chance = rng.normal(size=1000)

    assert metrics.family_share(of_family, link, is_category=False) == pytest.approx(1, abs=1e-9)
    assert metrics.family_share(by_chance, link, is_category=False) < 0.05
    assert metrics.family_share(of_family + by_chance, link, is_category=False) == pytest.approx(0.5, abs=0.1)
    assert metrics.family_share((link % 3).astype(float), link, is_category=True) == pytest.approx(1)
    assert metrics.family_share(rng.permutation(link % 3).astype(float), link, is_category=True) < 0.05


def test_families_of_one_say_nothing():
    """Who has no siblings is like or unlike nobody."""
    assert metrics.family_share(SOME, np.arange(4), is_category=False) is None
    assert metrics.family_share(np.ones(4), np.array([0, 0, 1, 1]), is_category=False) is None
    assert metrics.family_score(None, 0.5) is None


def test_rank_correlation_is_of_order_alone():
    """What grows together is correlated by 1, whatever the curve; NULLs are left out in pairs."""
    assert metrics.rank_correlation(SOME, np.exp(SOME)) == pytest.approx(1)
    assert metrics.rank_correlation(np.append(SOME, NULL), np.append(-SOME, 3)) == pytest.approx(-1)
    assert metrics.rank_correlation(SOME, np.ones(4)) is None
    assert metrics.correlation_score(1.0, -1.0) == 0
    assert metrics.correlation_score(1.0, None) == 0.5


@pytest.mark.parametrize(("auc", "score"), [(0.5, 1), (0.3, 1), (0.75, 0.5), (1, 0)])
def test_detection_score(auc, score):
    """Nobody can tell: 1. Everybody can: 0. Worse than a coin is no better than a coin."""
    assert metrics.detection_score(auc) == pytest.approx(score)

"""The engine against the naive sampler: whatever relations say, synthetic data say it better than columns on their own.

Naive rows have as many children per parent as real ones, for their numbers are dealt out as they are; there the engine
is asked to come as near to reality as chance does.
"""

from functools import partial

import numpy as np
import pytest

from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate
from filesync_dagster.tables.synthetic.quality import quality_report
from filesync_dagster.tables.synthetic.trial import privacy_trial
from filesync_dagster_tests.tables.data_sets.flights import flights_data_set
from filesync_dagster_tests.tables.data_sets.hr import hr_data_set
from filesync_dagster_tests.tables.data_sets.planted import planted_data_set
from filesync_dagster_tests.tables.synthetic.changes import halves, with_roles

BETTER = ("children_by_group", "parent_to_child", "family", "relational_detection")


def report_on(real, folder, options=None):
    """Return the report on what a model of a data set makes."""
    return quality_report(real, generate(fit(real, options), GenerateRequest(seed=5), folder))


def assert_better_than_naive(report):
    """Fail unless each measure of relations is above the naive sampler's, and the headline far above its headline."""
    assert_measures_better(report, *BETTER)
    for relation in report.relations:
        sizes = relation.groups()["children_per_parent"]
        assert not relation.judged or sizes.value >= sizes.ceiling - 0.05, relation.measured.label
    assert report.headline.score.value >= report.naive_headline + 0.1


def assert_measures_better(report, *names):
    """Fail unless these measures are above the naive sampler's, on average over the relations that are judged."""
    judged = [relation for relation in report.relations if relation.judged]
    assert judged
    for name in names:
        scores = [score for relation in judged if (score := relation.groups()[name]) is not None]
        value, floor = (np.mean([getattr(score, side) for score in scores]) for side in ("value", "floor"))
        assert value > floor, f"{name}: {value:.3f}, naive {floor:.3f}"


@pytest.mark.slow
def test_a_small_data_set_beats_the_naive_sampler(tmp_path):
    """Half of the planted customers with their orders."""
    real = halves(planted_data_set(tmp_path / "real"), tmp_path / "half")[0]

    assert_better_than_naive(report_on(real, tmp_path / "synthetic"))


def company(folder):
    """Return the company, whose people and comments have their roles."""
    return with_roles(hr_data_set(folder))


@pytest.mark.slow
def test_whole_data_sets_beat_the_naive_sampler(tmp_path):
    """All customers with their orders, and two hundred planes with their flights."""
    for number, make in enumerate((planted_data_set, partial(flights_data_set, planes=200))):
        real = make(tmp_path / f"real-{number}")

        assert_better_than_naive(report_on(real, tmp_path / f"synthetic-{number}", privacy_trial(real).options))


@pytest.mark.slow
def test_the_company_beats_the_naive_sampler(tmp_path):
    """All 11 tables: siblings are more alike, and families harder to tell apart, than of naive rows.

    Pairs of columns across a relation are not: with 500 employees chance and clipped extremes weigh more than what such
    pairs say there, where reality has 0.91 and naive rows 0.89.
    """
    report = report_on(company(tmp_path / "real"), tmp_path / "synthetic")

    assert_measures_better(report, "family", "relational_detection")
    assert report.headline.score.value >= report.naive_headline + 0.1

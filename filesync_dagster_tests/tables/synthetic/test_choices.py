"""Tests of what the fit chooses, and of the second parent."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.tables.model import RuleKind, TableRule
from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate
from filesync_dagster.tables.synthetic.model import inputs_of
from filesync_dagster.tables.synthetic.selection import make_folds
from filesync_dagster_tests.tables.data_sets import rows_of, write_data_set
from filesync_dagster_tests.tables.data_sets.families import shuffled
from filesync_dagster_tests.tables.data_sets.shapes import two_to_one_parent


def test_families_are_held_out_whole():
    """No sibling is in the rows that a tree is grown on when another is in the test."""
    groups = np.repeat(np.arange(300), 20)

    for held in make_folds(groups, 1):
        assert {len(set(held[groups == group])) for group in range(300)} == {1}


def test_nothing_is_found_where_nothing_is(tmp_path):
    """Children that were dealt to parents by chance do not look at them."""
    model = fit(shuffled(tmp_path))
    (link,) = model.plan.links
    steps = [step for step in model.tables[link.child].steps if step.name.startswith("c:")]

    assert not [step.name for step in steps if any(name.startswith("r") for name in inputs_of(step))]


def test_the_second_parent_is_as_popular_as_real_ones(tmp_path):
    """Large airports have many flights, also those that flights go to."""
    real = two_to_one_parent(tmp_path)
    found = generate(fit(real), GenerateRequest(seed=1), tmp_path / "out")

    for column in ("origin", "dest"):
        mine, theirs = (
            np.sort(np.unique(np.array(rows_of(one.table("flights"))[column]), return_counts=True)[1])[::-1]
            for one in (found, real)
        )
        assert mine[:5].sum() == pytest.approx(theirs[:5].sum(), rel=0.15)
        assert mine[0] == pytest.approx(theirs[0], rel=0.2)


def test_a_bound_holds_after_rounding_and_without_it(tmp_path):
    """Limits with more decimals than what they limit; moments whose limit is NULL."""
    random = np.random.default_rng(5)
    rows = 1_200
    low = np.round(random.random(rows) * 9, 3)
    table = pa.table(
        {
            "id": np.arange(rows),
            "low": low,
            "high": np.ceil((low + random.exponential(0.05, rows)) * 10) / 10,
            "start": pa.array(np.where(np.arange(rows) % 3 == 0, 0, 9_000 + random.integers(0, 99, rows)), pa.int64()),
        }
    )
    start = pa.array([value or None for value in table["start"].to_pylist()], pa.int64())
    end = pa.array([(value or 9_050) + int(random.exponential(9)) for value in start.to_pylist()], pa.int64())
    table = table.set_column(3, "start", start).append_column("end", end)
    rules = tuple(TableRule(RuleKind.AT_MOST, "t", pair) for pair in (("low", "high"), ("start", "end")))
    real = replace(write_data_set(tmp_path, {"t": table}, {"t": ("id",)}, ()), rules=rules)
    model = fit(real)
    found = rows_of(generate(model, GenerateRequest(seed=1, scale=3), tmp_path / "out").tables[0]).to_pylist()

    (step,) = [step for step in model.tables["t"].steps if step.name == "c:end"]
    assert step.distance.high < 200  # a row whose start is NULL has no length
    assert all(row["low"] <= row["high"] for row in found)
    lengths = [row["end"] - row["start"] for row in found if row["start"] is not None]
    assert min(lengths) >= 0
    assert np.mean(lengths) == pytest.approx(9, rel=0.3)

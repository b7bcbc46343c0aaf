"""Siblings in small families: they resemble each other as real ones do, and not more."""

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate
from filesync_dagster.tables.synthetic.families import explained_share
from filesync_dagster_tests.tables.data_sets import rows_of, write_data_set
from filesync_dagster_tests.tables.data_sets.files import relation

PARENTS = 300


def families(folder, alike):
    """Return parents who have one to three children; `alike`: how much of a child's amount is the family's."""
    random = np.random.default_rng(3)
    parents = np.repeat(np.arange(PARENTS), random.integers(1, 4, PARENTS))
    own = random.normal(size=len(parents)) * np.sqrt(1 - alike)
    amounts = np.round(1_000 + 200 * (random.normal(size=PARENTS)[parents] * np.sqrt(alike) + own)).astype(int)
    tables = {
        "parents": pa.table({"parent_id": np.arange(PARENTS)}),
        "children": pa.table({"child_id": np.arange(len(parents)), "parent_id": parents, "amount": amounts}),
    }
    keys = {"parents": ("parent_id",), "children": ("child_id",)}
    return write_data_set(folder, tables, keys, (relation("children", "parent_id", "parents", "parent_id"),))


def likeness(data_set):
    """Return which share of the amounts lies between families."""
    rows = rows_of(data_set.table("children"))
    _, parents = np.unique(rows["parent_id"].to_numpy(), return_inverse=True)
    return explained_share(rows["amount"].to_numpy().astype(float), parents)


@pytest.mark.parametrize(("alike", "less"), [(0.9, 0.15), (0.4, 0.3), (0.0, 0.15)])
def test_siblings_resemble_each_other_as_real_ones_do(alike, less, tmp_path):
    """Where families say most of it they do, where they say some of it a little less; nothing is made up."""
    real = families(tmp_path / "real", alike)
    found = generate(fit(real), GenerateRequest(seed=1), tmp_path / "out")

    assert likeness(real) - less <= likeness(found) <= likeness(real) + 0.1

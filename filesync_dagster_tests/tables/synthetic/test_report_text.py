"""Reports as people read them in a terminal."""

import numpy as np
import pytest

from filesync_dagster.tables.model import DataSet, RuleKind, TableRule
from filesync_dagster.tables.synthetic.holdout import split
from filesync_dagster.tables.synthetic.privacy import privacy_report
from filesync_dagster.tables.synthetic.quality import quality_report
from filesync_dagster.tables.synthetic.report_text import privacy_text, quality_text
from filesync_dagster_tests.tables.data_sets.families import shops
from filesync_dagster_tests.tables.synthetic.changes import with_shuffled


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Shops, their sales, and a rule that not every sale satisfies."""
    found = shops(tmp_path_factory.mktemp("real"), np.random.default_rng(2).poisson(5, 150))
    rule = TableRule(RuleKind.COMPARE, "sales", ("items", "items"), operator="<")
    return DataSet(found.tables, found.relations, (rule,))


def test_quality_in_a_terminal(real, tmp_path):
    """The headline comes first, with its ceiling and floor; then groups, tables, relations and broken rules."""
    report = quality_report(real, with_shuffled(real, tmp_path, "sales", "shop_id"), target=("sales", "items"))
    lines = quality_text(report.as_json()).splitlines()
    text = "\n".join(lines)

    assert lines[0].startswith("Quality 0.00  (reality 0.00, naive 0.00)")  # of a rule that nobody satisfies
    assert lines[1] == "The worst group: rules, in sales: compare items, items."
    assert any(line.split()[:5] == ["columns", "on", "their", "own", "1.00"] for line in lines)
    assert "shops: 150 real rows, 150 synthetic" in text
    assert "children per parent: real " in text
    assert "sales.shop_id → shops" in text
    assert "Rules: 0 of 1 are satisfied by every row." in text
    assert "sales: compare items, items is satisfied by 0.0000%" in text
    assert "Usefulness: synthetic rows predict sales.items by " in text
    assert max(map(len, lines)) <= 120


def test_nothing_to_compare_in_a_terminal(real, tmp_path):
    """A data set of keys alone has a report that says so."""
    report = quality_report(DataSet(()), DataSet(()))

    assert quality_text(report.as_json()) == "Quality: nothing can be compared.\n"


def test_privacy_in_a_terminal(real, tmp_path):
    """What may be said comes first, numbers after it."""
    apart = split(DataSet(real.tables, real.relations), tmp_path, seed=1)
    text = privacy_text(privacy_report(apart.training, apart.holdout, apart.training).as_json())

    assert text.startswith("Privacy\n  The rows are synthetic")
    assert "smoke detector and no proof" in text
    assert any(line.split()[:2] == ["sales", "100.00%"] for line in text.splitlines())

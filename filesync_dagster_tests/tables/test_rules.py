"""Tests of mined rules: what all rows obey is found, what some break is only proposed, accidents are no rules."""

from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables.keys import find_keys
from filesync_dagster.tables.model import Origin, Role, RuleKind
from filesync_dagster.tables.rules import mine_rules
from filesync_dagster_tests.tables.data_sets import hr_data_set, planted_data_set, without_keys, write_data_set

ROWS = 600


def mine(tmp_path, **columns):
    """Return the rules of one table of some columns, by kind and columns."""
    rows = pa.table({"row_id": pa.array(range(1, ROWS + 1)), **columns})
    found = mine_rules(find_keys(write_data_set(tmp_path, {"t": rows}, {}).tables))
    return {(rule.kind, rule.columns): rule for rule in found.rules}


def test_the_rules_of_the_hr_files_are_found(tmp_path):
    """A total is a sum, an end comes after its beginning, nobody is paid before they are hired."""
    found = mine_rules(find_keys(without_keys(hr_data_set(tmp_path)).tables))

    rules = {(rule.kind, rule.table, rule.columns) for rule in found.rules if rule.enabled}
    assert rules >= {
        (RuleKind.SUM, "salaries", ("total", "base", "bonus")),
        (RuleKind.AT_MOST, "salaries", ("valid_from", "valid_to")),
        (RuleKind.AT_MOST, "assignments", ("start_date", "end_date")),
        (RuleKind.AT_MOST, "salaries", ("employees.hire_date", "valid_from")),
        (RuleKind.AT_MOST, "assignments", ("projects.start_date", "start_date")),
        (RuleKind.LOOKUP, "employees", ("city", "country")),
        (RuleKind.NULL_TOGETHER, "enrolments", ("completed_on", "score", "passed")),
        (RuleKind.SIGN, "salaries", ("base",)),
    }
    assert found.table("salaries").schema.column("total").role is Role.DERIVED
    assert (RuleKind.AT_MOST, "salaries", ("base", "total")) not in rules


def test_a_rule_across_a_relation_is_found(tmp_path):
    """Nobody orders before the signup; the other way round is no rule."""
    found = mine_rules(find_keys(without_keys(planted_data_set(tmp_path)).tables))

    rules = [rule for rule in found.rules if rule.kind is RuleKind.AT_MOST]
    assert [(rule.table, rule.columns, rule.support) for rule in rules] == [
        ("orders", ("customers.signup", "ordered_at"), 8_415)
    ]


def test_what_a_few_rows_break_is_proposed_with_them(tmp_path):
    """99.5 % is not 100 %: such a rule is switched off, and shows what breaks it."""
    begin = [date(2020, 1, 1) + timedelta(days=int(d)) for d in np.random.default_rng(1).integers(0, 900, ROWS)]
    end = [day + timedelta(days=30) for day in begin]
    end[7] = begin[7] - timedelta(days=1)

    rule = mine(tmp_path, begin=begin, end=end)[RuleKind.AT_MOST, ("begin", "end")]

    assert (rule.origin, rule.enabled, rule.support) == (Origin.PROPOSED, False, ROWS)
    assert rule.share == pytest.approx(1 - 1 / ROWS)
    assert rule.counter_examples == (f"{begin[7]}, {end[7]}",)


def test_products_are_found_to_the_decimals_of_the_result(tmp_path):
    """A rounded amount is still price times pieces."""
    rng = np.random.default_rng(2)
    price, pieces = np.round(rng.gamma(2, 9, ROWS), 2), rng.integers(1, 60, ROWS)
    weight = np.round(rng.gamma(2, 0.37, ROWS), 3)

    found = mine(tmp_path, price=price, pieces=pieces, amount=np.round(price * pieces, 2), weight=weight)

    assert {key for key in found if key[0] in {RuleKind.PRODUCT, RuleKind.SUM}} == {
        (RuleKind.PRODUCT, ("amount", "price", "pieces"))
    }


def test_lookups_of_two_columns_are_found(tmp_path):
    """A price follows from size and colour together, and from neither alone."""
    rng = np.random.default_rng(3)
    size, colour = rng.integers(0, 4, ROWS), rng.integers(0, 5, ROWS)
    price = (size * 7 + colour * colour * 3) % 11 + 1

    found = mine(tmp_path, size=[f"s{i}" for i in size], colour=[f"c{i}" for i in colour], price=price)

    assert {key[1] for key in found if key[0] is RuleKind.LOOKUP} == {("size", "colour", "price")}


def test_independent_columns_have_no_rules(tmp_path):
    """Noise has signs, and nothing else."""
    rng = np.random.default_rng(4)
    found = mine(
        tmp_path,
        a=np.round(rng.normal(0, 9, ROWS), 2),
        b=np.round(rng.normal(0, 9, ROWS), 2),
        c=rng.integers(0, 30, ROWS),
        kind=rng.choice(["x", "y", "z"], ROWS),
        other=pa.array(rng.integers(0, 4, ROWS), mask=rng.random(ROWS) < 0.3),
    )

    assert {key[0] for key in found} <= {RuleKind.SIGN}


def test_numbers_within_a_family_are_found(tmp_path):
    """Lines of an order count 1 to n in the order of their time."""
    order = np.repeat(np.arange(1, 121), 5)
    line = np.tile(np.arange(1, 6), 120)
    at = [date(2024, 1, 1) + timedelta(days=int(d)) for d in order + line]
    tables = {
        "orders": pa.table({"order_id": np.arange(1, 121)}),
        "lines": pa.table({"line_id": np.arange(1, 601), "order_id": order, "line": line, "at": at}),
    }

    found = mine_rules(find_keys(write_data_set(tmp_path, tables, {}).tables))

    assert (RuleKind.SEQUENCE, ("line", "order_id", "at")) in {(rule.kind, rule.columns) for rule in found.rules}


def test_few_rows_prove_nothing(tmp_path):
    """Below 200 rows no rule is found, whatever they look like."""
    rows = pa.table({"low": np.arange(1, 151) % 40, "high": np.arange(1, 151) % 40 + 3.5})

    assert mine_rules(find_keys(write_data_set(tmp_path, {"t": rows}, {}).tables)).rules == ()


def test_mining_can_be_cancelled(tmp_path):
    """Before the next question to the database."""
    data_set = find_keys(planted_data_set(tmp_path).tables)

    with pytest.raises(Cancelled):
        mine_rules(data_set, cancel=lambda: True)

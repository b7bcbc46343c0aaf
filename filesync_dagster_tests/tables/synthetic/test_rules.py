"""Tests of rules: they hold in every synthetic row, by the way in which values come about."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import RuleBroken
from filesync_dagster.tables.model import Origin, RuleKind, TableRule
from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate
from filesync_dagster.tables.synthetic.rule_check import verify_rules
from filesync_dagster_tests.tables.data_sets import planted_data_set, planted_facts, rows_of, write_data_set
from filesync_dagster_tests.tables.data_sets.files import relation


def jobs(folder, rows=1_500):
    """Return jobs that obey every kind of rule."""
    random = np.random.default_rng(4)
    day = date(2024, 1, 1)
    start = [day + timedelta(days=int(i)) for i in random.integers(0, 300, rows)]
    end = [None if i % 7 == 0 else s + timedelta(days=int(random.exponential(20))) for i, s in enumerate(start)]
    pieces, price = random.integers(1, 30, rows), np.round(random.gamma(2, 8, rows), 2)
    base, bonus = random.integers(20, 90, rows) * 100, random.integers(0, 9, rows) * 50
    city = np.array(["Ulm", "Graz", "Brno", "Linz"])[random.integers(0, 4, rows)]
    country = {"Ulm": "DE", "Graz": "AT", "Linz": "AT", "Brno": "CZ"}
    table = pa.table(
        {
            "id": np.arange(rows),
            "start": pa.array(start),
            "end": pa.array(end, pa.date32()),
            "base": base,
            "bonus": bonus,
            "total": base + bonus,
            "pieces": pieces,
            "price": price,
            "amount": np.round(pieces * price, 2),
            "city": city,
            "country": [country[one] for one in city],
            "phone": [None if i % 3 else "1" for i in range(rows)],
            "fax": [None if i % 3 else "2" if i % 2 else "3" for i in range(rows)],
            "share": np.round(random.random(rows), 3),
        }
    )
    rules = (
        rule(RuleKind.AT_MOST, "start", "end"),
        rule(RuleKind.SUM, "total", "base", "bonus"),
        rule(RuleKind.DIFFERENCE, "bonus", "total", "base"),
        rule(RuleKind.PRODUCT, "amount", "pieces", "price", value=2),
        rule(RuleKind.LOOKUP, "city", "country"),
        rule(RuleKind.NULL_TOGETHER, "phone", "fax"),
        rule(RuleKind.RANGE, "share", value={"min": 0, "max": 1}),
        rule(RuleKind.SIGN, "bonus", operator=">="),
        rule(RuleKind.ALLOWED, "country", value=["DE", "AT", "CZ"]),
        rule(RuleKind.COMPARE, "pieces", operator="<", value=30),
        rule(RuleKind.SQL, expression="pieces * 2 < 60 AND total >= base"),
    )
    return replace(write_data_set(folder, {"jobs": table}, {"jobs": ("id",)}, ()), rules=rules)


def rule(kind, *columns, **more):
    """Return a rule of jobs."""
    return TableRule(kind, "jobs", columns, **more)


def test_every_kind_of_rule_holds(tmp_path):
    """`generate` verifies each; here the judge is looked at, too: it finds what is broken on purpose."""
    real = jobs(tmp_path)
    found = generate(fit(real), GenerateRequest(scale=2, seed=1), tmp_path / "out")

    assert len(found.rules) == len(real.rules)
    rows = rows_of(found.table("jobs")).to_pylist()
    assert all(row["total"] == row["base"] + row["bonus"] for row in rows)
    assert all(row["end"] is None or row["end"] >= row["start"] for row in rows)
    assert all(abs(row["amount"] - row["pieces"] * row["price"]) <= 0.0051 for row in rows)
    assert {(row["city"], row["country"]) for row in rows} <= {
        ("Ulm", "DE"), ("Graz", "AT"), ("Linz", "AT"), ("Brno", "CZ")
    }  # fmt: skip
    assert all((row["phone"] is None) == (row["fax"] is None) for row in rows)
    with pytest.raises(RuleBroken, match="at_most"):
        verify_rules(replace(found, rules=(rule(RuleKind.AT_MOST, "end", "start"),)))
    mined = verify_rules(replace(found, rules=(rule(RuleKind.AT_MOST, "end", "start", origin=Origin.DETECTED),)))
    assert [one.code for one in mined.table("jobs").schema.warnings][-1:] == ["rule_not_kept"]
    assert [one.origin for one in mined.rules] == [Origin.PROPOSED]  # found among real rows: told, and no error


def test_nothing_is_before_its_parent(tmp_path):
    """`order.ordered_at >= customer.signup` holds, and what else is known of orders does too."""
    real = planted_data_set(tmp_path)
    real = replace(real, rules=(TableRule(RuleKind.AT_MOST, "orders", ("customers.signup", "ordered_at")),))
    found = generate(fit(real), GenerateRequest(seed=1), tmp_path / "out")

    mine, theirs = planted_facts(found), planted_facts(real)
    assert mine["share_before_signup"] == 0
    assert mine["amount_rich_to_poor"] == pytest.approx(theirs["amount_rich_to_poor"], rel=0.08)


def test_a_rule_that_real_rows_break_is_refused_with_examples(tmp_path):
    """Nobody learns from synthetic rows what never was."""
    real = jobs(tmp_path)

    with pytest.raises(RuleBroken, match=r"rows of jobs break the rule compare of pieces < 5: \d+") as error:
        fit(replace(real, rules=(rule(RuleKind.COMPARE, "pieces", operator="<", value=5),)))
    assert error.value.code == "rule_broken"


def test_a_rule_that_was_only_found_is_left_out_when_it_does_not_hold(tmp_path):
    """The model says so."""
    wrong = rule(RuleKind.COMPARE, "pieces", operator="<", value=5, origin=Origin.DETECTED)
    model = fit(replace(jobs(tmp_path), rules=(wrong,)))

    assert model.rules == ()
    assert "break the rule" in model.warnings[0]


def test_rules_that_contradict_each_other_are_named(tmp_path):
    """Of two that cannot both hold, one is broken by the real rows."""
    rules = (
        rule(RuleKind.COMPARE, "base", "total", operator="<="),
        rule(RuleKind.COMPARE, "base", "total", operator=">"),
    )

    with pytest.raises(RuleBroken, match="base, total >"):
        fit(replace(jobs(tmp_path), rules=rules))


def test_a_rule_that_is_hardly_ever_satisfied_ends(tmp_path):
    """What real rows satisfy by design, and drawn ones by luck, is an error with its share, not an endless loop."""
    real = jobs(tmp_path)
    rows = rows_of(real.table("jobs"))
    checksum = pa.array([(row["pieces"] * 7919 + row["base"]) % 99_991 for row in rows.to_pylist()])
    broken = write_data_set(tmp_path / "sums", {"jobs": rows.append_column("sum", checksum)}, {"jobs": ("id",)}, ())
    broken = replace(broken, rules=(rule(RuleKind.SQL, expression="(pieces * 7919 + base) % 99991 = sum"),))

    with pytest.raises(RuleBroken, match="After 20 rounds") as error:
        generate(fit(broken), GenerateRequest(seed=1), tmp_path / "out")
    assert error.value.code == "rule_too_rare"
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "expression", ["1) FROM rows; DROP TABLE rows --", "read_text('/etc/passwd') IS NULL", "nothing > 1"]
)
def test_an_expression_can_do_no_harm(expression, tmp_path):
    """It sees rows, no file and no second statement."""
    with pytest.raises(RuleBroken):
        fit(replace(jobs(tmp_path), rules=(rule(RuleKind.SQL, expression=expression),)))


def work(folder, projects=40, people=120, rows=400):
    """Return who works on which project: hired before it starts, and within its time."""
    random = np.random.default_rng(9)
    begin = np.sort(random.integers(0, 2_000, projects))
    end = begin + random.integers(30, 300, projects)
    hired = random.integers(-400, 1_900, people)
    hired[:20] = -500
    on = np.sort(random.integers(0, projects, rows))
    who = np.array([random.choice(np.flatnonzero(hired <= begin[project])) for project in on])
    since = begin[on] + (random.random(rows) * (end[on] - begin[on])).astype(int)

    def day(numbers):
        return pa.array(numbers.astype("int32"), pa.int32()).cast(pa.date32())

    tables = {
        "projects": pa.table({"project_id": np.arange(projects), "begin": day(begin), "end": day(end)}),
        "people": pa.table({"person_id": np.arange(people), "hired": day(hired)}),
        "work": pa.table({"work_id": np.arange(rows), "project_id": on, "person_id": who, "since": day(since)}),
    }
    keys = {"projects": ("project_id",), "people": ("person_id",), "work": ("work_id",)}
    relations = (
        relation("work", "project_id", "projects", "project_id"),
        relation("work", "person_id", "people", "person_id"),
    )
    orders = (("projects.begin", "since"), ("since", "projects.end"), ("people.hired", "since"))
    rules = tuple(TableRule(RuleKind.AT_MOST, "work", columns, Origin.DETECTED) for columns in orders)
    return replace(write_data_set(folder, tables, keys, relations), rules=rules)


def test_parents_of_one_row_go_together(tmp_path):
    """Nobody works on a project that ended before they were hired, and no project ends before it starts.

    Neither was said: both follow from what was found of the rows between them.
    """
    real = work(tmp_path / "real")
    found = generate(fit(real), GenerateRequest(seed=2, scale=3), tmp_path / "out")

    assert not any(table.schema.warnings for table in found.tables)
    assert {rule.columns for rule in found.rules if rule.origin is Origin.DETECTED} >= {
        ("projects.begin", "since"),
        ("people.hired", "since"),
        ("people.hired", "projects.begin"),
        ("begin", "end"),
    }
    busy = [len(set(rows_of(one.table("work"))["person_id"].to_pylist())) for one in (real, found)]
    assert busy[1] == pytest.approx(3 * busy[0], rel=0.15)

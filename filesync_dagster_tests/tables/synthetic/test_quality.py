"""The quality report: each number moves when what it measures does, and only then."""

import json

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import Cancelled, TableError
from filesync_dagster.tables.model import DataSet, RuleKind, TableRule
from filesync_dagster.tables.synthetic.quality import GROUP_TITLES, quality_report
from filesync_dagster_tests.tables.data_sets.families import shops
from filesync_dagster_tests.tables.data_sets.files import rows_of
from filesync_dagster_tests.tables.synthetic.changes import halves, with_column, with_rows, with_shuffled

SALES = "sales.shop_id → shops"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Shops whose sales are as large as they are."""
    return shops(tmp_path_factory.mktemp("real"), np.random.default_rng(2).poisson(5, 350))


@pytest.fixture(scope="module")
def same(real):
    """The report on real rows against themselves."""
    return quality_report(real, real, target=("sales", "items"))


@pytest.fixture(scope="module")
def dealt(real, tmp_path_factory):
    """The report on sales that were dealt out to other shops."""
    return quality_report(real, with_shuffled(real, tmp_path_factory.mktemp("dealt"), "sales", "shop_id"))


@pytest.fixture(scope="module")
def price_dealt(real, tmp_path_factory):
    """The report on sales whose prices were dealt out anew."""
    other = with_shuffled(real, tmp_path_factory.mktemp("price"), "sales", "price")
    return quality_report(real, other, target=("sales", "items"))


def scores(report):
    """Return the scores of a report by place and name."""
    found = {(table.name, name): score for table in report.tables for name, score in table.groups().items()}
    return found | {(SALES, name): score for one in report.relations for name, score in one.groups().items()}


def test_real_against_real(same):
    """The same rows are as good as can be: no score is below its ceiling, and nobody can tell them apart."""
    assert all(score.value >= score.ceiling - 0.02 for score in scores(same).values())
    assert {(table.name, round(table.auc.value, 1)) for table in same.tables} == {("shops", 0.5), ("sales", 0.5)}
    assert same.tables[1].auc.value == pytest.approx(0.5, abs=0.03)
    assert same.relations[0].auc.value == pytest.approx(0.5, abs=0.03)


def test_two_halves_of_reality(real, tmp_path):
    """Two samples of the same reality that have no row in common are nearly as good as their ceilings."""
    found = scores(quality_report(*halves(real, tmp_path)))

    assert {place: score.value for place, score in found.items() if score.value < score.ceiling - 0.2} == {}


def test_a_column_that_was_dealt_out_anew(same, price_dealt):
    """Its shape is what it was; its pairs are not, nor what it has of its parent and of its siblings."""
    before, after = scores(same), scores(price_dealt)

    assert after["sales", "shapes"].value == 1
    assert price_dealt.tables[1].pairs["price", "items"].value < before["sales", "pairs"].value - 0.1
    assert after[SALES, "parent_to_child"].value < before[SALES, "parent_to_child"].value - 0.05
    assert after[SALES, "family"].value < before[SALES, "family"].value - 0.1
    assert after[SALES, "children_per_parent"].value == after[SALES, "children_by_group"].value == 1
    assert after["shops", "shapes"].value == after["shops", "pairs"].value == 1


def test_children_that_were_dealt_out_to_other_parents(same, dealt):
    """Their columns and pairs are what they were; relations are not, and they are the headline."""
    before, after = scores(same), scores(dealt)

    assert after["sales", "shapes"].value == after["sales", "pairs"].value == 1
    assert after[SALES, "parent_to_child"].value < before[SALES, "parent_to_child"].value - 0.05
    assert after[SALES, "family"].value < before[SALES, "family"].value - 0.15
    assert after[SALES, "relational_detection"].value < 0.4
    assert after[SALES, "children_per_parent"].value == 1
    assert (dealt.headline.name, dealt.headline.place) == ("relational_detection", SALES)
    assert dealt.relations[0].auc.value > 0.8


def test_the_headline_is_no_mean(dealt):
    """Most is perfect, one is broken: the mean of all would be 0.9 and hide it."""
    groups = {group.name: group.score.value for group in dealt.groups}

    assert np.mean(list(groups.values())) > 0.8
    assert dealt.headline.score.value == min(groups.values()) < 0.4


def test_the_naive_floor_is_what_shuffled_relations_come_to(dealt):
    """Where relations are broken, they score as the floor says, and far below the ceiling."""
    relation = dealt.relations[0].groups()

    for name in ("parent_to_child", "family", "relational_detection"):
        assert relation[name].value == pytest.approx(relation[name].floor, abs=0.1), name
        assert relation[name].ceiling > relation[name].floor + 0.05, name
    assert dealt.naive_headline < dealt.ceiling_headline


def test_fewer_children_for_some(real, tmp_path):
    """Shops of one region lose half of their sales: families and groups of parents say so, columns of shops do not."""
    shop_rows, sales = rows_of(real.table("shops")), rows_of(real.table("sales"))
    north = shop_rows.filter(pa.compute.equal(shop_rows["region"], "north"))["shop_id"].to_numpy()
    lost = np.isin(sales["shop_id"].to_numpy(), north) & (np.random.default_rng(1).random(sales.num_rows) < 0.5)
    other = with_rows(real, tmp_path, {"shops": shop_rows, "sales": sales.filter(pa.array(~lost))})
    report = quality_report(real, other)
    groups = {one.column.name: one for one in report.relations[0].by_group}

    assert scores(report)[SALES, "children_per_parent"].value < 0.9
    assert groups["region"].score.value == pytest.approx(0.75, abs=0.05)
    assert groups["region"].as_json()["groups"][0]["group"] == "north"
    assert scores(report)["shops", "shapes"].value == 1


def test_nulls_are_part_of_a_shape(real, tmp_path):
    """A third of a column goes: its shape falls by as much."""
    price = rows_of(real.table("sales"))["price"]
    gone = np.arange(len(price)) % 3 == 0
    values = pa.chunked_array([pa.array(price.to_numpy(), mask=gone)])
    report = quality_report(real, with_column(real, tmp_path, "sales", "price", values))

    assert report.tables[1].shapes["price"].value == pytest.approx(2 / 3, abs=0.01)
    assert report.as_json()["tables"][1]["columns"][0]["nulls"] == {
        "real": 0.0,
        "synthetic": pytest.approx(1 / 3, abs=0.01),
    }


def test_the_same_seed_gives_the_same_report(real, dealt, tmp_path):
    """A report can be repeated, number for number."""
    again = quality_report(real, with_shuffled(real, tmp_path, "sales", "shop_id"))

    assert json.dumps(again.as_json()) == json.dumps(dealt.as_json())


def test_a_report_is_json(dealt):
    """All of it can be sent, and has what plots need."""
    report = json.loads(json.dumps(dealt.as_json(), allow_nan=False))
    (relation,) = report["relations"]
    sales = report["tables"][1]

    assert set(report["headline"]) >= {"name", "title", "place", "score", "ceiling", "floor", "naive_headline"}
    assert [group["name"] for group in report["groups"]] == [name for name in GROUP_TITLES if name != "rules"]
    for plot in (*(column["plot"] for column in sales["columns"]), relation["children_per_parent"]):
        assert len(plot["real"]) == len(plot["synthetic"]) == len(plot.get("edges", plot.get("labels"))) + 1
        assert sum(plot["real"]) == pytest.approx(1, abs=1e-3)
    assert sales["heat_map"]["columns"] == ["price", "items"]
    assert sales["heat_map"]["scores"][0] == [None, 1.0]
    assert relation["heat_map"]["columns"] == ["shops.region", "shops.size"]
    assert {row["column"] for row in relation["family"]} == {"price", "items"}


def test_keys_are_not_compared(same):
    """Numbers of keys are made anew and say nothing: only what rows say is measured."""
    assert {table.name: [column.name for column in table.columns] for table in same.tables} == {
        "shops": ["region", "size"],
        "sales": ["price", "items"],
    }


def test_rules_are_counted_in_all_rows(real, tmp_path):
    """Of each rule the share of the rows that satisfy it, beside what real and naive rows have."""
    rule = TableRule(RuleKind.COMPARE, "sales", ("items", "price"), operator="<")
    broken = TableRule(RuleKind.SQL, "sales", ("price",), expression="price > shops.size / 10 AND items > 0")
    ruled = DataSet(
        real.tables, real.relations, (rule, broken, TableRule(RuleKind.UNIQUE, "shops", ("size",), enabled=False))
    )
    items = rows_of(real.table("sales"))["items"].to_numpy().copy()
    items[:10] = 1_000_000
    other = with_column(ruled, tmp_path, "sales", "items", pa.chunked_array([pa.array(items)]))
    shares = quality_report(ruled, other).rules

    assert [share.rule for share in shares] == [rule, broken]
    assert shares[0].synthetic == pytest.approx(1 - 10 / len(items))
    assert (shares[0].real, shares[1].real) == (1.0, 1.0)
    assert shares[0].floor > 0.99
    assert shares[1].floor is None


def test_tables_without_relations_and_without_columns(tmp_path, real):
    """A table that has nothing but a key has no score, and hinders no other."""
    alone = DataSet((real.table("shops"),))
    keys = with_rows(alone, tmp_path, {"shops": rows_of(real.table("shops")).select(["shop_id"])})

    assert [group.name for group in quality_report(alone, alone).groups] == ["shapes", "pairs", "detection"]
    assert quality_report(keys, keys).headline is None
    assert quality_report(keys, keys).as_json()["headline"] is None


def test_few_rows_are_no_headline(real, tmp_path):
    """Ten shops say nothing of relations: they are shown, and a note says that they do not count."""
    few = with_rows(
        real,
        tmp_path,
        {
            "shops": rows_of(real.table("shops")).slice(0, 10),
            "sales": rows_of(real.table("sales")).filter(
                pa.compute.less_equal(rows_of(real.table("sales"))["shop_id"], 10)
            ),
        },
    )
    report = quality_report(few, few)

    assert not report.headline.judged
    assert f"{SALES}: too few families or rows (10 families, " in "\n".join(report.notes)


@pytest.mark.parametrize("lacks", ["table", "column", "type"])
def test_what_cannot_be_compared(real, tmp_path, lacks):
    """A table or a column that is not there, or is something else, is an error that names it."""
    shop_rows, sales = rows_of(real.table("shops")), rows_of(real.table("sales"))
    other = {
        "table": {"shops": shop_rows},
        "column": {"shops": shop_rows.drop_columns("size"), "sales": sales},
        "type": {"shops": shop_rows.set_column(2, "size", pa.array(["large"] * shop_rows.num_rows)), "sales": sales},
    }[lacks]

    with pytest.raises(TableError, match=r"sales|size") as caught:
        quality_report(real, with_rows(real, tmp_path, other))
    assert caught.value.code == "not_comparable"


def test_a_cancelled_report_ends(real):
    """It asks before each table, and tells how far it is."""
    steps = []

    with pytest.raises(Cancelled):
        quality_report(real, real, progress=lambda *step: steps.append(step), cancel=lambda: len(steps) > 2)
    assert steps[-1] == ("checking", "shops", 0, 3)


def test_usefulness(real, same, price_dealt):
    """Prices say how many items there are: real rows teach it, rows whose prices were dealt out do not."""
    assert same.usefulness.trained_on_real > 0.1
    assert same.usefulness.ratio > 0.8
    assert price_dealt.usefulness.ratio < 0.2
    with pytest.raises(TableError, match=r"sales\.shop_id"):
        quality_report(real, real, target=("sales", "shop_id"))


def test_a_relation_of_one_to_one_has_no_family(tmp_path):
    """Who has no siblings is not asked how alike they are."""
    report = quality_report(*[shops(tmp_path, np.ones(120, int))] * 2)

    assert report.relations[0].groups()["family"] is None
    assert report.headline is not None

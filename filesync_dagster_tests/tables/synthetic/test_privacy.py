"""The privacy report: it finds rows that were copied, remembered or are rare, and says no more than it found."""

import json
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.tables.synthetic import FitOptions
from filesync_dagster.tables.synthetic.holdout import split
from filesync_dagster.tables.synthetic.privacy import NO_PROOF, SYNTHETIC, privacy_report
from filesync_dagster.tables.synthetic.resemblance import SEEN_UNKNOWN, resemblance_report
from filesync_dagster.tables.synthetic.trial import privacy_trial
from filesync_dagster_tests.tables.data_sets.families import shops
from filesync_dagster_tests.tables.data_sets.files import relation, rows_of, write_data_set
from filesync_dagster_tests.tables.data_sets.planted import planted_data_set
from filesync_dagster_tests.tables.data_sets.shapes import many_to_many, nullable_cycle, self_reference
from filesync_dagster_tests.tables.synthetic.changes import with_rows


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Shops and their sales."""
    return shops(tmp_path_factory.mktemp("real"), np.random.default_rng(2).poisson(5, 400))


@pytest.fixture(scope="module")
def apart(real, tmp_path_factory):
    """The same, without a fifth of the shops, and that fifth."""
    return split(real, tmp_path_factory.mktemp("apart"), seed=3)


def test_a_fifth_of_the_parents_is_held_out(real, apart):
    """A shop is on one side with all of its sales; nothing is lost, and nothing is on both sides."""
    for table, key in (("shops", "shop_id"), ("sales", "sale_id")):
        sides = [rows_of(side.table(table))[key].to_pylist() for side in (apart.training, apart.holdout)]
        assert sorted(sides[0] + sides[1]) == sorted(rows_of(real.table(table))[key].to_pylist())
        assert not set(sides[0]) & set(sides[1])
    assert apart.holdout.table("shops").schema.row_count == 80
    assert set(rows_of(apart.holdout.table("sales"))["shop_id"].to_pylist()) <= set(
        rows_of(apart.holdout.table("shops"))["shop_id"].to_pylist()
    )


def test_the_folds_of_a_seed_are_five_holdouts(real, apart, tmp_path):
    """Each row is in one of five holdouts; the same seed gives the same ones, another one others."""
    folds = [
        rows_of(split(real, tmp_path / str(fold), seed=3, fold=fold).holdout.table("shops"))["shop_id"].to_pylist()
        for fold in range(5)
    ]
    other = split(real, tmp_path / "other", seed=4)

    assert sorted(key for fold in folds for key in fold) == list(range(1, 401))
    assert folds[0] == rows_of(apart.holdout.table("shops"))["shop_id"].to_pylist()
    assert folds[0] != rows_of(other.holdout.table("shops"))["shop_id"].to_pylist()


@pytest.mark.parametrize("make", [many_to_many, nullable_cycle, self_reference])
def test_what_is_fitted_has_all_its_parents(make, tmp_path):
    """Whoever loses a parent to the holdout has none afterwards, or is left out with it: no key leads nowhere."""
    training = split(make(tmp_path / "real"), tmp_path / "apart", seed=1).training

    for one in training.relations:
        names = rows_of(training.table(one.child))[one.child_columns[0]].drop_null().to_pylist()
        known = rows_of(training.table(one.parent))[one.parent_columns[0]].to_pylist()
        assert set(names) <= set(known)
    assert all(table.schema.row_count for table in training.tables)


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """Customers with seven columns and their orders, without a fifth of the customers, and that fifth."""
    folder = tmp_path_factory.mktemp("planted")
    return split(planted_data_set(folder / "real"), folder / "apart", seed=3)


def test_copied_training_data_are_found(orders):
    """Rows of the fit as they are: all are exact, and nearer to it than to anything else."""
    report = privacy_report(orders.training, orders.holdout, orders.training)
    customers, ordered = report.tables

    assert (customers.exact_rows, ordered.exact_rows) == (1.0, 1.0)
    assert (customers.exact_rows_of_holdout, ordered.exact_rows_of_holdout) == (0.0, 0.0)
    assert min(table.nearer_to_training.value for table in report.tables) >= 0.95
    assert min(table.membership_auc for table in report.tables) > 0.9
    assert report.distant_rows == 0
    assert report.copies_rows
    assert report.remembers
    assert not any(sentence.startswith("No rows copied") for sentence in report.statements)
    assert any(sentence.startswith("orders: 100.00% of the rows are equal to a row") for sentence in report.statements)


def test_nearly_copied_rows_are_found(orders, tmp_path):
    """An amount that is a cent off makes a row no other one: no row is exact, and all are near."""
    rows = rows_of(orders.training.table("orders"))
    place = rows.column_names.index("amount")
    amounts = pa.compute.add(rows["amount"], pa.scalar(Decimal("0.01"))).cast(rows.schema.field(place).type)
    moved = rows.set_column(place, rows.schema.field(place), amounts)
    near = with_rows(
        orders.training, tmp_path, {"customers": rows_of(orders.training.table("customers")), "orders": moved}
    )
    found = privacy_report(orders.training, orders.holdout, near).tables[1]

    assert found.exact_rows == 0
    assert found.nearer_to_training.value > 0.9
    assert found.remembers


def test_another_sample_of_the_same_reality(orders, tmp_path):
    """Rows that have nothing to do with either side are as near to one as to the other, whatever their sizes."""
    report = privacy_report(orders.training, orders.holdout, planted_data_set(tmp_path, seed=8))

    for table in report.tables:
        assert table.nearer_to_training.low - 0.02 <= 0.5 <= table.nearer_to_training.high + 0.02
        assert table.membership_auc == pytest.approx(0.5, abs=0.06)
    assert not report.copies_rows
    assert not report.remembers
    assert report.statements[0] == SYNTHETIC
    assert report.statements[1].startswith("No rows copied")


def test_rows_are_near_to_real_ones_also_where_nobody_says_what_the_model_saw(orders, tmp_path):
    """Copies have no row that is far from all real ones; of another sample one in twenty is near, as of real rows."""
    real = orders.training
    copied, other = (resemblance_report(real, made) for made in (real, planted_data_set(tmp_path, seed=8)))

    assert [table.exact_rows for table in copied.tables] == [1.0, 1.0]
    assert copied.distant_rows == 0
    assert [table.copies_rows for table in copied.tables] == [True, True]
    for table in other.tables:
        assert table.distant_rows == pytest.approx(0.95, abs=0.03)
        assert not table.copies_rows
        assert table.exact_rows_of_real == 0
    text = json.dumps([copied.as_json(), other.as_json()], allow_nan=False)
    assert text.count(NO_PROOF) == text.count(SEEN_UNKNOWN) == 2
    assert "anonym" not in text.lower()


def test_rare_values_are_counted_and_not_repeated(tmp_path):
    """A word that two rows have, and the one millionaire: found where they appear, by column, and not named."""
    rng = np.random.default_rng(1)
    income = np.append(rng.normal(50_000, 9_000, 998).round(), [2_000_000, 60_000])
    words = np.append(rng.choice(["a", "b", "c"], 998), ["canary", "canary"])
    rows = pa.table({"id": np.arange(1000), "word": words, "income": income})
    real = write_data_set(tmp_path / "real", {"people": rows}, {"people": ("id",)})
    apart = split(real, tmp_path / "apart", seed=1)
    assert "canary" in rows_of(apart.training.table("people"))["word"].to_pylist()
    assert 2_000_000 in rows_of(apart.training.table("people"))["income"].to_pylist()
    harmless = rows.filter(pa.compute.less(pa.compute.abs(pa.compute.subtract(rows["income"], 50_000)), 10_000))
    harmless = harmless.filter(pa.compute.not_equal(harmless["word"], "canary"))
    clean = with_rows(real, tmp_path / "clean", {"people": harmless})

    leaks = privacy_report(apart.training, apart.holdout, real).tables[0].rare_leaks
    text = json.dumps(privacy_report(apart.training, apart.holdout, real).as_json())

    assert [leak.column for leak in leaks] == ["word", "income"]
    assert leaks[0].value_count == 1
    assert leaks[0].synthetic_share == pytest.approx(0.002)
    assert "canary" not in text
    assert "2000000" not in text
    assert privacy_report(apart.training, apart.holdout, clean).tables[0].rare_leaks == ()


def test_a_report_promises_nothing(apart):
    """It is JSON, says that it proves nothing, and nobody is called anonymous."""
    report = privacy_report(apart.training, apart.holdout, apart.training, copied=("shops",))
    text = json.dumps(report.as_json(), allow_nan=False)

    assert NO_PROOF in report.statements
    assert "shops: copied as it is." in report.statements
    assert [table.name for table in report.tables] == ["sales"]
    assert "anonym" not in text.lower()
    assert "gdpr" not in text.lower()
    assert "privacy_score" not in text


def test_small_tables_are_named(real, apart, tmp_path):
    """Of ten rows nothing can be said: the table is named as not measured."""
    few = with_rows(
        real, tmp_path, {"shops": rows_of(real.table("shops")).slice(0, 10), "sales": rows_of(real.table("sales"))}
    )

    assert privacy_report(apart.training, apart.holdout, few).not_measured == ("shops",)


def test_leaves_are_doubled_where_a_model_remembers(tmp_path):
    """Families of eight, each in a place of its own, are remembered; less so with leaves of twice the rows."""
    rng = np.random.default_rng(1)
    centres = rng.random((150, 5))
    rows = np.repeat(np.arange(150), 8)
    values = centres[rows] + rng.normal(0, 0.002, (len(rows), 5))
    tables = {
        "p": pa.table({"id": np.arange(150)}),
        "c": pa.table({"id": np.arange(len(rows)), "p": rows, **{f"v{i}": values[:, i] for i in range(5)}}),
    }
    real = write_data_set(tmp_path, tables, {"p": ("id",), "c": ("id",)}, (relation("c", "p", "p", "id"),))
    trial = privacy_trial(real, seed=0)

    shares = [report.tables[-1].nearer_to_training.value for report in (trial.first_report, trial.report)]
    assert trial.first_report.remembers
    assert trial.options.leaf_factor == trial.report.leaf_factor == 2
    assert shares[1] < shares[0] - 0.02
    assert trial.report.notes[0].startswith(f"The model remembered: {shares[0]:.0%} of the rows")


def test_a_model_does_not_see_the_holdout(real, tmp_path):
    """What one shop in the holdout sells is in no synthetic row, though such values are drawn from real ones."""
    held = rows_of(split(real, tmp_path / "apart", seed=0).holdout.table("sales"))["price"].to_pylist()
    trial = privacy_trial(real, FitOptions(keep_extremes=True), seed=0)
    sales = trial.report.tables[1]

    assert len(held) == sales.rows[2]
    assert sales.rows[1] + sales.rows[2] == real.table("sales").schema.row_count
    assert not trial.report.remembers
    assert trial.options.leaf_factor == 1
    assert trial.first_report is None

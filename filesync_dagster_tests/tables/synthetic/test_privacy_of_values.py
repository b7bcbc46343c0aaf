"""Tests of what is made and never copied: people, texts, rare values, extremes."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.core.errors import RuleBroken
from filesync_dagster.tables.model import DataSet, Role, Table
from filesync_dagster.tables.synthetic import FitOptions, GenerateRequest, RowCondition, fit, generate
from filesync_dagster_tests.tables.data_sets import rows_of, write_data_set

ROWS = 2_000


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """People with names, addresses, a rare diagnosis, one millionaire, and a canary in each text."""
    random = np.random.default_rng(1)
    country = np.array(["DE", "FR", "IT"])[random.choice(3, ROWS, p=[0.2, 0.5, 0.3])]
    diagnosis = np.array(["flu", "cold"])[random.integers(0, 2, ROWS)].astype(object)
    diagnosis[:2] = "Canarypox"
    wealth = np.round(random.lognormal(9, 1, ROWS), 2)
    wealth[7] = 987_654_321.0
    wealth[np.flatnonzero(country == "DE")] *= 2
    table = pa.table(
        {
            "id": np.arange(ROWS),
            "first_name": [f"Canary{i}" for i in range(ROWS)],
            "last_name": [f"Kanari{i % 900}" for i in range(ROWS)],
            "email": [f"canary{i}@bird.example" for i in range(ROWS)],
            "note": [f"The canary number {i} sang all day long, and nobody heard it." for i in range(ROWS)],
            "country": country,
            "diagnosis": pa.array(diagnosis.tolist()),
            "wealth": wealth,
        }
    )
    data_set = write_data_set(tmp_path_factory.mktemp("people"), {"people": table}, {"people": ("id",)}, ())
    kinds = {"first_name": "first_name", "last_name": "last_name", "email": "email"}
    schema = data_set.tables[0].schema
    columns = [
        replace(column, role=Role.PERSON, person_kind=kinds[column.name]) if column.name in kinds else column
        for column in schema.columns
    ]
    return DataSet((Table(schema.with_columns(columns), data_set.tables[0].parts),))


@pytest.fixture(scope="module")
def model(real):
    """The model of it."""
    return fit(real)


def test_nothing_of_a_person_is_in_the_output(model, tmp_path):
    """No canary, no rare value, no millionaire; names and addresses go together; addresses do not repeat."""
    found = generate(model, GenerateRequest(seed=1), tmp_path / "out")
    rows = rows_of(found.table("people")).to_pylist()

    assert not any(word in str(row).lower() for row in rows for word in ("canary", "kanari", "987654321"))
    assert len({row["email"] for row in rows}) == ROWS
    assert all(row["email"].split(".")[0].isalnum() and row["email"].endswith("@example.org") for row in rows)
    assert rows[0]["email"].startswith(row_name(rows[0]))
    assert max(row["wealth"] for row in rows) < 1_000_000


def row_name(row):
    """Return how an address of a row begins."""
    return "".join(letter for letter in row["first_name"].lower() if letter.isascii() and letter.isalnum())


def test_city_postcode_and_country_are_of_one_place(tmp_path):
    """A postcode is in one city, and that in the country of the locale, in whatever block a row is drawn."""
    numbers = np.arange(600)
    table = pa.table(
        {
            "id": numbers,
            "city": [f"Canary {i % 300}" for i in numbers],
            "country": [f"Canaria {i % 300}" for i in numbers],
            "postcode": [f"{i % 300:05}" for i in numbers],
        }
    )
    written = write_data_set(tmp_path / "in", {"people": table}, {"people": ("id",)}, ()).tables[0]
    key, *places = written.schema.columns
    columns = [key, *(replace(one, role=Role.PERSON, person_kind=one.name) for one in places)]
    real = DataSet((Table(written.schema.with_columns(columns), written.parts),))

    found = generate(fit(real, FitOptions(locale="de_DE")), GenerateRequest(seed=1, block_rows=200), tmp_path / "out")

    made = {tuple(row.values())[1:] for row in rows_of(found.tables[0]).to_pylist()}
    assert len(made) > 100
    assert len({city for city, _, _ in made}) == len(made)
    assert {country for _, country, _ in made} == {"Germany"}
    assert all(len(postcode) == 5 for _, _, postcode in made)


def test_people_come_from_the_seed(model, tmp_path):
    """The same seed makes the same people, another seed makes others."""
    one, same, other = (
        rows_of(generate(model, GenerateRequest(seed=seed), tmp_path / name).table("people"))["first_name"].to_pylist()
        for name, seed in (("one", 1), ("same", 1), ("other", 2))
    )

    assert one == same
    assert one != other


def test_blocks_do_not_repeat(model, tmp_path):
    """Each block draws anew."""
    found = generate(model, GenerateRequest(seed=1, block_rows=500), tmp_path / "out")
    wealth = rows_of(found.table("people"))["wealth"].to_pylist()

    assert wealth[:500] != wealth[500:1000]


def test_all_rows_fulfil_a_condition(model, real, tmp_path):
    """As many as were asked for, with the rest as it is among such rows."""
    condition = RowCondition("people", {"country": "DE"}, rows=3_000)
    found = rows_of(generate(model, GenerateRequest(seed=1, conditions=(condition,)), tmp_path / "out").table("people"))

    assert set(found["country"].to_pylist()) == {"DE"}
    assert found.num_rows == 3_000
    theirs = rows_of(real.table("people"))
    german = np.array(theirs["wealth"])[np.array(theirs["country"]) == "DE"]
    assert np.median(np.array(found["wealth"])) == pytest.approx(np.median(german), rel=0.15)


def test_an_impossible_condition_says_so(model, tmp_path):
    """How many of how many had it."""
    condition = RowCondition("people", {"wealth": {"min": 10**12}})

    with pytest.raises(RuleBroken, match=r"Of \d+ rows of people that were drawn, 0 have") as error:
        generate(model, GenerateRequest(seed=1, conditions=(condition,)), tmp_path / "out")
    assert error.value.code == "condition_too_rare"

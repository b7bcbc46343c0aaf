"""Columns of JSON, and of very many codes: shapes, leaves and letters are real ones, and nothing is one's own."""

import json
import re
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from filesync_dagster.tables.model import DataSet, Role, Table
from filesync_dagster.tables.synthetic import GenerateRequest, fit, generate, load_model, save_model
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.ngrams import ngram_maker
from filesync_dagster_tests.tables.data_sets import rows_of, write_data_set

ROWS = 1_200


def document(number, plan):
    """Return the settings of somebody; those of the first few have a key of their own."""
    if number < 3:
        return {f"secret_of_{number}": "canary"}
    found = {"plan": plan, "seats": 10 * (1 + number % 3) if plan == "team" else 1, "on": number % 4 > 0}
    if plan == "team":
        found["address"] = {"city": ["Ulm", "Bonn"][number % 2], "zip": f"8{number:04}", "floor": {"n": number % 3}}
        found["tags"] = ["red", "blue"][: 1 + number % 2]
    return {**found, "note": None}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the synthetic rows of accounts whose settings are JSON; most texts are unique."""
    folder, kinds = tmp_path_factory.mktemp("json"), ["team" if i % 3 else "free" for i in range(ROWS)]
    texts = [json.dumps(document(i, plan)) for i, plan in enumerate(kinds)]
    settings = pa.array([None if i % 10 == 9 else text for i, text in enumerate(texts)])
    table = pa.table({"id": np.arange(ROWS), "kind": kinds, "settings": settings})
    data_set = write_data_set(folder / "in", {"accounts": table}, {"accounts": ("id",)})
    schema = data_set.tables[0].schema
    columns = [replace(one, role=Role.JSON) if one.name == "settings" else one for one in schema.columns]
    model = fit(DataSet((Table(schema.with_columns(columns), data_set.tables[0].parts),)))
    save_model(model, folder / "a.model")
    found = generate(model, GenerateRequest(seed=1), folder / "out")
    again = generate(load_model(folder / "a.model"), GenerateRequest(seed=1), folder / "again")
    assert rows_of(found.tables[0]).equals(rows_of(again.tables[0]))
    return rows_of(found.tables[0]).to_pylist()


def test_documents_have_real_shapes_and_go_with_their_row(made):
    """Keys, lists and NULL as real ones; two keys deep each leaf goes with the others and with the row's columns."""
    values = [(row["kind"], json.loads(row["settings"])) for row in made if row["settings"] is not None]

    assert sum(row["settings"] is None for row in made) == pytest.approx(ROWS / 10, abs=10)
    assert {tuple(sorted(value)) for _, value in values} == {
        ("note", "on", "plan", "seats"),
        ("address", "note", "on", "plan", "seats", "tags"),
    }
    assert np.mean([kind == value["plan"] for kind, value in values]) > 0.98
    assert np.mean([(value["plan"] == "free") == (value["seats"] == 1) for _, value in values]) > 0.98
    assert {value["seats"] for _, value in values} == {1, 20, 30}
    assert np.mean([value["on"] for _, value in values]) == pytest.approx(0.75, abs=0.04)
    teams = [value for _, value in values if "tags" in value]
    assert {len(value["tags"]) for value in teams} == {1, 2}
    assert {tag for value in teams for tag in value["tags"]} == {"red", "blue"}
    assert {value["address"]["floor"]["n"] for value in teams} == {1, 2}


def test_nothing_of_one_document_is_shown(made):
    """Keys that few have, and texts that few have, are not there; what is made has their form."""
    text = json.dumps(made)
    zips = {json.loads(row["settings"]).get("address", {}).get("zip") for row in made if row["settings"]} - {None}

    assert "canary" not in text
    assert "secret" not in text
    assert all(re.fullmatch(r"\d{5}", one) for one in zips)
    assert not zips & {f"8{i:04}" for i in range(3, ROWS) if i % 3 and i % 10 < 9}


def test_codes_of_which_there_are_very_many_are_spelt_as_real_ones():
    """Of the same masks, with letters that follow each other as theirs do; none is real, none has one's own letters."""
    rng = np.random.default_rng(1)
    stems = ["ber", "ham", "kol", "mun"]
    real = [
        f"{stems[i % 4]}{stems[i // 4 % 4]}-{number:05}" for i, number in enumerate(rng.permutation(90_000)[:6_000])
    ]
    real += ["qqqqqq-00001"]
    maker = ngram_maker(real, 5)
    found = maker.make(np.zeros(2_000, dtype=np.int32), RowDraft(np.arange(2_000), {}), rng).to_pylist()

    assert all(re.fullmatch(r"[a-z]{6}-\d{5}", one) for one in found)
    assert not set(found) & set(real)
    assert len(set(found)) > 1_900
    pairs = {stem[i : i + 2] for stem in stems for i in range(2)}
    assert all(one[:2] in pairs and one[3:5] in pairs for one in found)
    assert not any("q" in letters for letters, _ in maker.follow.values())
    assert ngram_maker([f"{'x' * (i % 50)}{i}-{'y' * (i % 37)}" for i in range(2_000)], 5) is None

"""Models as files: what is read again generates the same bytes, and what nobody here wrote is refused."""

import importlib
import io
import json
import pickle
import pkgutil
import zipfile
from dataclasses import is_dataclass

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from filesync_dagster.cli import filesync
from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.tables import synthetic
from filesync_dagster.tables.model import RuleKind, TableRule
from filesync_dagster.tables.synthetic import (
    FitOptions,
    GenerateRequest,
    describe_tables,
    fit,
    generate,
    load_model,
    model_file,
    save_model,
)
from filesync_dagster.tables.synthetic.peers.pool import PooledModel
from filesync_dagster_tests.tables.data_sets import write_csv, write_data_set
from filesync_dagster_tests.tables.data_sets.files import relation


def shop(folder):
    """Return customers and orders: rules, a kept table, orphans, rare values, a manager, a key of a form."""
    rng, rows = np.random.default_rng(3), np.arange(300)
    base = np.round(rng.lognormal(rows // 60, 0.3), 2)
    tables = {
        "countries": pa.table({"code": ["DE", "FR"], "name": ["Germany", "France"]}),
        "customers": pa.table(
            {
                "id": [f"C-{i:04}" for i in range(60)],
                "country": ["DE" if i % 3 else "FR" for i in range(60)],
                "friend": pa.array([f"C-{i // 4:04}" for i in range(60)], mask=np.arange(60) < 4),
                "city": ["Ulm" if i % 4 else f"X{i}" for i in range(60)],
            }
        ),
        "orders": pa.table(
            {
                "id": rows,
                "customer": [f"C-{i % 60 if i % 20 else 900:04}" for i in rows.tolist()],
                "at": pa.array(rows * 86_400_000_000, pa.timestamp("us")),
                "base": base,
                "bonus": base * 0,
                "total": base,
            }
        ),
    }
    relations = (
        relation("customers", "country", "countries", "code"),
        relation("customers", "friend", "customers", "id"),
        relation("orders", "customer", "customers", "id"),
    )
    keys = {"countries": ("code",), "customers": ("id",), "orders": ("id",)}
    rules = (TableRule(RuleKind.SUM, "orders", ("total", "base", "bonus")),)
    return write_data_set(folder, tables, keys, relations, rules)


def bytes_of(model, folder, seed=7):
    """Return the bytes of each table that a model gives."""
    found = generate(model, GenerateRequest(seed=seed), folder)
    return {table.name: table.parts[0].read_bytes() for table in found.tables}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """Return a model of the shop, and its file."""
    folder = tmp_path_factory.mktemp("model")
    model = fit(shop(folder / "in"), FitOptions(keep=("countries",), keep_orphans=True))
    save_model(model, folder / "shop.model")
    return model, folder / "shop.model"


def test_a_model_that_was_read_gives_the_same_bytes(fitted, tmp_path):
    """Whatever it is made of: rules, kept tables, orphans, makers of keys, people and rare values."""
    model, path = fitted
    read = load_model(path)

    assert bytes_of(read, tmp_path / "read") == bytes_of(model, tmp_path / "fitted")
    assert (read.options, read.rules, read.warnings, read.plan) == (
        model.options,
        model.rules,
        model.warnings,
        model.plan,
    )
    assert [one.name for one in path.parent.iterdir() if "draft" in one.name] == []


def test_a_model_of_described_tables_is_saved_too(tmp_path):
    """The makers of what is only described are in the file."""
    described = shop(tmp_path / "in")
    described = type(described)(
        tuple(type(table)(table.schema, ()) for table in described.tables), described.relations[-1:], ()
    )
    model = describe_tables(described, FitOptions())
    save_model(model, tmp_path / "a.model")

    assert load_model(tmp_path / "a.model").schema_only
    assert bytes_of(load_model(tmp_path / "a.model"), tmp_path / "1") == bytes_of(model, tmp_path / "2")


def test_whatever_draws_or_makes_fits_into_a_file():
    """No step and no maker was forgotten among the classes that files are made of."""
    found = set()
    for module in pkgutil.walk_packages(synthetic.__path__, f"{synthetic.__name__}."):
        for each in vars(importlib.import_module(module.name)).values():
            if is_dataclass(each) and isinstance(each, type) and {"draw", "make"} & set(vars(each)):
                found.add(each)

    assert found - set(model_file._CLASSES.values()) == {PooledModel}  # no file has what another engine learned


def changed(path, target, change=None, entry=None):
    """Write a model whose description, or one of whose entries, is another."""
    with zipfile.ZipFile(path) as file, zipfile.ZipFile(target, "w") as out:
        for name in file.namelist():
            data = file.read(name)
            if name == "model.json" and change is not None:
                head = json.loads(data)
                change(head)
                data = json.dumps(head).encode()
            out.writestr(name, entry(name, data) if entry else data)
    return target


def trees_of(told):
    """Yield the descriptions of trees with more than one node."""
    if isinstance(told, dict):
        if "class" in told and told["class"][0] == "SplitTree":
            yield told["class"][1]
        for each in told.values():
            yield from trees_of(each)
    elif isinstance(told, list):
        for each in told:
            yield from trees_of(each)


def number_file(numbers):
    """Return numbers as a file of NumPy."""
    buffer = io.BytesIO()
    np.save(buffer, numbers)
    return buffer.getvalue()


@pytest.mark.parametrize("part", ["left", "right", "feature"])
def test_a_tree_that_leads_nowhere_is_refused(part, fitted, tmp_path):
    """Trees are walked without a check: a branch or a column that is not there would read foreign memory."""
    with zipfile.ZipFile(fitted[1]) as file:
        trees = list(trees_of(json.loads(file.read("model.json"))))
        name = next(tree[part]["numbers"] for tree in trees if len(np.load(file.open(tree[part]["numbers"]))) > 1)
        numbers = np.load(file.open(name))
    numbers[0] = 10**9

    path = changed(
        fitted[1], tmp_path / "bad.model", entry=lambda each, data: number_file(numbers) if each == name else data
    )
    with pytest.raises(UnreadableTable, match="no model"):
        load_model(path)


class Payload:
    """What a pickle would run."""

    def __reduce__(self):
        return (pytest.fail, ("a model was unpickled",))


def test_nothing_foreign_is_made_of_a_file(fitted, tmp_path, monkeypatch):
    """No pickle, no class that is not a model's, no other version, no bomb, no damage: a sentence each."""
    path = fitted[1]
    evil = np.empty(1, dtype=object)
    evil[0] = Payload()
    pickled = io.BytesIO()
    np.save(pickled, evil, allow_pickle=True)
    first = next(name for name in zipfile.ZipFile(path).namelist() if name.endswith(".npy"))

    def foreign(head):
        head["model"] = {"class": ["Path", {}]}

    def older(head):
        head["engine_version"] = "0"

    files = {
        "no model": [
            changed(path, tmp_path / "a", entry=lambda name, data: pickled.getvalue() if name == first else data),
            changed(path, tmp_path / "b", foreign),
            tmp_path / "c",
            tmp_path / "d",
        ],
        "Fit it again|is of core 0": [changed(path, tmp_path / "e", older)],
    }
    (tmp_path / "c").write_bytes(path.read_bytes()[:-3_000])
    (tmp_path / "d").write_bytes(pickle.dumps({"a": 1}))
    for match, paths in files.items():
        for one in paths:
            with pytest.raises(UnreadableTable, match=match):
                load_model(one)
    with pytest.raises(UnreadableTable, match="cannot be read"):
        load_model(tmp_path / "none")
    monkeypatch.setattr(model_file, "UNPACKED_MAX_BYTES", 1_000)
    with pytest.raises(LimitReached):
        load_model(path)


def test_the_command_line_fits_once_and_generates_twice(tmp_path):
    """`--save-model` and `--model` give the same data for the same seed; what is about the fit is refused."""
    rows = np.arange(120)
    files = write_csv(tmp_path / "in", {"t": pa.table({"id": rows, "v": rows % 7, "w": rows % 5})})
    run, model = CliRunner(), str(tmp_path / "t.model")
    first = ["generate", str(files["t"]), "--out", str(tmp_path / "1"), "--seed", "3", "--save-model", model]
    again = ["generate", "--model", model, "--out", str(tmp_path / "2"), "--seed", "3"]

    assert run.invoke(filesync, [*first, "--no-report"]).exit_code == 0
    assert run.invoke(filesync, again).exit_code == 0
    assert (tmp_path / "1" / "t.csv").read_bytes() == (tmp_path / "2" / "t.csv").read_bytes()
    refused = run.invoke(filesync, [*again, "--keep-orphans"])
    assert refused.exit_code == 2
    assert "--keep-orphans is about the fit" in refused.output

"""Tests of the engine mostlyai: what is told to it and taken from it, and that its process does not outlive its use."""

import ast
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from filesync_dagster.config import read_environment
from filesync_dagster.core.errors import Cancelled, LimitReached, TableError
from filesync_dagster.tables.model import RuleKind, TableRule
from filesync_dagster.tables.sessions.engines import engine_settings
from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.tables.sessions.run import run_generation
from filesync_dagster.tables.synthetic import FitOptions, GenerateRequest, fit, generate, save_model
from filesync_dagster.tables.synthetic.options import RowCondition, Watch
from filesync_dagster.tables.synthetic.peers.mostlyai.install import (
    INSTALL_COMMAND,
    VERSION,
    EngineMissing,
    engine_folder,
    find_engine,
)
from filesync_dagster.tables.synthetic.peers.mostlyai.learner import EngineSettings
from filesync_dagster.tables.synthetic.peers.mostlyai.process import WORKER, run_worker
from filesync_dagster.tables.synthetic.peers.value_codes import coding_of
from filesync_dagster.tables.synthetic.quality import quality_report
from filesync_dagster.tables.synthetic.values import ColumnValues
from filesync_dagster_tests.tables.data_sets import planted_data_set, planted_facts, rows_of
from filesync_dagster_tests.tables.data_sets.shapes import (
    composite,
    many_to_many,
    nullable_cycle,
    one_to_one,
    self_reference,
    two_to_one_parent,
)

ODD = Path(__file__).with_name("odd_engine.py")
NOT_BEFORE_SIGNUP = TableRule(RuleKind.AT_MOST, "orders", ("customers.signup", "ordered_at"))


def odd_engine(mode="", **more):
    """Return settings of an engine that speaks the protocol."""
    return EngineSettings((sys.executable, str(ODD), mode), dict(os.environ), **more)


def by_ids(data_set):
    """Return the ids of a table, and those that its children name."""
    customers, orders = (rows_of(data_set.table(name)) for name in ("customers", "orders"))
    return customers.column("customer_id"), orders.column("customer_id")


def assert_like_planted(real, made):
    """Keys of the real types that are no real keys' strings; what was planted is there; each order has its customer."""
    for name in ("customers", "orders"):
        assert rows_of(made.table(name)).schema.types == rows_of(real.table(name)).schema.types
    mine, named = by_ids(made)
    assert pc.all(pc.is_in(named, value_set=mine.combine_chunks())).as_py()
    assert pc.count_distinct(mine).as_py() == len(mine)


def test_values_come_from_the_engine_and_keys_and_rules_from_us(tmp_path):
    """Orders per customer, and amounts by income, as the engine draws them; no order is before a signup."""
    real = replace(planted_data_set(tmp_path), rules=(NOT_BEFORE_SIGNUP,))
    told = []
    model = fit(real, settings=odd_engine(), progress=lambda *step: told.append(step))
    made = generate(model, GenerateRequest(seed=5), tmp_path / "out")
    assert ("training", "orders", 1, 1) in told
    assert_like_planted(real, made)
    assert made.rules == (NOT_BEFORE_SIGNUP,)
    assert planted_facts(made) == pytest.approx(planted_facts(real), rel=0.15, abs=0.02)
    with pytest.raises(TableError, match="cannot be kept"):
        save_model(model, tmp_path / "model")
    with pytest.raises(TableError, match="no conditions"):
        generate(model, GenerateRequest(conditions=(RowCondition("customers", {"segment": "vip"}),)), tmp_path / "out")


@pytest.mark.parametrize(
    "shape", [composite, one_to_one, many_to_many, two_to_one_parent, self_reference, nullable_cycle]
)
def test_every_shape_of_relations_comes_out_whole(tmp_path, shape):
    """Second parents, pairs, managers and cycles: `generate` verifies keys on what was written."""
    real = shape(tmp_path)
    made = generate(fit(real, settings=odd_engine()), GenerateRequest(seed=2), tmp_path / "out")
    for table in real.tables:
        assert made.table(table.name).schema.row_count == pytest.approx(table.schema.row_count, rel=0.2)
        assert rows_of(made.table(table.name)).schema.types == rows_of(table).schema.types


def test_kept_parents_and_rows_that_were_asked_for(tmp_path):
    """A table that is copied has children that were drawn for it; a child has as many rows as were asked for."""
    real = two_to_one_parent(tmp_path)
    model = fit(real, FitOptions(keep=("airports",)), settings=odd_engine())
    made = generate(model, GenerateRequest(seed=2, rows={"flights": 321}), tmp_path / "out")
    assert rows_of(made.table("airports")).equals(rows_of(real.table("airports")))
    assert made.table("flights").schema.row_count == 321


def test_what_privacy_costs_is_summed(tmp_path):
    """ε and δ of each table; an ε that trains no model is too small."""
    real = one_to_one(tmp_path)
    model = fit(real, settings=odd_engine(epsilon=4.0))
    assert model.learner.epsilon == pytest.approx(1.5 + 1.5)
    assert model.learner.delta == pytest.approx(2e-5)
    with pytest.raises(TableError, match="within ε=4"):
        fit(real, settings=odd_engine("spent", epsilon=4.0))


@pytest.mark.parametrize(
    ("mode", "kind", "said"),
    [
        ("crash", TableError, "ended before"),
        ("early", TableError, "ended before"),
        ("rubbish", TableError, "not its protocol"),
        ("old", TableError, "another version"),
        ("failed", TableError, "ValueError: no rows"),
        ("memory", LimitReached, "memory"),
        ("null", TableError, "cannot be used"),
        ("strangers", TableError, "parents that are not there"),
    ],
)
def test_an_engine_that_misbehaves_fails_the_generation(tmp_path, mode, kind, said):
    """In a sentence that names it; nothing of what was written stays."""
    real = self_reference(tmp_path) if mode != "strangers" else one_to_one(tmp_path)
    (tmp_path / "out").mkdir()
    with pytest.raises(kind, match=said) as refused:
        generate(fit(real, settings=odd_engine(mode)), GenerateRequest(seed=1), tmp_path / "out")
    assert refused.value.code in {"engine_failed", "memory"}
    assert list((tmp_path / "out").iterdir()) == []


def test_cancelling_kills_all_that_the_engine_started(tmp_path):
    """The process and its own children, before the call returns."""
    pids = tmp_path / "pids"
    job = {"action": "train", "folder": str(tmp_path), "tables": []}
    with pytest.raises(Cancelled):
        run_worker(
            odd_engine("hang").command,
            job,
            tmp_path,
            Watch(cancel=lambda: pids.exists() and pids.read_text() != ""),
            dict(os.environ),
        )
    for pid in map(int, pids.read_text().split()):
        until = time.monotonic() + 60
        while is_running(pid):
            assert time.monotonic() < until
            time.sleep(0.05)


def is_running(pid):
    """Tell whether a process is there, and is more than an entry that nobody has asked for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_the_worker_knows_nothing_of_ours_and_says_what_it_lacks(tmp_path):
    """It imports the standard library alone, and answers where the engine is not installed."""
    tree = ast.parse(WORKER.read_text())
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)
    command = (sys.executable, "-I", "-S", str(WORKER))
    with pytest.raises(TableError, match="PackageNotFoundError"):
        run_worker(command, {"action": "check"}, tmp_path, Watch(), {})
    with pytest.raises(TableError, match="cannot be started"):
        run_worker((str(tmp_path / "gone"),), {"action": "check"}, tmp_path, Watch(), {})


def test_a_missing_engine_names_the_command_that_installs_it(tmp_path):
    """Also one that was installed halfway, or of another version."""
    folder = engine_folder(tmp_path)
    for marker in (None, "{", '{"version": "1.0", "torch": "cpu"}'):
        if marker is not None:
            (folder / "bin").mkdir(parents=True, exist_ok=True)
            (folder / "bin" / "python").touch()
            (folder / "installed.json").write_text(marker)
        with pytest.raises(EngineMissing, match=INSTALL_COMMAND):
            find_engine(tmp_path)


def test_values_are_told_as_numbers_and_come_back():
    """Categories by their place, many numbers by their rank: what comes back is a real value, or between two ranks."""
    random = np.random.default_rng(1)
    lost = random.random(3_000) < 0.1
    heaped = ColumnValues(np.round(random.exponential(900, 3_000)) * 5, lost)
    for values, nominal in ((heaped, False), (ColumnValues(random.integers(0, 40, 3_000), lost), True)):
        coding = coding_of(values, nominal=nominal, interpolates=False)
        back = coding.decode(coding.encode(values))
        assert np.array_equal(back.null, lost)
        assert np.array_equal(back.data[~lost], values.data[~lost])
    near = coding_of(heaped, nominal=False, interpolates=False).decode(pa.array(random.random(500)))
    assert set(near.data) <= set(heaped.present())


def test_a_generation_says_which_engine_made_it_and_what_privacy_it_cost(tmp_path):
    """From the request to the manifest and the report, with an engine that is installed in the home."""
    folder = engine_folder(tmp_path / "home") / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(f"#!/bin/sh\nexec '{sys.executable}' '{ODD}'\n")
    (folder / "python").chmod(0o700)
    (folder.parent / "installed.json").write_text(json.dumps({"version": VERSION, "torch": "cpu"}))
    asked = {"engine": "mostlyai", "engine_options": {"epsilon": 4.0}, "find_rules": False, "output_format": "csv"}
    real = one_to_one(tmp_path)
    made = run_generation(
        GenerationRequest.model_validate(asked),
        lambda _: real,
        tmp_path / "work",
        tmp_path / "out",
        3,
        home=tmp_path / "home",
    )
    manifest = json.loads(made.export.manifest.read_text())
    assert (manifest["engine"], manifest["engine_version"]) == ("mostlyai", VERSION)
    assert (made.privacy.epsilon, made.privacy.delta) == (pytest.approx(3.0), pytest.approx(2e-5))
    said = " ".join(made.privacy.statements)
    assert "ε=3, δ=2e-05" in said
    assert "not covered" in said
    assert any("ε=3," in warning["message"] for warning in made.warnings)
    with pytest.raises(TableError, match="no rules are looked for"):
        engine_settings(GenerationRequest.model_validate({**asked, "find_rules": True}), tmp_path / "home")
    with pytest.raises(TableError, match="for the engine mostlyai"):
        engine_settings(GenerationRequest.model_validate({**asked, "engine": "core"}), None)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not os.environ.get("FILESYNC_MOSTLYAI"), reason="FILESYNC_MOSTLYAI=1: needs the engine in the home")
def test_the_real_engine_keeps_what_was_planted(tmp_path, record_property):
    """Trained on 2,000 customers with their orders: keys, types and rules as always, and vips have more orders."""
    real = replace(planted_data_set(tmp_path), rules=(NOT_BEFORE_SIGNUP,))
    engine = find_engine(read_environment().home)
    settings = EngineSettings(engine.command, {"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1"}, max_epochs=8)
    began = time.monotonic()
    made = generate(fit(real, settings=settings), GenerateRequest(seed=5), tmp_path / "out")
    assert_like_planted(real, made)
    assert made.rules == (NOT_BEFORE_SIGNUP,)
    facts = planted_facts(made)
    record_property("seconds", time.monotonic() - began)
    record_property("facts", facts)
    record_property("quality", {group.name: group.as_json()["score"] for group in quality_report(real, made).groups})
    assert facts["orders_per_vip"] > 1.5 * facts["orders_per_retail"]

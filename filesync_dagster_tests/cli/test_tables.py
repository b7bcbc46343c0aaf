"""Tests of `filesync tables` and `filesync generate`: from files to what is in them, and to data like them."""

import contextlib
import csv
import io
import json
import sqlite3
import zipfile

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from filesync_dagster import Filesync
from filesync_dagster.cli import filesync
from filesync_dagster.tables.catalog.contexts import upload_store
from filesync_dagster.tables.catalog.directory import SourceDirectory
from filesync_dagster.tables.catalog.edits import SourceEdit
from filesync_dagster_tests.tables.data_sets import planted_data_set


@pytest.fixture
def files(tmp_path):
    """Return two Parquet files that say what they are."""
    data_set = planted_data_set(tmp_path / "planted")
    return [str(table.parts[0].rename(tmp_path / f"{table.name}.parquet")) for table in data_set.tables]


def run(*arguments):
    """Run a command; return what it printed."""
    return CliRunner().invoke(filesync, [str(each) for each in arguments])


def test_types_of_sources_are_listed():
    """Each with how it was tried."""
    shown = run("tables", "list")

    assert shown.exit_code == 0
    assert {"upload", "postgres", "atlas"} <= {line.split()[0] for line in shown.output.splitlines() if line.strip()}


def test_a_profile_shows_roles_relations_and_rules(files):
    """What a person needs to see before anything is generated."""
    shown = run("tables", "profile", *files, "--rules")

    assert shown.exit_code == 0, shown.output
    assert "orders(customer_id) → customers(customer_id)" in shown.output
    assert "orders: at_most customers.signup, ordered_at" in shown.output


def test_rows_are_shown(files):
    """As many as were asked for."""
    shown = run("tables", "show", files[0], "--rows", 3)

    assert shown.exit_code == 0, shown.output
    assert "retail" in shown.output
    assert len([line for line in shown.output.splitlines() if "20" in line]) <= 6


def test_tables_are_read_into_parquet_that_says_what_it_is(files, tmp_path):
    """A file alone explains itself."""
    done = run("tables", "read", *files, "--out", tmp_path / "out")

    assert done.exit_code == 0, done.output
    found = pq.read_schema(tmp_path / "out" / "orders.parquet").metadata[b"filesync.table"]
    assert json.loads(found)["primary_key"] == ["order_id"]


@pytest.mark.slow
def test_generated_data_are_the_same_for_a_seed(files, tmp_path):
    """Two runs, one seed: the same bytes of the same number of rows, in which every order has its customer."""
    outputs = []
    for name in ("one", "two"):
        done = run("generate", *files, "--out", tmp_path / name, "--seed", 5, "--scale", 0.25)
        assert done.exit_code == 0, done.output
        assert "Seed 5. Synthetic, not anonymous." in done.output
        assert "Quality: " in done.output
        assert "They may still tell something of real people" in done.output
        with zipfile.ZipFile(tmp_path / name / "synthetic_data.zip") as archive:
            outputs.append({each: archive.read(each) for each in archive.namelist()})
    assert outputs[0] == outputs[1]
    tables = {
        name: list(csv.DictReader(io.StringIO(outputs[0][f"{name}.csv"].decode()))) for name in ("customers", "orders")
    }
    assert len(tables["customers"]) == 500
    known = {row["customer_id"] for row in tables["customers"]}
    assert {row["customer_id"] for row in tables["orders"]} <= known


@pytest.fixture
def shop(tmp_path):
    """Return two small CSV files, one with the products of the other."""
    products, orders = tmp_path / "products.csv", tmp_path / "orders.csv"
    products.write_text("product_id,grade\n" + "".join(f"{n},{'fine' if n % 3 else 'plain'}\n" for n in range(1, 61)))
    orders.write_text("order_id,product_id,amount\n" + "".join(f"{n},{1 + n % 60},{n}.5\n" for n in range(1, 181)))
    return products, orders


@pytest.fixture
def saved(shop, tmp_path, monkeypatch):
    """Return an installation with a source in its file, one that was saved, and a name that both have."""
    monkeypatch.setenv("FILESYNC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FILESYNC_CONFIG", str(tmp_path / "endpoints.yaml"))
    config = "config: {file_paths: [products.csv]}"
    sources = "".join(f"  - {{name: {name}, type: upload, {config}}}\n" for name in ("in_file", "twice"))
    (tmp_path / "endpoints.yaml").write_text("endpoints: []\n")
    with Filesync.open() as opened:
        runtime = opened.runtime
        uploads, content = upload_store(runtime), shop[1].read_bytes()
        sent = uploads.create("orders.csv", len(content), "ann")
        with uploads.write(sent.id, 0) as writer:
            writer.write(content)
        sent = uploads.finish(sent.id)
        edit = SourceEdit("upload", {"file_paths": [f"uploads/{sent.stored_name}"]})
        for name in ("web", "twice"):
            SourceDirectory(runtime).add(name, edit, "ann")
    (tmp_path / "endpoints.yaml").write_text(f"endpoints: []\nsources:\n{sources}")


def test_sources_are_named_wherever_they_were_configured(saved, tmp_path, monkeypatch):
    """Those of endpoints.yaml and those that were saved over the API alike; a name that both have is neither's."""
    monkeypatch.chdir("/")  # paths of the file are relative to it
    shown = run("tables", "show", "--type", "in_file", "--rows", 1)
    assert shown.output.split() == ["product_id", "grade", "1", "fine"], shown.output
    shown = run("tables", "discover", "--type", "web")
    assert "order_id, product_id, amount" in shown.output, shown.output
    done = run("generate", "--type", "web", "--out", tmp_path / "out", "--rows", "orders=40", "--no-report")
    assert "orders: 40 rows" in done.output, done.output
    assert "No read of the source web is held." in run("approve", "web").output
    for name, sentence in {"twice": "twice is saved here", "wob": "There is no data source 'wob'"}.items():
        refused = run("tables", "profile", "--type", name)
        assert (refused.exit_code, sentence in " ".join(refused.output.split())) == (1, True), refused.output


def test_data_of_files_are_generated_as_they_are_asked_for(shop, tmp_path):
    """So many rows of one table, another copied, as SQL."""
    done = run(
        *("generate", *shop, "--out", tmp_path / "out", "--seed", 5, "--rows", "orders=40", "--keep", "products"),
        *("--format", "sql", "--dialect", "sqlite", "--no-report"),
    )
    assert done.exit_code == 0, done.output
    assert "orders: 40 rows" in done.output
    assert "Quality: " not in done.output
    written = (tmp_path / "out" / "synthetic_data.sql").read_text()
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        database.executescript(written)
        kept = database.execute("SELECT grade, count(*) FROM products GROUP BY 1 ORDER BY 1").fetchall()
        assert kept == [("fine", 40), ("plain", 20)]
        assert database.execute("SELECT count(*) FROM orders NATURAL JOIN products").fetchone() == (40,)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tables", "profile"], "Name files, or a source by --type"),
        (["tables", "profile", "no.csv"], "no.csv: there is no such file"),
        (["tables", "test", "--type", "postgress"], "There is no source of type 'postgress'"),
        (["tables", "test", "--type", "postgres", "--set", "host"], "is not KEY=VALUE"),
        (["tables", "test", "--type", "api", "--set", "endpoints=[{"], "this is no JSON"),
        (["generate", "a.csv", "--out", "x", "--rows", "a"], "is not TABLE=N"),
        (["generate", "a.csv", "--out", "x", "--locale", "german"], "--locale: String should match pattern"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(arguments, sentence):
    """No traceback, and an exit code that says so."""
    shown = run(*arguments)

    assert shown.exit_code in {1, 2}
    assert sentence in " ".join(shown.output.split())

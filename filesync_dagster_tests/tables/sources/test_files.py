import shutil
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from filesync_dagster import Filesync
from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.sources import parsed_files
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.file_tables import pattern_name
from filesync_dagster.tables.sources.parsed_files import kept_tables, table_name_of
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster.tables.sources.unions import common_type

pytest.importorskip("filesync_dagster.tables.reading")


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(60)


def rows_of(source, table, **how):
    """Return all rows of a table."""
    return [row for batch in source.read(table, **how) for row in batch.to_pylist()]


def upload_of(tmp_path, *paths, **settings):
    """Return a source of uploads, which are in a folder `up`."""
    folder = tmp_path / "up"

    def find(name):
        if not (folder / name).exists():
            raise SourceRefused(f"There is no upload {name!r}.", code="not_found", field="file_paths")
        return folder / name

    context = SourceContext("mine", folder=tmp_path / "work", find_upload=find)
    return open_source("local", {"file_paths": list(paths), **settings}, context)


@pytest.fixture
def uploads(tmp_path):
    """Return the folder of two uploads."""
    folder = tmp_path / "up"
    folder.mkdir()
    (folder / "a1.csv").write_text("id,name\n1,x\n2,y\n")
    (folder / "b2.csv").write_text("id;v\n1;2,5\n")
    return folder


def test_uploads_are_tables(uploads, tmp_path):
    """Each file is one, and the only one may be called otherwise."""
    with closing(upload_of(tmp_path, "a1.csv", table_name="people")) as source:
        assert [table.name for table in source.test(soon()).tables] == ["people"]
        [table] = source.discover(soon())
        assert (table.name, rows_of(source, table)) == ("people", [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}])
        assert rows_of(source, table, columns=["name"], limit=1) == [{"name": "x"}]
    with closing(upload_of(tmp_path, "a1.csv", "b2.csv")) as source:
        assert [table.name for table in source.discover(soon())] == ["a1", "b2"]
    assert (uploads / "a1.csv").exists()


def test_an_upload_that_is_not_there_is_named(uploads, tmp_path):
    """File by file."""
    with closing(upload_of(tmp_path, "a1.csv", "zz.csv")) as source:
        assert [(table.name, table.readable) for table in source.test(soon()).tables] == [("a1", True), ("zz", False)]
        with pytest.raises(SourceRefused) as refused:
            source.discover(soon())
    assert (refused.value.code, refused.value.field) == ("not_found", "file_paths")


@pytest.fixture
def inventory(tmp_path):
    """Return filesync with an endpoint over a folder, and the folder."""
    folder = tmp_path / "files"
    (folder / "in").mkdir(parents=True)
    entry = {"name": "share", "type": "local", "title": "Share", "endpoint_details": {"path": str(folder)}}
    config = tmp_path / "endpoints.yaml"
    config.write_text(yaml.safe_dump({"endpoints": [entry]}))
    with Filesync.open(config, home=tmp_path / "home") as opened:
        yield opened, folder


def inventory_of(opened, tmp_path, **settings):
    """Return a source of the inventory."""
    context = SourceContext("lake", folder=tmp_path / "work", cache=tmp_path / "kept", runtime=opened.runtime)
    given = {"endpoint": "share", "pattern": "**/*.csv", **settings}
    return open_source("inventory", given, context)


def test_the_next_day_follows_the_inventory(inventory, tmp_path):
    """Files that were added, moved and removed: the next table has them so, and what stayed is not read again."""
    opened, folder = inventory
    for name, number in (("in/a.csv", 1), ("in/b.csv", 2), ("c.csv", 3)):
        (folder / name).write_text(f"id,t\n{number},{number}00\n")
    opened.sync("share")
    with closing(inventory_of(opened, tmp_path)) as source:
        [table] = source.discover(soon())
        assert [row["id"] for row in rows_of(source, table)] == [3, 1, 2]
        assert source.parsed_files == 3
    (folder / "in/d.csv").write_text("id,t\n4,400\n")
    (folder / "in/b.csv").unlink()
    (folder / "c.csv").write_text("id,t\n33,3300\n")
    with closing(inventory_of(opened, tmp_path)) as source:  # nobody has listed the folder since
        (tmp_path / "kept").rename(tmp_path / "away")
        with pytest.raises(SourceRefused) as refused:
            source.discover(soon())
        assert refused.value.code in {"changed", "not_found"}
        shutil.rmtree(tmp_path / "kept", ignore_errors=True)
        (tmp_path / "away").rename(tmp_path / "kept")
    opened.sync("share")
    with closing(inventory_of(opened, tmp_path)) as source:
        [table] = source.discover(soon())
        assert [row["id"] for row in rows_of(source, table)] == [33, 1, 4]
        assert source.parsed_files == 2
    with closing(inventory_of(opened, tmp_path)) as source:
        source.discover(soon())
        assert source.parsed_files == 0


def test_large_parquet_of_the_inventory_is_read_by_ranges(inventory, tmp_path, monkeypatch):
    """Its columns by its footer; what is there instead when the rows are wanted is not taken for it."""
    monkeypatch.setattr(parsed_files, "RANGED_MIN_BYTES", 1)
    opened, folder = inventory
    pq.write_table(pa.table({"id": [1, 2], "t": ["a", "b"]}), folder / "in/a.parquet")
    pq.write_table(pa.table({"id": [3], "x": [0.5]}), folder / "in/b.parquet")
    opened.sync("share")
    with closing(inventory_of(opened, tmp_path, pattern="**/*.parquet")) as source:
        [table] = source.discover(soon())
        assert (table.schema.names, table.rows_estimate) == (("id", "t", "x"), 3)
        assert [row["x"] for batch in source.read(table, columns=["x"]) for row in batch.to_pylist()] == [
            None,
            None,
            0.5,
        ]
        assert [row["t"] for row in rows_of(source, table)] == ["a", "b", None]
    shutil.rmtree(tmp_path / "kept")
    with closing(inventory_of(opened, tmp_path, pattern="in/a.parquet")) as source:
        [table] = source.discover(soon())
        pq.write_table(pa.table({"id": [7, 8], "t": ["y", "z"]}), folder / "in/a.parquet", compression="none")
        with pytest.raises(SourceRefused) as refused:
            source.read(table)
        assert refused.value.code == "changed"


def test_a_pattern_that_means_nothing_or_too_much_is_an_error(inventory, tmp_path):
    """And an endpoint that is not there is named."""
    opened, folder = inventory
    for number in range(4):
        (folder / f"in/{number}.csv").write_text("id\n1\n")
    opened.sync("share")
    cases = [
        ({"pattern": "out/*.csv"}, SourceRefused, "pattern"),
        ({"max_files": 3}, LimitReached, "max_files"),
    ]
    for settings, kind, field in cases:
        with closing(inventory_of(opened, tmp_path, **settings)) as source, pytest.raises(kind) as refused:
            source.discover(soon())
        assert refused.value.field == field
    with pytest.raises(SourceRefused) as refused:
        inventory_of(opened, tmp_path, endpoint="shore")
    assert (refused.value.code, refused.value.field) == ("not_found", "endpoint")


def test_a_test_reads_a_byte(inventory, tmp_path):
    """Of the first file, so that it tells whether contents may be read."""
    opened, folder = inventory
    (folder / "in/a.csv").write_text("id\n1\n")
    opened.sync("share")
    with closing(inventory_of(opened, tmp_path, pattern="in/a.csv")) as source:
        report = source.test(soon())
        assert ([table.name for table in report.tables], report.server) == (["a"], "The inventory of share (1 files)")
        (folder / "in/a.csv").write_text("id\n22\n")
        with pytest.raises(SourceRefused) as refused:
            source.test(soon())
    assert refused.value.code == "changed"


def test_columns_by_position(inventory, tmp_path):
    """Files whose headers differ are one table by the places of their columns, or none."""
    opened, folder = inventory
    (folder / "in/a.csv").write_text("id,name\n1,x\n")
    (folder / "in/b.csv").write_text("ID,Name\n2,y\n")
    (folder / "wide.csv").write_text("a,b,c\n1,2,3\n")
    opened.sync("share")
    with closing(inventory_of(opened, tmp_path, pattern="in/*.csv", union_by="position")) as source:
        [table] = source.discover(soon())
        assert rows_of(source, table) == [{"id": 1, "name": "x"}, {"id": 2, "name": "y"}]
    with closing(inventory_of(opened, tmp_path, union_by="position")) as source:
        with pytest.raises(SourceRefused) as refused:
            source.discover(soon())
        assert (refused.value.code, refused.value.field) == ("unsupported", "union_by")


def test_files_of_the_machine_are_the_operators(tmp_path):
    """On the command line a path is a path."""
    (tmp_path / "x.csv").write_text("id\n1\n")
    context = SourceContext("mine", folder=tmp_path / "work", guard=AddressGuard.of_operator())
    with closing(open_source("upload", {"file_paths": [str(tmp_path / "x.csv")]}, context)) as source:
        [table] = source.discover(soon())
        assert (table.name, rows_of(source, table)) == ("x", [{"id": 1}])


TYPES = [
    (["int64", "int64"], "int64"), (["int64", "null"], "int64"), (["null"], "string"), (["int16", "int32"], "int32"),
    (["int64", "decimal128(10, 2)"], "decimal128(22, 2)"),
    (["decimal128(5, 1)", "decimal128(7, 4)"], "decimal128(8, 4)"),
    (["float", "double"], "double"), (["int64", "double"], None), (["string", "int64"], None),
    (["date32[day]", "timestamp[us]"], "timestamp[us]"), (["timestamp[us]", "timestamp[us, tz=UTC]"], None),
    (["decimal128(38, 0)", "decimal128(38, 30)"], None), (["bool", "string"], None),
]  # fmt: skip


@pytest.mark.parametrize(("names", "expected"), TYPES)
def test_what_types_have_in_common(names, expected):
    """Only what changes no value; else they are text."""
    from filesync_dagster.tables.arrow_types import arrow_type

    found = common_type([arrow_type(name) for name in names])
    assert (None if found is None else str(found)) == expected


def test_kept_tables_that_are_damaged_are_parsed_anew(tmp_path):
    """A folder that is not whole has no tables."""
    assert kept_tables(tmp_path) == []
    (tmp_path / "tables.json").write_text('[["part.parquet"]]')
    assert kept_tables(tmp_path) == []
    (tmp_path / "part.parquet").write_bytes(b"PAR1")
    assert kept_tables(tmp_path) == []
    assert pa.__version__


@pytest.mark.parametrize(("path", "name"), [("a/b.csv", "b"), (".csv", ".csv"), ("x", "x"), ("a.b/c", "c")])
def test_a_table_is_called_as_its_file(path, name):
    """Without the ending."""
    assert table_name_of(path) == name
    assert pattern_name("in/[a-z]*.csv", "fallback") == "in"

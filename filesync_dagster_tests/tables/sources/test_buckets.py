import io
import json
import random
from contextlib import closing
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.simulators.gcs import GcsSimulator
from filesync_dagster.simulators.gcs.store import BUCKET
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster.tables.sources import parsed_files
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext, SourceLimits
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster_tests.sizes import size

pytest.importorskip("filesync_dagster.tables.reading")

FILES = {
    "in/orders-2026-01.csv": b"id,name,amount\n1,a,1.50\n2,b,2.25\n",
    "in/orders-2026-02.csv": b"id,name,amount\n3,c,10.00\n",
    "in/deep/er/orders-2026-03.csv": b"id,name,amount\n4,d,0.01\n",
    "in/_SUCCESS": b"",
    "in/customers.ndjson": b'{"id": 1, "email": "x@y.z"}\n',
    "in/odd [1].csv": b"k\n7\n8\n",
}


def parquet(rows):
    """Return a Parquet file of some rows."""
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


class S3Bucket:
    """A bucket of a real server of S3."""

    kind, field = "s3", "secret_access_key"

    def __init__(self, server):
        self.server = server
        self.name = server.bucket()

    def put(self, key, content):
        self.server.client().put_object(Bucket=self.name, Key=key, Body=content)

    def given(self, **others):
        keys = {"access_key_id": self.server.access_key_id, "secret_access_key": self.server.secret_access_key}
        return {"bucket": self.name, "endpoint_url": self.server.endpoint_url, **keys, **others}


class AzureContainer:
    """A container of Azurite."""

    kind, field = "azure", "connection_string"

    def __init__(self, server):
        self.server = server
        self.name = server.container()

    def put(self, key, content):
        self.server.client(self.name).upload_blob(key, content, overwrite=True)

    def given(self, **others):
        text = f"AccountName={self.server.account};AccountKey={self.server.key};BlobEndpoint={self.server.url}"
        return {"container": self.name, "connection_string": text, **others}


class GcsBucket:
    """A bucket of the simulator, over HTTP."""

    kind, field = "gcs", "service_account_key"

    def __init__(self, simulator, url):
        self.simulator = simulator
        self.url = url

    def put(self, key, content):
        self.simulator.store.put(key, content)

    def given(self, **others):
        key = self.simulator.key_text(self.url)
        return {"bucket": BUCKET, "endpoint_url": self.url, "service_account_key": key, **others}


@pytest.fixture(
    params=["s3_rclone", "gcs", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("s3_moto", "azure"))]
)
def bucket(request):
    """Return a bucket of each kind, with some files."""
    if request.param == "gcs":
        simulator = GcsSimulator()
        with serve_simulator(simulator) as url:
            yield with_files(GcsBucket(simulator, url))
        return
    server = {"s3_rclone": "s3_server", "s3_moto": "moto_s3", "azure": "azure_server"}[request.param]
    made = AzureContainer if request.param == "azure" else S3Bucket
    yield with_files(made(request.getfixturevalue(server)))


def with_files(place):
    """Write the files."""
    for key, content in FILES.items():
        place.put(key, content)
    return place


def source_of(place, tmp_path, *paths, limits=None, cache=None, **settings):
    """Return a source of some files."""
    context = SourceContext(
        "lake", folder=tmp_path, cache=cache, guard=AddressGuard.of_operator(), limits=limits or SourceLimits()
    )
    return open_source(place.kind, place.given(file_paths=list(paths), **settings), context)


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(60)


def rows_of(source, table):
    """Return all rows of a table."""
    return [row for batch in source.read(table) for row in batch.to_pylist()]


def test_a_file_is_a_table(bucket, tmp_path):
    """Called as the file, with its rows."""
    with closing(source_of(bucket, tmp_path, "in/customers.ndjson", "in/odd [1].csv")) as source:
        customers, odd = source.discover(soon())
        assert (customers.name, customers.origin, customers.kind) == ("customers", ("in/customers.ndjson",), "file")
        assert customers.bytes == len(FILES["in/customers.ndjson"])
        assert rows_of(source, customers) == [{"id": 1, "email": "x@y.z"}]
        assert (odd.name, rows_of(source, odd)) == ("odd [1]", [{"k": 7}, {"k": 8}])
    assert list(tmp_path.iterdir()) == []


def test_a_pattern_is_one_table_of_all_its_files(bucket, tmp_path):
    """In the order of their names; what begins with an underscore is no file of it."""
    with closing(source_of(bucket, tmp_path, "in/orders-*.csv", "in/**/*.csv")) as source:
        flat, deep = source.discover(soon())
        assert (flat.name, flat.origin) == ("orders", ("in/orders-2026-01.csv", "in/orders-2026-02.csv"))
        assert [row["id"] for row in rows_of(source, flat)] == [1, 2, 3]
        assert [float(row["amount"]) for row in rows_of(source, flat)] == [1.5, 2.25, 10.0]
        assert "in/deep/er/orders-2026-03.csv" in deep.origin
        assert [warning.code for warning in deep.schema.warnings] == ["missing_column"] * 4


def test_each_file_of_a_pattern_may_be_a_table(bucket, tmp_path):
    """With names that differ."""
    with closing(source_of(bucket, tmp_path, "in/orders-*.csv", as_tables="per_file")) as source:
        assert [table.name for table in source.discover(soon())] == ["orders-2026-01", "orders-2026-02"]


def test_a_test_tells_which_files_can_be_read(bucket, tmp_path):
    """File by file; and with a wrong secret which field to correct."""
    with closing(source_of(bucket, tmp_path, "in/orders-*.csv", "in/none.csv")) as source:
        report = source.test(soon())
    assert [(table.name, table.readable) for table in report.tables] == [("orders", True), ("none", False)]
    with closing(source_of(bucket, tmp_path, "no/such.csv")) as source, pytest.raises(SourceRefused) as refused:
        source.test(soon())
    assert (refused.value.code, refused.value.field) == ("not_found", "file_paths")


def test_a_wrong_secret_is_named(bucket, tmp_path, request):
    """Servers that check it refuse it; moto and the simulator of tokens know everybody."""
    if "moto" in request.node.name or bucket.kind == "gcs":
        pytest.skip("it knows every credential")
    given = bucket.given(file_paths=["in/customers.ndjson"])
    if bucket.kind == "azure":
        given["connection_string"] = given["connection_string"].replace("AccountKey=E", "AccountKey=F")
    else:
        given["secret_access_key"] = "wrong-canary-secret"
    context = SourceContext("lake", folder=tmp_path, guard=AddressGuard.of_operator())
    with closing(open_source(bucket.kind, given, context)) as source, pytest.raises(SourceRefused) as refused:
        source.test(soon())
    assert refused.value.code in {"auth", "forbidden"}
    assert refused.value.field in {bucket.field, "access_key_id"}
    assert "canary" not in str(refused.value)


def test_a_file_that_changes_after_it_was_listed_is_never_mixed(bucket, tmp_path):
    """Another version in its place is an error; read again, it is the new one."""
    with closing(source_of(bucket, tmp_path, "in/orders-*.csv")) as source:
        listed = source._entries

        def listed_then_changed(path, policy, deadline):
            found = listed(path, policy, deadline)
            bucket.put("in/orders-2026-02.csv", b"id,name,amount\n9,z,99.00\n")
            return found

        source._entries = listed_then_changed
        with pytest.raises(SourceRefused) as refused:
            source.discover(soon())
        assert (refused.value.code, refused.value.field) == ("changed", "file_paths")
        source._entries = listed
        [table] = source.discover(soon())
        assert [row["id"] for row in rows_of(source, table)] == [1, 2, 9]


class Counted:
    """Counts the bytes that are asked of a store, and which files are asked for as a whole."""

    def __init__(self, source, monkeypatch):
        self.bytes, self.whole = 0, []
        opened = source._open_bucket

        def open_bucket(*given):
            found = opened(*given)
            read = found.open

            def counted(entry, *, offset=0, length=None):
                self.bytes += length or 0
                self.whole += [] if length else [entry.path]
                return read(entry, offset=offset, length=length)

            monkeypatch.setattr(found, "open", counted)
            return found

        source._open_bucket = open_bucket


@pytest.fixture
def large(bucket, monkeypatch):
    """Put a Parquet file of 4 columns and 40,000 rows, which is read by ranges, and return its rows and its size."""
    monkeypatch.setattr(parsed_files, "RANGED_MIN_BYTES", 100_000)
    draw = random.Random(3)
    rows = {"n": list(range(40_000)), **{name: [draw.randbytes(8).hex() for _ in range(40_000)] for name in "abc"}}
    sink = io.BytesIO()
    pq.write_table(pa.table(rows), sink, row_group_size=10_000, compression="none")
    bucket.put("large/x.parquet", sink.getvalue())
    return rows, len(sink.getvalue())


def test_large_parquet_is_read_by_ranges(bucket, large, tmp_path, monkeypatch):
    """Its columns are known by its footer; the rows of those that are wanted come by themselves; kept by version."""
    rows, size = large
    with closing(source_of(bucket, tmp_path, "large/*.parquet", cache=tmp_path / "kept")) as source:
        counted = Counted(source, monkeypatch)
        [table] = source.discover(soon())
        assert (table.rows_estimate, table.schema.names) == (40_000, ("n", "a", "b", "c"))
        assert counted.bytes < size / 10
        found = pa.Table.from_batches(list(source.read(table, columns=["n", "b"])))
        assert found.to_pydict() == {"n": rows["n"], "b": rows["b"]}
        assert counted.bytes < size / 2
        first = source.read(table, limit=5)
        assert pa.Table.from_batches(list(first)).to_pydict() == {name: values[:5] for name, values in rows.items()}
        assert [warning.code for warning in first.schema.warnings] == ["limited"]
        assert pa.Table.from_batches(list(source.read(table))).to_pydict() == rows
        assert counted.whole == []
    with closing(source_of(bucket, tmp_path, "large/*.parquet", cache=tmp_path / "kept")) as source:
        counted = Counted(source, monkeypatch)
        [table] = source.discover(soon())
        assert pa.Table.from_batches(list(source.read(table))).to_pydict() == rows
        assert counted.bytes == 0


def test_ranges_of_a_file_that_changed_are_never_mixed(bucket, large, tmp_path):
    """What is read after another version came is an error; so are more bytes than may be fetched."""
    rows, size = large
    with closing(source_of(bucket, tmp_path, "large/x.parquet")) as source:
        [table] = source.discover(soon())
        bucket.put("large/x.parquet", parquet([{"n": 1}]))
        with pytest.raises(SourceRefused) as refused:
            source.read(table)
        assert (refused.value.code, refused.value.field) == ("changed", "file_paths")
    sink = io.BytesIO()
    pq.write_table(pa.table(rows), sink, compression="none")
    bucket.put("large/x.parquet", sink.getvalue())
    limits = SourceLimits(file_bytes=size // 2)
    with closing(source_of(bucket, tmp_path, "large/x.parquet", limits=limits)) as source:
        [table] = source.discover(soon())
        assert pa.Table.from_batches(list(source.read(table, columns=["n"]))).to_pydict() == {"n": rows["n"]}
        with pytest.raises(LimitReached) as refused:
            source.read(table)
        assert (refused.value.code, refused.value.field) == ("limit", "file_paths")


def test_what_did_not_change_is_not_fetched_again(bucket, tmp_path):
    """Parsed files are kept by their version."""
    for changed, fetched in ((None, 2), (None, 0), ("in/orders-2026-02.csv", 1)):
        if changed:
            bucket.put(changed, b"id,name,amount\n9,z,99.00\n")
        with closing(source_of(bucket, tmp_path, "in/orders-*.csv", cache=tmp_path / "kept")) as source:
            [table] = source.discover(soon())
            assert source._tables.parsed_files == fetched
            assert [row["id"] for row in rows_of(source, table)] == [1, 2, 9 if changed else 3]


def test_files_that_are_too_large_or_too_many_are_an_error(bucket, tmp_path):
    """Never a part of what was asked for."""
    for limits, code in ((SourceLimits(file_bytes=10), "limit"), (SourceLimits(files=1), "limit")):
        with closing(source_of(bucket, tmp_path, "in/orders-*.csv", limits=limits)) as source:
            with pytest.raises(LimitReached) as refused:
                source.discover(soon())
            assert (refused.value.code, refused.value.field) == (code, "file_paths")


def test_types_that_differ_are_text_as_it_was_written(bucket, tmp_path):
    """A number in one file and a code in another: no digit of either changes."""
    bucket.put("t/a.csv", b"code,n,d\n1,1,2026-01-01\n2,3,2026-01-02\n")
    bucket.put("t/b.csv", b"code,n,d\n1x,2.5,2026-01-01 10:00:00\n")
    with closing(source_of(bucket, tmp_path, "t/*.csv")) as source:
        [table] = source.discover(soon())
        found = rows_of(source, table)
    assert [row["code"] for row in found] == ["1", "2", "1x"]
    assert [Decimal(str(row["n"])) for row in found] == [1, 3, Decimal("2.5")]


@pytest.mark.slow
def test_many_files_are_one_table(bucket, tmp_path):
    """Equal to what was written, in the order of their names."""
    count = size(40, 1000)
    numbers = list(range(count))
    random.Random(5).shuffle(numbers)
    for number in numbers:
        bucket.put(f"many/part-{number:04}.parquet", parquet([{"n": number, "t": f"t{number}"}]))
    with closing(source_of(bucket, tmp_path, "many/part-*.parquet")) as source:
        [table] = source.discover(SourceDeadline(3600))
        assert (table.name, len(table.origin), table.rows_estimate) == ("part", count, count)
        assert rows_of(source, table) == [{"n": n, "t": f"t{n}"} for n in range(count)]


def test_an_assumed_role_asks_with_its_own_keys(moto_s3, tmp_path):
    """The token service is asked once, and what it gives is what the bucket is asked with."""
    place = with_files(S3Bucket(moto_s3))
    role = {"role_arn": "arn:aws:iam::123456789012:role/reader"}
    with closing(source_of(place, tmp_path, "in/customers.ndjson", **role)) as source:
        [table] = source.discover(soon())
        assert rows_of(source, table) == [{"id": 1, "email": "x@y.z"}]


def test_a_key_that_is_none_is_refused():
    """The JSON of something else is no key, and is not shown."""
    given = {"bucket": "b", "file_paths": ["a"], "service_account_key": json.dumps({"type": "user", "x": "canary-1"})}
    with pytest.raises(SourceRefused) as refused:
        open_source("gcs", given, SourceContext())
    assert refused.value.field == "service_account_key"
    assert "canary" not in str(refused.value)

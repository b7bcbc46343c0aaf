"""Snapshots under an object store, against a real S3 server."""

import uuid
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.config import Config

from filesync_dagster.core.errors import ConfigError, NotWritable, SnapshotCorrupt, SnapshotMissing, StorageError
from filesync_dagster.storage.snapshots import SnapshotStore, parquet
from filesync_dagster.storage.snapshots.cache import KEEP
from filesync_dagster_tests.servers import rclone_s3

DAY = date(2026, 3, 1)


@pytest.fixture(scope="module")
def s3_server(tmp_path_factory):
    """A server that caches folders, as it does by default: without that, it hangs now and then on writes."""
    root = tmp_path_factory.mktemp("s3") / "buckets"
    root.mkdir()
    with rclone_s3(root) as server:
        yield server


@pytest.fixture
def bucket(s3_server):
    """The folder of a bucket of the server."""
    name = f"bucket-{uuid.uuid4().hex[:16]}"
    s3_server.client().create_bucket(Bucket=name)
    return s3_server.root / name


def opened(s3_server, bucket, cache, **options):
    """A store below a prefix of the bucket."""
    place = urlsplit(s3_server.endpoint_url)
    url = f"s3://{bucket.name}/pre/fix/?endpoint_override={place.netloc}&scheme=http&region=us-east-1"
    keys = {"aws_access_key_id": s3_server.access_key_id, "aws_secret_access_key": s3_server.secret_access_key}
    return SnapshotStore(url, cache, keys | options)


def write(store, con, sync_id="s1", query="SELECT * FROM files"):
    """Store the files of `con`."""
    return store.write(con, query, "snapshots", "docs", DAY, sync_id)


def test_a_snapshot_goes_to_the_store_and_comes_back(s3_server, bucket, con, tmp_path):
    """Another machine, with an empty cache, reads what was written; a second look needs no store."""
    stored = write(opened(s3_server, bucket, tmp_path / "here"), con)
    assert stored.uri == f"s3://{bucket.name}/pre/fix/snapshots/docs/2026-03-01/s1.parquet"
    assert (bucket / "pre/fix/snapshots/docs/2026-03-01/s1.parquet").stat().st_size == stored.bytes
    assert not [path for path in (tmp_path / "here").rglob("*") if path.is_file()]
    there = opened(s3_server, bucket, tmp_path / "there")
    path = there.local(stored.uri)
    assert con.execute(f"SELECT count(*) FROM {parquet([path])}").fetchall() == [(1000,)]
    s3_server.client().delete_object(Bucket=bucket.name, Key="pre/fix/snapshots/docs/2026-03-01/s1.parquet")
    assert there.local(stored.uri) == path
    assert not there.exists(stored.uri)


def test_a_missing_or_damaged_object_is_said_to_be(s3_server, bucket, con, tmp_path):
    """And a damaged copy does not stay in the cache: once the object is right again, so is the answer."""
    store = opened(s3_server, bucket, tmp_path)
    stored = write(store, con)
    at = {"Bucket": bucket.name, "Key": "pre/fix/snapshots/docs/2026-03-01/s1.parquet"}
    client = s3_server.client()
    whole = client.get_object(**at)["Body"].read()
    client.put_object(**at, Body=whole[:-10])
    with pytest.raises(SnapshotCorrupt, match=stored.uri):
        store.local(stored.uri)
    client.put_object(**at, Body=whole)
    assert store.local(stored.uri).read_bytes() == whole
    for uri in (stored.uri.replace("s1", "s2"), "s3://elsewhere/snapshots/docs/2026-03-01/s1.parquet"):
        with pytest.raises(SnapshotMissing, match=uri):
            store.local(uri)


def test_the_cache_keeps_the_copies_used_last(s3_server, bucket, con, tmp_path):
    """It does not grow with the number of syncs."""
    store = opened(s3_server, bucket, tmp_path)
    uris = [write(store, con, f"s{n}", "SELECT * FROM files LIMIT 1").uri for n in range(KEEP + 3)]
    copies = [store.local(uri) for uri in uris]
    assert [copy.exists() for copy in copies] == [False] * 3 + [True] * KEEP


def test_objects_are_deleted_and_swept(s3_server, bucket, con, tmp_path):
    """Deleting is idempotent and empties the cache; sweeping leaves what is referenced or young."""
    store = opened(s3_server, bucket, tmp_path)
    kept, lost, gone = (write(store, con, name).uri for name in ("kept", "lost", "gone"))
    copy = store.local(gone)
    for _ in range(2):
        store.delete([gone])
    assert not copy.exists()
    assert store.sweep({kept}, timedelta(hours=1)) == 0
    assert store.sweep({kept}, timedelta(seconds=-60)) == 1
    assert (store.exists(kept), store.exists(lost)) == (True, False)


@pytest.mark.parametrize(
    ("what", "options", "error", "said"),
    [
        ("a wrong secret", {"aws_secret_access_key": "wrong"}, NotWritable, r"refused access to s3://.*s1\.parquet"),
        ("nobody answers", {"endpoint_url": "http://127.0.0.1:1"}, StorageError, r"did not do .* s3://.*s1\.parquet"),
    ],
)
def test_a_store_that_does_not_do_it_is_one_sentence(s3_server, bucket, con, tmp_path, what, options, error, said):
    """Errors of the transport do not get through, and nothing stays behind."""
    store = opened(s3_server, bucket, tmp_path, config=Config(retries={"total_max_attempts": 1}), **options)
    for work in (lambda: write(store, con), lambda: store.exists(f"s3://{bucket.name}/pre/fix/snapshots/s1.parquet")):
        with pytest.raises(error, match=said) as raised:
            work()
        assert "\n" not in str(raised.value)
    assert not [path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]


def test_a_bucket_that_is_not_there_is_said_to_be(s3_server, con, tmp_path):
    """Not that the file is missing: the setting is wrong."""
    store = opened(s3_server, Path("no-such-bucket"), tmp_path)
    with pytest.raises(StorageError, match=r"did not do .* s3://no-such-bucket/.*NoSuchBucket"):
        write(store, con)


def test_other_urls_are_refused_at_once(tmp_path):
    """A snapshot root is a folder or s3://."""
    with pytest.raises(ConfigError, match="gs://bucket"):
        SnapshotStore("gs://bucket/prefix", tmp_path)


def test_credentials_of_the_environment_are_those_of_now(s3_server, bucket, con, tmp_path, monkeypatch):
    """Who changes them within a process gets in with the new ones, whatever was asked before."""
    place = urlsplit(s3_server.endpoint_url)
    url = f"s3://{bucket.name}/mine?endpoint_override={place.netloc}&scheme=http&region=us-east-1"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "else")
    with pytest.raises(NotWritable, match="refused access"):
        write(SnapshotStore(url, tmp_path / "first"), con)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.secret_access_key)
    stored = write(SnapshotStore(url, tmp_path / "second"), con)
    assert stored.uri.startswith(f"s3://{bucket.name}/mine/")

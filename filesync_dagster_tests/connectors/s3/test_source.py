import json
import socket
import subprocess
import sys

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from pydantic import ValidationError

from filesync_dagster.connectors.aws.credentials import aws_session
from filesync_dagster.connectors.s3 import S3Details, open_s3
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.core.errors import AuthenticationFailed, NotFound, Unreachable
from filesync_dagster.core.model import Meter, from_storable_text
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.s3.fake_store import FakeStore, listed_ids, listing, row
from filesync_dagster_tests.connectors.s3.place import FILE_NAMES, KEYS, S3Place
from filesync_dagster_tests.servers import recorded


def rows(source):
    """Return the rows of a listing by key."""
    return {row["external_id"]: row for page in source.list("") for row in page.batch.to_pylist()}


@pytest.mark.parametrize(("server", "names"), [("moto_s3", KEYS), ("s3_server", FILE_NAMES)])
def test_the_same_as_boto3(request, server, names):
    """What boto3's own paginator lists is what is listed, key by key and field by field."""
    place = S3Place(request.getfixturevalue(server), names)
    for name in names:
        place.write(name, name.encode())

    source = place.open(Meter(), page_size=4)
    found = rows(source)
    source.close()

    paginator = place.server.client().get_paginator("list_objects_v2")
    expected = [o for page in paginator.paginate(Bucket=place.bucket) for o in page["Contents"]]
    assert len(expected) == len(names)
    assert {o["Key"]: (o["Size"], o["LastModified"], o["ETag"].strip('"')) for o in expected} == {
        from_storable_text(key).decode(): (row["size"], row["modified_at"], row["version"])
        for key, row in found.items()
    }


def test_a_row(moto_s3):
    """Every column of an object."""
    place = S3Place(moto_s3, (), prefix="drawings/draw", include_owner=True, include_permissions=True)
    place.write("er/Größe+1.PDF", b"a")

    source = place.open(Meter())
    (found,) = rows(source).values()
    source.close()

    assert found["external_id"] == "drawings/drawer/Größe+1.PDF"
    assert found["path"] == "drawer/Größe+1.PDF"
    assert found["name"] == "Größe+1.PDF"
    assert (found["scope"], found["parent_id"], found["kind"], found["trashed"]) == ("", None, "file", False)
    assert (found["size"], found["mime_type"]) == (1, "application/pdf")
    assert found["version"] == "0cc175b9c0f1b6a831c399e269772661"
    assert found["content_hash"] == "md5:0cc175b9c0f1b6a831c399e269772661"
    assert found["link"] == f"s3://{place.bucket}/drawings/drawer/Größe+1.PDF"
    assert json.loads(found["metadata"])["storage_class"] == "STANDARD"
    assert found["owner"]
    (grant,) = json.loads(found["permissions"])["grants"]
    assert grant == {"grantee": found["owner"], "permission": "FULL_CONTROL"}


@pytest.mark.parametrize(
    ("etag", "provider", "content_hash"),
    [
        ("&quot;0cc175b9c0f1b6a831c399e269772661-3&quot;", "aws", "etag:0cc175b9c0f1b6a831c399e269772661-3"),
        ("0CC175B9C0F1B6A831C399E269772661", "aws", "md5:0cc175b9c0f1b6a831c399e269772661"),
        ("0cc175b9c0f1b6a831c399e269772661", "storj", "etag:0cc175b9c0f1b6a831c399e269772661"),
        ("", "aws", None),
    ],
)
def test_an_etag_is_a_hash_only_where_it_is_one(etag, provider, content_hash):
    """An upload in parts, and some stores, have ETags that are no MD5."""
    store = FakeStore([], lambda *_: httpx.Response(200, text=listing(row(b"a", etag) + row(b"b"))))
    source, _ = store.source(provider=provider)

    assert rows(source)["a"]["content_hash"] == content_hash
    source.close()


def test_keys_that_are_not_text():
    """Bytes that no database can store are escaped, and kept in the metadata."""
    source, _ = FakeStore([b"a\xff.txt", b"b\x00c"]).source()

    found = rows(source)
    source.close()

    assert set(found) == {"a\\xff.txt", "b\\x00c"}
    assert json.loads(found["a\\xff.txt"]["metadata"])["key_hex"] == b"a\xff.txt".hex()


def test_keys_that_look_like_escaped_ones_are_told_apart():
    """What is written out in a key is not the byte that it would stand for."""
    keys = [b"a\x00b", rb"a\x00b", b"\xff", rb"\xff", rb"\x5cxff", rb"\x5c", b"\\"]
    source, _ = FakeStore(keys).source()

    found = rows(source)
    source.close()

    assert {from_storable_text(external_id) for external_id in found} == set(keys)
    assert len(found) == len(keys)


def test_public_buckets_need_no_credentials(moto_s3):
    """Anonymous requests carry no signature."""
    place = S3Place(moto_s3, ())
    place.write("a", b"")
    with recorded(moto_s3.endpoint_url) as proxy:
        details = S3Details(bucket=place.bucket, endpoint_url=proxy.endpoint_url, anonymous=True)
        source = S3Source(details, Meter(), policy=IMPATIENT)
        assert listed_ids(source) == ["a"]
        assert source.check().problems == ()
        source.close()
    assert len(proxy.requests) == 3
    assert not any("Signature" in request for request in proxy.requests)


def test_calls_are_those_that_the_server_sees(s3_server):
    """The meter counts every request."""
    place = S3Place(s3_server, ())
    for number in range(30):
        place.write(f"{number}", b"")
    meter = Meter()
    with recorded(s3_server.endpoint_url) as proxy:
        details = s3_server.details(place.bucket, page_size=7) | {"endpoint_url": proxy.endpoint_url}
        source = S3Source(S3Details(**details), meter, policy=IMPATIENT)
        listed_ids(source)
        source.close()
    assert meter.api_calls == len(proxy.requests) >= 5


def test_an_address_with_a_path(s3_server):
    """Everything is asked for, and signed, below the path of the store's address."""
    place = S3Place(s3_server, ())
    folder = s3_server.root / place.bucket / "eng"
    folder.mkdir()
    (folder / "a +%.txt").write_bytes(b"a")
    asked = []

    def strip(path):
        asked.append(path)
        return path.replace("/storage/v1/s3", "", 1)

    def sign(method, url):
        request = AWSRequest(method, url)
        S3SigV4Auth(Credentials(s3_server.access_key_id, s3_server.secret_access_key), "s3", "us-east-1").add_auth(
            request
        )
        return dict(request.headers.items())

    with recorded(s3_server.endpoint_url, ask=strip, sign=sign) as proxy:
        details = s3_server.details(place.bucket, endpoint_url=f"{proxy.endpoint_url}/storage/v1/s3")
        source = S3Source(S3Details(**details), Meter(), policy=IMPATIENT)
        assert listed_ids(source) == ["eng/a +%.txt"]
        assert [page.batch.num_rows for page in source.lookup(["eng/a +%.txt", "eng/none"], "")] == [1]
        assert source.check().problems == ()
        source.close()
    assert all(path.startswith(f"/storage/v1/s3/{place.bucket}") for path in asked)
    assert any("versioning" in path for path in asked)


@pytest.mark.parametrize("path", ["", "/storage/v1/s3"])
def test_the_path_of_an_address_is_signed(path):
    """The signature is of what is sent, as botocore makes it."""
    store = FakeStore(["a"])
    requests = []
    store.answer, answer = (lambda request: requests.append(request) or answer(request)), store.answer
    keys = {"access_key_id": "AKIA", "secret_access_key": "hush", "anonymous": False}
    source, _ = store.source(endpoint_url=f"https://x.supabase.co{path}", **keys)
    assert listed_ids(source) == ["a"]
    source.close()

    [request] = requests
    assert request.url.path == f"{path}/eng"
    signed = AWSRequest("GET", str(request.url), headers={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    signed.context["timestamp"] = request.headers["x-amz-date"]
    auth = S3SigV4Auth(Credentials("AKIA", "hush"), "s3", "us-east-1")
    assert auth.canonical_request(signed).splitlines()[1] == f"{path}/eng"


def test_wrong_credentials(s3_server):
    """The store's refusal comes with what to do, and without the secret."""
    place = S3Place(s3_server, ())
    for change in ({"access_key_id": "AKIANOBODYKNOWSME"}, {"secret_access_key": "wrong-secret"}):
        details = S3Details(**(s3_server.details(place.bucket) | change))
        source = S3Source(details, Meter(), policy=IMPATIENT)
        with pytest.raises(AuthenticationFailed, match="Check access_key_id") as caught:
            source.check()
        assert "wrong-secret" not in str(caught.value)
        source.close()


def test_a_missing_bucket(s3_server):
    """It is not an empty one."""
    source = S3Source(S3Details(**s3_server.details("no-such-bucket")), Meter(), policy=IMPATIENT)
    with pytest.raises(NotFound, match="no-such-bucket"):
        listed_ids(source)
    source.close()


def test_an_unreachable_store():
    """No connection: the address is named."""
    details = S3Details(bucket="eng", endpoint_url="http://127.0.0.1:9", anonymous=True)
    source = S3Source(details, Meter(), policy=IMPATIENT)
    with pytest.raises(Unreachable, match=r"http://127\.0\.0\.1:9"):
        source.check()
    source.close()


def test_no_credentials_and_no_metadata_service(monkeypatch, tmp_path):
    """Without credentials nothing is contacted to find some, least of all the address of a metadata service."""
    contacted = []
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: contacted.append(address))
    config = tmp_path / "config"
    config.write_text(
        "[profile borrowed]\nrole_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Ec2InstanceMetadata\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/role")
    monkeypatch.setenv("AWS_DEFAULTS_MODE", "auto")

    for profile in (None, "borrowed"):
        source = S3Source(S3Details(bucket="eng", profile=profile), Meter(), policy=IMPATIENT)
        with pytest.raises(AuthenticationFailed):
            source.check()
        source.close()

    assert contacted == []


def test_the_metadata_service_is_a_choice():
    """With use_instance_metadata the chain is the usual one."""
    usual, ours = (
        {p.METHOD for p in aws_session(None, use_instance_metadata=use).get_component("credential_provider").providers}
        for use in (True, False)
    )  # fmt: skip
    assert usual - ours == {"iam-role", "container-role"}


@pytest.mark.parametrize(
    ("endpoint_url", "details", "url"),
    [
        (None, {}, "https://eng.s3.us-east-1.amazonaws.com/"),
        (None, {"region": "cn-north-1"}, "https://eng.s3.cn-north-1.amazonaws.com.cn/"),
        (None, {"bucket": "a.b"}, "https://s3.us-east-1.amazonaws.com/a.b"),
        (None, {"addressing_style": "path"}, "https://s3.us-east-1.amazonaws.com/eng"),
        ("http://localhost:9000", {"provider": "aws"}, "http://localhost:9000/eng"),
        ("https://minio.example.com/", {}, "https://minio.example.com/eng"),
        ("https://minio.example.com", {"addressing_style": "virtual"}, "https://eng.minio.example.com/"),
        ("https://x.supabase.co/storage/v1/s3", {}, "https://x.supabase.co/storage/v1/s3/eng"),
        ("https://x.supabase.co/storage/v1/s3/", {}, "https://x.supabase.co/storage/v1/s3/eng"),
        ("https://x.example.com/s3", {"addressing_style": "virtual"}, "https://eng.x.example.com/s3/"),
    ],
)
def test_addresses(endpoint_url, details, url):
    """Where the bucket goes in the URL."""
    given = {"bucket": "eng", "anonymous": True, "endpoint_url": endpoint_url} | details
    source = S3Source(S3Details(**given), Meter())

    assert source._transport.bucket_url == url
    source.close()


@pytest.mark.parametrize(
    "details",
    [
        {"bucket": "eng", "access_key_id": "x"},
        {"bucket": "eng", "session_token": "x"},
        {"bucket": "eng", "anonymous": True, "profile": "x"},
        {"bucket": "eng", "provider": "nobody"},
        {"bucket": "eng", "bukket": "x"},
        {"bucket": "a/b"},
        {"bucket": "eng", "endpoint_url": "minio:9000"},
        {"bucket": "eng", "endpoint_url": "https://minio.example.com/s3?x=1"},
        {"bucket": "eng", "endpoint_url": "https://key:secret@minio.example.com/s3"},
        {"bucket": "eng", "page_size": 1001},
        {},
    ],
)
def test_details_that_cannot_be_meant(details):
    """Contradictions and misspelt keys are refused when they are read."""
    with pytest.raises(ValidationError):
        S3Details(**details)


def test_secrets_do_not_show():
    """Printing the details prints no secret."""
    details = S3Details(bucket="eng", access_key_id="AK", secret_access_key="hush", session_token="hush")
    assert "hush" not in repr(details) + str(details.model_dump()) + details.model_dump_json()


def test_the_face_is_light():
    """Importing the package and making details loads neither boto3 nor an HTTP client."""
    script = (
        "import sys; from filesync_dagster.connectors.s3 import S3Details, open_s3; S3Details(bucket='b');"
        "print([m for m in ('boto3', 'botocore', 'httpx', 'lxml') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_opening_makes_no_call():
    """A source of an unreachable store can be made and closed."""
    meter = Meter()
    open_s3(S3Details(bucket="eng", endpoint_url="http://127.0.0.1:9", anonymous=True), meter).close()
    assert meter.api_calls == 0


@pytest.mark.parametrize("server", ["moto_s3", "s3_server"])
@pytest.mark.parametrize(
    ("prefix", "says"),
    [
        ("drawngs/", "Nothing is below drawngs/ (did you mean drawings/?)."),
        ("drawings/2o26/", "Nothing is below drawings/2o26/ (did you mean drawings/2026/?)."),
        ("drawngs/2026/", "Nothing is below drawngs/2026/ (did you mean drawings/?)."),
        ("zzz", "Nothing is below zzz."),
        ("drawings/2026/", None),
        ("draw", None),
        ("", None),
    ],
)
def test_a_misspelt_prefix_is_recognised(request, server, prefix, says):
    """By what is beside it, at whatever depth it was misspelt."""
    place = S3Place(request.getfixturevalue(server), ())
    for key in ("drawings/2026/a.dwg", "models/b.ifc"):
        place.write(key, b"1")

    source = S3Source(S3Details(**place.server.details(place.bucket, prefix=prefix)), Meter(), policy=IMPATIENT)
    try:
        assert source.explain_emptiness() == says
    finally:
        source.close()

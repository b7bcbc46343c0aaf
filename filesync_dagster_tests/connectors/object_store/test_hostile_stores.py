"""Stores that begin a listing elsewhere than they are told to: nothing is missing, whatever they do."""

from urllib.parse import parse_qsl, quote, urlsplit

import httpx
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.connectors.s3 import S3Details
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import Meter
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.s3.fake_store import FakeStore, listed_ids, listing, row
from filesync_dagster_tests.servers import recorded

HABITS = ("skips", "ignores", "inclusive", "late", "nothing", "honest")


class HostileStore(FakeStore):
    """A store with a habit: what it does with a place to begin that is (or is not) a key."""

    def __init__(self, keys, habit, **others):
        super().__init__(keys, **others)
        self.habit = habit
        self.deleted = set()

    def listing(self, query):
        begin = next((name for name in ("start-after", "marker") if query.get(name)), None)
        if begin is None:
            return super().listing(query)
        after = query[begin].encode("utf-8", "surrogateescape")
        moved = begun_at(self.keys, after, self.habit, query.get("prefix", "").encode())
        rest = {name: value for name, value in query.items() if name != begin}
        return super().listing(rest if moved is None else {**rest, begin: moved.decode("utf-8", "surrogateescape")})


def begun_at(keys, after, habit, prefix=b""):
    """Return after which key a store with a habit really begins; None is at its first key."""
    above = [key for key in keys if key > after and key.startswith(prefix)]
    below = [key for key in keys if key < after]
    if habit == "ignores":
        return None
    if habit == "inclusive":
        return below[-1] if below else None
    if habit == "skips" and after not in keys and above:
        return above[0]
    if habit == "late" and after not in keys and len(above) > 3:
        return above[3]
    if habit == "nothing" and after not in keys and keys:
        return keys[-1]
    return after


KEYS = st.sets(st.text(st.sampled_from("abcé/"), min_size=1, max_size=4), max_size=60)


@settings(max_examples=120, deadline=None)
@given(
    keys=KEYS,
    landmarks=st.lists(st.text(st.sampled_from("abcé/"), min_size=1, max_size=4), max_size=30),
    habit=st.sampled_from(HABITS),
    provider=st.sampled_from(["aws", "generic", "ceph"]),
    workers=st.sampled_from([1, 2, 5]),
    page_size=st.integers(1, 7),
)
def test_no_key_is_missing(keys, landmarks, habit, provider, workers, page_size):
    """Whatever the store does with where a listing shall begin, each key is listed."""
    store = HostileStore(keys, habit)
    if provider == "ceph" and habit in {"ignores", "inclusive"}:
        habit = "skips"  # a store without tokens that begins before the marker cannot be listed by anybody
    store.habit = habit
    source, _ = store.source(provider=provider, list_workers=workers, page_size=page_size)

    found = listed_ids(source, landmarks=sorted(landmarks))
    source.close()

    assert set(found) == keys


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_no_key_is_missing_after_an_interruption(data):
    """Nor when the listing resumes while keys go: what is there all the time is listed before, or after."""
    keys = sorted(data.draw(KEYS))
    store = HostileStore(keys, data.draw(st.sampled_from(HABITS)), page_size=data.draw(st.integers(1, 5)))
    source, _ = store.source(provider="aws", list_workers=3)
    taken, before, checkpoint = data.draw(st.integers(1, 12)), set(), None
    pages = source.list("", None, data.draw(st.lists(st.sampled_from(keys or ["a"]), max_size=20).map(sorted)))
    for page in pages:
        before.update(page.batch["external_id"].to_pylist())
        checkpoint = page.checkpoint
        taken -= 1
        if not taken:
            break
    pages.close()
    gone = data.draw(st.sets(st.sampled_from(keys or ["a"])))
    store.keys = [key for key in store.keys if key.decode() not in gone]

    after = set(listed_ids(source, checkpoint))
    source.close()

    assert set(keys) - gone <= before | after <= set(keys)


def test_where_an_interrupted_listing_goes_on_is_proved():
    """When all keys are gone at which it had got to, it begins anew: the next one may be left out there."""
    store = HostileStore([f"k{number}" for number in range(10)], "skips", page_size=2)
    source, _ = store.source(provider="aws", list_workers=1)
    pages = source.list("")
    next(pages)
    checkpoint = next(pages).checkpoint
    pages.close()
    store.keys = [key for key in store.keys if not b"k1" <= key <= b"k3"]

    assert listed_ids(source, checkpoint) == ["k0", *(f"k{number}" for number in range(4, 10))]
    source.close()


@settings(max_examples=40, deadline=None)
@given(keys=KEYS, gone=st.lists(st.integers(0, 59), max_size=20), page_size=st.integers(2, 7))
def test_no_key_is_missing_where_the_last_one_is_deleted(keys, gone, page_size):
    """A store without tokens is asked for what follows a key. Keys go while it is listed; all others are there."""
    deleted = []

    def fault(number, query, answer):
        if "marker" in query and gone and store.keys:
            key = store.keys[gone.pop() % len(store.keys)]
            deleted.append(key.decode())
            store.keys.remove(key)
            return httpx.Response(200, text=store.listing(query))
        return None

    store = HostileStore(keys, "skips", fault=fault)
    source, _ = store.source(provider="ceph", list_workers=1, page_size=page_size)

    found = set(listed_ids(source))
    source.close()

    assert keys - set(deleted) <= found <= keys


def paged(pages):
    """Return the fault of a store that answers with endless pages; `pages` makes the rows of the n-th."""

    def fault(number, query, answer):
        token = f"<NextContinuationToken>{number:06x}</NextContinuationToken>"
        return httpx.Response(200, text=listing(pages(number), truncated=True, token=token))

    return fault


@pytest.mark.parametrize(
    ("provider", "pages"),
    [
        ("aws", lambda number: row(b"a") + row(b"b")),
        ("unordered", lambda number: row(b"a") + row(b"b")),
        ("aws", lambda number: row(b"a") if number % 2 else row(b"b")),
        ("unordered", lambda number: row(b"a") if number % 2 else row(b"b")),
        ("aws", lambda number: "" if number > 1 else row(b"a")),
    ],
)
def test_pages_without_end_come_to_one(pages, provider):
    """Under fresh tokens, with nothing new: the listing ends with a sentence, and each page is told of meanwhile."""
    source, meter = FakeStore([], paged(pages)).source(provider=provider)
    came = []

    with pytest.raises(ProtocolViolation, match="repeats itself"):
        came.extend(source.list(""))
    source.close()

    assert len(came) >= meter.api_calls - 1
    assert meter.api_calls < 1100


@pytest.fixture(scope="module")
def many_files(s3_server):
    """Return a bucket with 12,000 objects, and their keys."""
    bucket = s3_server.bucket()
    keys = [f"d{number % 12:02}/k{number:05}" for number in range(12_000)]
    for folder in sorted({key.partition("/")[0] for key in keys}):
        (s3_server.root / bucket / folder).mkdir()
    for key in keys:
        (s3_server.root / bucket / key).touch()
    return bucket, sorted(keys)


@pytest.mark.parametrize(
    "habit", ["skips", *(pytest.param(habit, marks=pytest.mark.slow) for habit in ("ignores", "inclusive"))]
)
def test_all_of_twelve_thousand(s3_server, many_files, habit):
    """A real server behind a proxy with a habit; the landmarks are keys that were deleted since."""
    bucket, keys = many_files
    raw = [key.encode() for key in keys]

    def ask(path):
        query = dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
        if not query.get("start-after") or "delimiter" in query:
            return path
        moved = begun_at(raw, query.pop("start-after").encode(), habit)
        query |= {} if moved is None else {"start-after": moved.decode()}
        return f"{urlsplit(path).path}?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())

    def sign(method, url):
        request = AWSRequest(method, url)
        credentials = Credentials(s3_server.access_key_id, s3_server.secret_access_key)
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
        return dict(request.headers.items())

    with recorded(s3_server.endpoint_url, ask=ask, sign=sign) as proxy:
        details = s3_server.details(bucket, provider="aws", page_size=250) | {"endpoint_url": proxy.endpoint_url}
        source = S3Source(S3Details(**details), Meter(), policy=IMPATIENT)
        found = listed_ids(source, landmarks=[f"{key}-deleted" for key in keys[::100]])
        source.close()

    assert len(set(found)) == 12_000
    assert set(found) == set(keys)
    assert sum("deleted" in request for request in proxy.requests) >= 3

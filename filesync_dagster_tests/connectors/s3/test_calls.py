"""What the calls of buckets have in common: a pause, an identity, a count."""

import re
import time

import httpx
import pytest

from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.connectors.s3 import S3Details
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.core.errors import AuthenticationFailed
from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.s3.fake_store import ADDRESS, ERROR, FakeStore, listed_ids

ENOUGH = {"access_key_id": "AKIA1", "secret_access_key": "hush"}
MANY = [f"{n:04}" for n in range(400)]


def refusing(code, status, *numbers, headers=None):
    """Return the fault of a store that refuses these requests."""

    def fault(number, query, answer):
        return httpx.Response(status, text=ERROR.format(code), headers=headers) if number in numbers else None

    return fault


@pytest.mark.parametrize(
    ("other", "waits"),
    [
        ({"bucket": "other"}, True),
        ({"access_key_id": "AKIA2"}, False),
        ({"endpoint_url": "https://elsewhere.example.com"}, False),
    ],
)
def test_a_throttled_bucket_holds_back_all_of_its_credential(other, waits):
    """Another bucket with the same key at the same store waits too; another key or another store does not."""
    store = FakeStore(["a"], refusing("SlowDown", 503, 1, headers={"Retry-After": "1"}))
    wire = httpx.MockTransport(store.answer)
    chosen = {"bucket": "eng", "endpoint_url": ADDRESS} | ENOUGH
    one = S3Source(S3Details(**chosen), Meter(), policy=RetryPolicy(attempts=1), wire=wire)
    two = S3Source(S3Details(**(chosen | other)), meter := Meter(), policy=RetryPolicy(retry_after_min=0.3), wire=wire)
    with pytest.raises(Exception, match="SlowDown"):
        listed_ids(one)

    began = time.monotonic()
    assert listed_ids(two) == ["a"]

    assert (meter.throttled_seconds > 0.5) == waits
    assert not waits or time.monotonic() - began > 0.5
    one.close()
    two.close()


def test_no_key_is_shown():
    """Who the tenant is cannot be read from its name."""
    source = S3Source(S3Details(bucket="eng", **ENOUGH), Meter())
    assert re.fullmatch("[0-9a-f]{8}", source._transport.calls.tenant.name)
    source.close()


def test_parallel_ranges_wait_together():
    """Eight threads that are held back for a while have cost that while, not eight of them."""
    store = FakeStore(MANY, refusing("SlowDown", 503, 12, 13, 14, headers={"Retry-After": "0"}), page_size=10)
    wire, meter = httpx.MockTransport(store.answer), Meter()
    policy = RetryPolicy(retry_after_min=0.3)
    source = S3Source(
        S3Details(bucket="eng", endpoint_url=ADDRESS, anonymous=True, provider="aws"), meter, policy=policy, wire=wire
    )
    began = time.monotonic()
    assert sorted(listed_ids(source)) == MANY
    assert 0.25 < meter.throttled_seconds <= time.monotonic() - began
    assert meter.api_calls == len(store.queries)
    source.close()


@pytest.fixture
def profile(tmp_path, monkeypatch):
    """Return what writes the credentials of the profile `work`."""

    def write(key):
        text = f"[work]\naws_access_key_id = {key}\naws_secret_access_key = hush\n"
        (tmp_path / "credentials").write_text(text)

    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    write("OLDKEY")
    return write


def test_expired_credentials_are_looked_up_again(profile):
    """Somebody logs in again while a listing runs: it goes on, and so does what boto3 asks."""

    def fault(number, query, answer):
        if number == 3:
            profile("NEWKEY")
            return httpx.Response(400, text=ERROR.format("ExpiredToken"))
        return None

    store = FakeStore(MANY, fault, page_size=100)
    source, meter = store.source(anonymous=False, profile="work", list_workers=1, provider="aws")
    client = source._administration._client()
    assert source._administration._client() is client

    assert listed_ids(source) == MANY

    assert ["NEWKEY" in signature for signature in store.signatures] == [False, False, False, True, True]
    assert (meter.api_calls, meter.retries) == (5, 1)
    assert source._administration._client() is not client
    source.close()


@pytest.mark.parametrize("details", [{"profile": "work"}, ENOUGH])
def test_credentials_that_stay_wrong_are_refused_soon(profile, details):
    """They are looked up once more where they may have changed, and then it is an error."""
    store = FakeStore(["a"], lambda *_: httpx.Response(403, text=ERROR.format("InvalidAccessKeyId")))
    source, meter = store.source(anonymous=False, **details)
    with pytest.raises(AuthenticationFailed, match="InvalidAccessKeyId"):
        listed_ids(source)
    assert meter.api_calls == (2 if "profile" in details else 1)
    source.close()

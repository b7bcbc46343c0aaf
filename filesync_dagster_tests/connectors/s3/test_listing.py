import json
import re

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation, TemporarilyDown, Throttled
from filesync_dagster_tests.connectors.s3.fake_store import ERROR, FakeStore, listed_ids, listing, row

MANY = [f"d{n % 9}/k{n:04}" for n in range(300)]


@settings(max_examples=60, deadline=None)
@given(
    keys=st.sets(st.text(st.sampled_from("ab/é\uffee😀 +%\x01"), min_size=1, max_size=4), max_size=40),
    landmarks=st.lists(st.text(max_size=4), max_size=10),
    workers=st.sampled_from([1, 2, 5]),
    page_size=st.integers(1, 7),
    provider=st.sampled_from(["aws", "generic", "unordered"]),
)
def test_every_key_comes_exactly_once(keys, landmarks, workers, page_size, provider):
    """Whatever the keys, the cuts, the number of workers and the size of pages."""
    source, _ = FakeStore(keys).source(list_workers=workers, page_size=page_size, provider=provider)

    found = listed_ids(source, landmarks=sorted(landmarks))
    source.close()

    assert sorted(found) == sorted(keys)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_resuming_yields_exactly_the_rest(data):
    """A checkpoint covers what was yielded and nothing else, with several ranges under way."""
    store = FakeStore(MANY, page_size=7)
    landmarks = data.draw(st.lists(st.sampled_from(MANY), max_size=30).map(sorted))
    source, _ = store.source(provider="aws", list_workers=4)
    taken = data.draw(st.integers(1, 40))

    before, checkpoint = [], None
    pages = source.list("", None, landmarks)
    for page in pages:
        before += page.batch["external_id"].to_pylist()
        checkpoint = page.checkpoint
        taken -= 1
        if not taken:
            break
    pages.close()
    after = listed_ids(source, checkpoint)
    source.close()

    assert sorted(before + after) == sorted(MANY)


def test_a_resumed_listing_asks_for_little_more_than_the_rest():
    """Nothing that a checkpoint covers is asked for again, nor are cuts looked for."""
    store = FakeStore(MANY, page_size=10)
    source, meter = store.source(provider="aws", list_workers=4)
    pages = list(source.list("", None, MANY[::10]))
    whole = meter.api_calls
    middle = pages[len(pages) // 2]
    ranges = json.loads(middle.checkpoint)["done"].count(0)

    meter.api_calls = 0
    listed_ids(source, middle.checkpoint)
    source.close()

    assert meter.api_calls <= len(pages) - len(pages) // 2 + 2 * ranges  # the last page of each shows again
    assert meter.api_calls < whole


def test_a_small_bucket_costs_one_request():
    """What fits into a page is neither probed nor cut."""
    source, meter = FakeStore(MANY).source()

    assert listed_ids(source, landmarks=MANY[::10]) == sorted(MANY)
    assert meter.api_calls == 1
    source.close()


def every_page_without_token(number, query, answer):
    """Return the answer without its token."""
    start = answer.find("<NextContinuationToken>")
    return httpx.Response(200, text=answer[:start] + answer[answer.find("<Contents>") :]) if start > 0 else None


def test_truncated_without_a_token():
    """A page that is not the last and does not say where to go on is no end."""
    source, _ = FakeStore(MANY, every_page_without_token, page_size=10).source(provider="aws")

    with pytest.raises(ProtocolViolation, match="without saying where it goes on"):
        listed_ids(source)
    source.close()


@pytest.mark.parametrize("provider", ["aws", "unordered"])
def test_a_repeated_token(provider):
    """A listing that leads back to itself fails instead of going round."""
    same = listing(row(b"a"), truncated=True, token="<NextContinuationToken>61</NextContinuationToken>")
    source, _ = FakeStore([], lambda *_: httpx.Response(200, text=same)).source(provider=provider, list_workers=1)

    with pytest.raises(ProtocolViolation):
        listed_ids(source)
    source.close()


def test_empty_pages_with_repeated_tokens():
    """Not even empty pages may go round."""
    same = listing("", truncated=True, token="<NextContinuationToken>61</NextContinuationToken>")

    def fault(number, query, answer):
        return httpx.Response(200, text=same) if number > 1 else None

    source, _ = FakeStore(MANY, fault, page_size=10).source(provider="aws")
    with pytest.raises(ProtocolViolation, match="repeats itself"):
        listed_ids(source)
    source.close()


def test_an_empty_page_is_not_the_end():
    """Only IsTruncated says where a listing ends, not the number of its rows."""

    def fault(number, query, answer):
        if number != 4:
            return None
        token = f"<NextContinuationToken>{query['continuation-token'].upper()}</NextContinuationToken>"
        return httpx.Response(200, text=listing("", truncated=True, count=0, token=token))

    source, _ = FakeStore(MANY, fault, page_size=10).source(provider="aws", list_workers=1)
    assert listed_ids(source) == sorted(MANY)
    source.close()


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("a key outside the prefix", listing(row(b"other"))),
        ("fewer keys than announced", listing(row(b"a"), count=2)),
        ("not XML", "<ListBucketResult><<</ListBucketResult>"),
        ("a page of a proxy", "<html><body>Sign in</body></html>"),
        ("no word on whether it goes on", "<ListBucketResult></ListBucketResult>"),
        ("a document type", '<!DOCTYPE x [<!ENTITY e "k">]><ListBucketResult></ListBucketResult>'),
    ],
)
def test_answers_that_cannot_be_trusted(what, body):
    """From such an answer nothing may be concluded."""
    prefix = "drawings/" if "prefix" in what else ""
    source, _ = FakeStore([], lambda *_: httpx.Response(200, text=body)).source(provider="aws", prefix=prefix)

    with pytest.raises(ProtocolViolation):
        listed_ids(source)
    source.close()


@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(503, text=ERROR.format("SlowDown")),
        httpx.Response(500, text=ERROR.format("InternalError")),
        httpx.Response(429, headers={"Retry-After": "0"}),
        httpx.Response(502, text="<html>bad gateway"),
        httpx.Response(200, text=ERROR.format("SlowDown")),
        httpx.Response(200, text=ERROR.format("InternalError")),
        httpx.Response(200, text=ERROR.format("SomethingNew")),
        httpx.Response(200, text=""),
        httpx.Response(200, text=" \n"),
        httpx.Response(200, text='<?xml version="1.0"?>'),
        httpx.Response(200, text=listing(row(b"a") + row(b"b"))[:-30]),
        httpx.Response(200, text=listing(row(b"a") + row(b"b"))[:130]),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.ConnectError("refused"),
    ],
)
def test_what_passes_is_asked_again(fault):
    """A hiccup of the store costs a retry, counted, and no entry."""

    def second(number, query, answer):
        return fault if number in {2, 5} else None

    source, meter = FakeStore(MANY, second, page_size=20).source(provider="aws")

    assert sorted(listed_ids(source)) == sorted(MANY)
    assert meter.retries == 2
    source.close()


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (503, "SlowDown", Throttled),
        (500, "InternalError", TemporarilyDown),
        (403, "AccessDenied", AccessDenied),
        (404, "NoSuchBucket", NotFound),
        (200, "SlowDown", Throttled),
        (200, "AccessDenied", AccessDenied),
    ],
)
def test_what_does_not_pass_is_raised_from_any_worker(status, code, error):
    """An error in one range ends the whole listing with that error."""

    def fault(number, query, answer):
        return httpx.Response(status, text=ERROR.format(code)) if query.get("start-after", "") > "d5" else None

    source, _ = FakeStore(MANY, fault, page_size=10).source(provider="aws", list_workers=3)

    with pytest.raises(error, match=f"Bucket eng at https://store.example.com answered {code}"):
        listed_ids(source, landmarks=MANY[::10])
    source.close()


def test_an_expired_token_restarts():
    """A store listed by tokens begins again when the token of a checkpoint is no longer good."""
    expired = []

    def fault(number, query, answer):
        return httpx.Response(400, text=ERROR.format("InvalidArgument")) if number in expired else None

    store = FakeStore(MANY, fault, page_size=10)
    source, _ = store.source(provider="unordered")
    checkpoint = [page.checkpoint for page in source.list("")][5]
    expired.append(len(store.queries) + 1)

    assert listed_ids(source, checkpoint) == sorted(MANY)
    source.close()


def test_the_region_that_a_store_names_is_followed_once():
    """A bucket elsewhere answers with its region; requests are then signed for that."""

    def fault(number, query, answer):
        if number == 1:
            return httpx.Response(301, headers={"x-amz-bucket-region": "eu-central-1"})
        return None

    source, _ = FakeStore(["a"], fault).source(provider="aws")
    assert listed_ids(source) == ["a"]
    assert "eu-central-1" in source.check().sees
    source.close()

    lost, _ = FakeStore(["a"], lambda *_: httpx.Response(301, headers={"x-amz-bucket-region": "eu-west-1"})).source()
    with pytest.raises(NotFound, match="301"):
        listed_ids(lost)
    lost.close()


def test_one_object_with_odd_fields_is_listed():
    """What cannot be read of it is not known; the others are as they are."""
    odd = {
        "LastModified": ["", "Sat, 28 Feb 2026 10:00:00 GMT", "when", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z"],
        "Size": ["", "1.5", "-5", "many", str(2**63)],
        "ETag": ["", "&quot;&quot;", " &quot;x&quot; ", "W/&quot;x&quot;", "&quot;&quot;x"],
    }
    rows_by_key = {}
    for name, values in odd.items():
        for number, value in enumerate(values):
            rows_by_key[f"{name}/{number}"] = re.sub(
                f"<{name}>.*</{name}>", f"<{name}>{value}</{name}>", row(f"{name}/{number}")
            )
    for name in odd:
        rows_by_key[f"no/{name}"] = re.sub(f"<{name}>.*</{name}>", "", row(f"no/{name}"))
    body = listing("".join(rows_by_key[key] for key in sorted(rows_by_key)))
    source, _ = FakeStore([], lambda *_: httpx.Response(200, text=body)).source()

    [page] = source.list("")
    source.close()

    found = {line["external_id"]: line for line in page.batch.to_pylist()}
    assert not page.gaps
    assert found.keys() == rows_by_key.keys()
    assert [found[f"LastModified/{n}"]["modified_at"] is None for n in range(5)] == [True, False, True, True, True]
    assert {found[f"Size/{n}"]["size"] for n in range(5)} == {found["no/Size"]["size"]} == {None}
    assert [found[f"ETag/{n}"]["version"] for n in range(5)] == [None, None, "x", "x", "x"]
    assert found["no/ETag"]["version"] is found["no/LastModified"]["modified_at"] is None
    assert found["LastModified/0"]["size"] == 1


@pytest.mark.parametrize("keyless", [row(b""), row(b"").replace("<Key></Key>", "")])
def test_an_object_without_a_key_is_a_gap(keyless):
    """It is named with all that is told of it, and the others are listed."""
    body = listing(row(b"a") + keyless.replace("STANDARD", "GLACIER") + row(b"c"))
    source, _ = FakeStore([], lambda *_: httpx.Response(200, text=body)).source()

    [page] = source.list("")
    source.close()

    assert page.batch["external_id"].to_pylist() == ["a", "c"]
    [gap] = page.gaps
    assert "without a key" in gap.reason
    assert "GLACIER" in gap.reason


def test_a_key_that_comes_twice_in_a_row_is_listed_once():
    """Some stores list one twice while it is written."""
    body = listing(row(b"a") + row(b"a") + row(b"b"), count=2)
    source, _ = FakeStore([], lambda *_: httpx.Response(200, text=body)).source(provider="minio")

    assert listed_ids(source) == ["a", "b"]
    source.close()


@pytest.mark.parametrize("pages", [["ba", "dc", "e"], ["ab", "dc", "e"]])
def test_pages_out_of_order(pages):
    """A store whose first page is out of order is followed by its tokens; one that only seemed to be in order fails."""

    def fault(number, query, answer):
        rows = "".join(row(key.encode()) for key in pages[number - 1])
        token = f"<NextContinuationToken>0{number}</NextContinuationToken>"
        return httpx.Response(200, text=listing(rows, truncated=number < len(pages), token=token))

    source, _ = FakeStore([], fault).source(provider="aws", list_workers=1)
    if pages[0] == "ba":
        assert listed_ids(source) == list("badce")
    else:
        with pytest.raises(ProtocolViolation, match="out of order"):
            listed_ids(source)
    source.close()

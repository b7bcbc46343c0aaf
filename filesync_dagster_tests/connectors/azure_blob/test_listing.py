"""Tests of listings of containers, whatever the service does with where they shall begin."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
)
from filesync_dagster.core.model import to_storable_text
from filesync_dagster_tests.connectors.azure_blob.fake_service import (
    HABITS,
    FakeService,
    blob,
    listed_ids,
    listing,
    refusal,
)

NAMES = st.sets(st.text("abAB/é\U0001f600\uffee", min_size=1, max_size=4), max_size=60)


@pytest.mark.parametrize("habit", HABITS)
@settings(max_examples=25, deadline=None)
@given(names=NAMES, landmarks=NAMES, workers=st.sampled_from([1, 2, 5]), page_size=st.integers(1, 7))
def test_no_name_is_missing(habit, names, landmarks, workers, page_size):
    """Whatever the service does with where a listing shall begin, each name is listed."""
    source, _ = FakeService(names, habit).source(list_workers=workers, page_size=page_size)

    found = listed_ids(source, landmarks=sorted(landmarks))
    source.close()

    assert set(found) == names


@settings(max_examples=40, deadline=None)
@given(data=st.data(), habit=st.sampled_from(HABITS))
def test_no_name_is_missing_after_an_interruption(data, habit):
    """What is there all the time is listed before, or after; also by a service that has become an older one."""
    names = data.draw(NAMES)
    service = FakeService(names, page_size=data.draw(st.integers(1, 5)))
    source, _ = service.source(list_workers=3)
    before, checkpoint, left = set(), None, data.draw(st.integers(1, 12))
    pages = source.list("", None, sorted(data.draw(NAMES)))
    for page in pages:
        before.update(page.batch["external_id"].to_pylist())
        checkpoint, left = page.checkpoint, left - 1
        if not left:
            break
    pages.close()
    source.close()
    service.habit = habit
    source, _ = service.source(list_workers=3)

    after = set(listed_ids(source, checkpoint))
    source.close()

    assert before | after == names


@settings(max_examples=25, deadline=None)
@given(names=NAMES, page_size=st.integers(1, 7))
def test_an_order_of_their_own(names, page_size):
    """Names that come by UTF-16, as emulators have them, are listed by their markers once that shows."""
    by_utf16 = lambda name: name.encode("utf-16-be")  # noqa: E731 - an order
    source, _ = FakeService(names, "ignores", order=by_utf16).source(page_size=page_size, list_workers=2)

    found = listed_ids(source, landmarks=sorted(names))
    source.close()

    assert set(found) == names


def test_names_are_exact():
    """What XML cannot have comes percent-encoded, and only that; a percent sign in any other name is one."""
    names = ["\ufffe", "\uffff%41", "a%41", "\x01", "trailing.", "..", " a ", "a//b", "a\tb"]
    source, _ = FakeService(names).source()

    found = listed_ids(source)
    source.close()

    assert sorted(found) == sorted(to_storable_text(name.encode()) for name in names)


def test_a_blob_that_is_named_like_the_prefix_is_a_file_in_it():
    """Its path is `./`."""
    source, _ = FakeService(["eng/", "eng/a", "other"]).source(prefix="eng/")

    paths = [path for page in source.list("") for path in page.batch["path"].to_pylist()]
    source.close()

    assert paths == ["./", "a"]


@pytest.mark.parametrize("habit", HABITS)
def test_ranges_of_a_large_container(habit):
    """Landmarks cut the work where the service can begin anywhere; wherever it does, each name is listed."""
    names = [f"k{number:04}" for number in range(2_000)]
    service = FakeService(names, habit, page_size=50)
    source, _ = service.source(list_workers=4)

    found = listed_ids(source, landmarks=[f"{name}-gone" for name in names[::20]])
    source.close()

    assert set(found) == set(names)
    if habit == "as documented":
        assert len({query["startFrom"] for query in service.queries if "startFrom" in query}) >= 2
        assert set(service.versions) == {"2026-06-06"}


def test_an_older_service_is_recognized_once():
    """One request more, then its own version of the protocol."""
    service = FakeService([f"k{number}" for number in range(30)], "old", page_size=10)
    source, _ = service.source()

    assert len(listed_ids(source)) == 30
    assert len(listed_ids(source)) == 30
    source.close()

    assert service.versions == ["2026-06-06", *["2021-12-02"] * 6]
    assert not any("startFrom" in query for query in service.queries)


@pytest.mark.parametrize(
    ("pages", "message", "prefix"),
    [
        (lambda number: listing(blob("a") + blob("b"), f"{number:06}"), "repeats itself", ""),
        (lambda number: listing(blob("a"), "same"), "repeats itself", ""),
        (lambda number: listing("" if number > 1 else blob("a"), f"{number:06}"), "repeats itself", ""),
        (lambda number: listing(blob("other/a")), "outside the prefix", "eng/"),
        (lambda number: "<html><body>Sign in</body></html>", "instead of a listing", ""),
        (lambda number: '<!DOCTYPE x [<!ENTITY a "b">]>' + listing(blob("eng/a")).lstrip("\ufeff").partition("?>")[2],
         "instead of a listing", ""),
    ],
)  # fmt: skip
def test_answers_that_cannot_be_trusted(pages, message, prefix):
    """A listing ends with a sentence, not with what came."""
    service = FakeService([], fault=lambda number, query: httpx.Response(200, text=pages(number)))
    source, meter = service.source(prefix=prefix)

    with pytest.raises(ProtocolViolation, match=message):
        listed_ids(source)
    source.close()

    assert meter.api_calls < 1_100


def test_an_answer_that_breaks_off_is_asked_for_again():
    """And a blob without a name is a gap, not the end."""
    whole = listing(blob("a") + "<Blob><Properties><Content-Length>3</Content-Length></Properties></Blob>" + blob("b"))
    answers = iter([whole[:-40], whole])
    service = FakeService([], fault=lambda number, query: httpx.Response(200, text=next(answers)))
    source, meter = service.source()

    (page,) = source.list("")
    source.close()

    assert page.batch["external_id"].to_pylist() == ["a", "b"]
    assert "without a name" in page.gaps[0].reason
    assert (meter.api_calls, meter.retries) == (2, 1)


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "AuthenticationFailed", AuthenticationFailed),
        (403, "AuthorizationPermissionMismatch", AccessDenied),
        (403, "", AccessDenied),
        (404, "ContainerNotFound", NotFound),
        (409, "ContainerBeingDeleted", NotFound),
        (409, "PublicAccessNotPermitted", AccessDenied),
        (503, "ServerBusy", Throttled),
        (500, "OperationTimedOut", TemporarilyDown),
        (400, "InvalidInput", ProtocolViolation),
    ],
)
def test_refusals(status, code, error):
    """The service's code decides; each has a hint."""
    source, _ = FakeService([], fault=lambda number, query: refusal(status, code)).source()

    with pytest.raises(SourceError) as raised:
        listed_ids(source)
    source.close()

    assert type(raised.value) is error or isinstance(raised.value, error)
    assert raised.value.hint

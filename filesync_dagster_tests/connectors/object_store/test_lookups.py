"""Single keys, looked up: by themselves and in stretches, in stores that promise an order and in those that do not."""

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import CursorLost
from filesync_dagster_tests.connectors.s3.fake_store import FakeStore, listing, row

# Short and of few letters, so that many begin with others and many are asked for that are not there.
KEYS = st.lists(st.text("ab/é", min_size=1, max_size=4), max_size=60, unique=True)


def found(source, keys):
    """Return the ids of what is found."""
    return sorted(row["external_id"] for page in source.lookup(keys, "") for row in page.batch.to_pylist())


@settings(max_examples=40, deadline=None)
@given(
    there=KEYS,
    asked=KEYS,
    page_size=st.integers(1, 20),
    workers=st.sampled_from([1, 3]),
    prefix=st.sampled_from(["", "a"]),
)
def test_what_is_there_is_found_and_nothing_else(there, asked, page_size, workers, prefix):
    """Whatever the keys and the pages: the rows are those of a listing."""
    store = FakeStore(there)
    source, _ = store.source(provider="aws", page_size=page_size, list_workers=workers, prefix=prefix)
    listed = {row["external_id"]: row for page in source.list("") for row in page.batch.to_pylist()}

    rows = [row for page in source.lookup(asked, "") for row in page.batch.to_pylist()]
    source.close()

    assert len(rows) == len({row["external_id"] for row in rows})
    assert {row["external_id"]: row for row in rows} == {key: listed[key] for key in set(asked) & listed.keys()}


def test_a_folder_that_was_uploaded_costs_its_pages():
    """2,000 keys next to each other are 2 pages and little more; far apart each costs a request, and not two."""
    keys = [f"folder/{number:05}" for number in range(2000)]
    together, apart = FakeStore(keys), FakeStore([f"{key}/{n}" for key in keys[:60] for n in range(300)])
    source, meter = together.source(provider="aws", list_workers=1)
    assert found(source, keys) == keys
    assert meter.api_calls < 6

    source, meter = apart.source(provider="aws", list_workers=1)
    some = [f"{key}/0" for key in keys[:60]]
    assert found(source, some) == some
    assert 40 < meter.api_calls < 70


def test_a_store_that_promises_no_order_is_not_believed_at_the_first_key():
    """It shows another key first, but has the one that was asked for."""
    answers = {
        1: listing(row("key-2"), truncated=True, count=1, token="<NextContinuationToken>t</NextContinuationToken>")
    }
    store = FakeStore(["key", "key-2"], lambda number, query, answer: _said(answers.get(number)))
    source, _ = store.source(provider="generic")

    assert found(source, ["key"]) == ["key"]


def test_among_bytes_that_are_no_text_only_a_listing_can_tell():
    """An id may stand for several keys."""
    source, _ = FakeStore(["key"]).source()

    with pytest.raises(CursorLost, match="stands for"):
        found(source, ["\\xff"])


def test_a_page_that_leads_back_proves_nothing():
    """A store that ignores where the page shall begin hides nothing that comes later."""
    store = _careless("start-after")
    source, _ = store.source(provider="aws", list_workers=1)

    assert found(source, MANY) == MANY


def test_a_page_that_begins_late_proves_nothing():
    """Nor does a store that leaves out the next key after one that is none."""
    store = FakeStore(MANY[1::2])
    honest = store.listing

    def skipping(query):
        after = query.get("start-after")
        begun = min((key for key in MANY[1::2] if after and key > after), default=None)
        return honest({**query, "start-after": begun} if begun and after.encode() not in store.keys else query)

    store.listing = skipping
    source, _ = store.source(provider="aws", list_workers=1)

    assert found(source, MANY) == MANY[1::2]


def _denying(*names, status=404):
    """Return a store that shows nothing of some keys when it is asked for them alone."""

    def fault(number, query, answer):
        return httpx.Response(200, text=listing("")) if query.get("prefix") in names else None

    return fault


def test_an_empty_answer_removes_nothing():
    """That a store lists nothing at a key is no proof: it has the object, and only a listing can tell."""
    source, _ = FakeStore(["a", "b"], _denying("a", "gone")).source()

    with pytest.raises(CursorLost, match="does not list 'a', and does not say that it is gone"):
        found(source, ["a", "b"])
    assert found(source, ["b", "gone"]) == ["b"]


@pytest.mark.parametrize("status", [403, 400, 405, 501])
def test_where_objects_may_not_be_asked_for_a_page_is_the_proof(status):
    """The key is seen among its neighbours, or is not; where there is none on a side, only a listing can tell."""
    keys = ["dir/a", "dir/b", "dir/c", *(f"dir/d{number}" for number in range(9)), "z"]
    store = FakeStore(keys, _denying("dir/b", "dir/b1", "dir/0", "zz"), page_size=5)
    store.head_status = status
    source, _ = store.source()

    assert found(source, ["dir/a", "dir/b1"]) == ["dir/a"]
    assert found(source, ["dir/c", "zz"]) == ["dir/c"]
    with pytest.raises(CursorLost, match="does not list 'dir/b'"):
        found(source, ["dir/b"])
    with pytest.raises(CursorLost, match="does not list 'dir/0'"):
        found(source, ["dir/0"])


def test_a_folder_that_was_deleted_costs_no_more_than_its_keys():
    """Each key is asked for once, a page of what follows now and then."""
    gone = [f"folder/{number:04}" for number in range(200)]
    source, meter = FakeStore(["a", "z"]).source(provider="aws", list_workers=1)

    assert found(source, gone) == []
    assert meter.api_calls < 230


def test_a_store_of_which_nothing_is_known_is_asked_key_by_key():
    """It may ignore where a page shall begin; and how many keys it may have."""
    for ignored in ("start-after", "max-keys"):
        source, _ = _careless(ignored).source(provider="generic", list_workers=1)
        assert found(source, MANY) == MANY


def test_a_store_that_ignores_the_limit_adds_nothing():
    """Only the key that was asked for is told, not those that begin with it."""
    store = FakeStore(["a", "a/1", "a/2"])
    honest = store.listing
    store.listing = lambda query: honest({**query, "max-keys": "1000"})
    source, _ = store.source(provider="aws")

    assert found(source, ["a"]) == ["a"]


MANY = [f"{n:02}" for n in range(40)]


def _careless(ignored):
    """Return a store that does not care for a parameter."""
    store = FakeStore(MANY)
    honest = store.listing
    store.listing = lambda query: honest({"max-keys": "1000"} | {k: v for k, v in query.items() if k != ignored})
    return store


def _said(text):
    return text and httpx.Response(200, text=text)

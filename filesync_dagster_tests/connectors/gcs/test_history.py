"""Tests of buckets as they were."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from filesync_dagster.core.errors import HistoryUnavailable
from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.gcs.place import GcsPlace

STEPS = st.lists(st.tuples(st.sampled_from(["put", "delete", "note"]), st.sampled_from("abcd")), max_size=25)

EACH_STEP = [(step, "a") for step in ("put", "note", "put", "note", "delete", "note")]


def recent_place(*, versioned=False):
    """Return a place whose time is about now, so that what it keeps reaches back to what happens in a test."""
    place = GcsPlace()
    bucket = place.store.buckets["simulated-bucket"]
    place.store.clock.now = int(datetime.now(UTC).timestamp() * 1000) - 3_600_000
    bucket.versioned, bucket.created = versioned, place.store.clock.now - 86_400_000
    return place


def moment(place):
    """Return the time of a place."""
    return datetime.fromtimestamp(place.store.clock.now / 1000, UTC)


def at(source, when, checkpoint=None):
    """Return the objects of a moment, by name."""
    pages = source.list_as_of("", when, checkpoint)
    return {row["external_id"]: row["version"] for page in pages for row in page.batch.to_pylist()}


@settings(max_examples=12, deadline=None)
@given(steps=STEPS, versioned=st.booleans())
@example(steps=EACH_STEP, versioned=False)
@example(steps=EACH_STEP, versioned=True)
def test_every_moment_is_as_it_was(steps, versioned):
    """Overwritten, deleted and written anew, with versions or without: each moment that was noted is told again."""
    place, noted = recent_place(versioned=versioned), []
    source = place.open(Meter(), page_size=3)
    for step, name in steps:
        if step == "put":
            place.write(name, name.encode())
        elif step == "delete" and place.store.buckets["simulated-bucket"].live(name):
            place.delete(name)
        else:
            listed = {r["external_id"]: r["version"] for page in source.list("") for r in page.batch.to_pylist()}
            noted.append((moment(place), listed))
        place.store.clock.tick(1000)

    for when, listed in noted:
        assert at(source, when) == listed
    source.close()


def test_a_listing_of_the_past_resumes():
    """After each page, in either pass."""
    place = recent_place()
    for number in range(25):
        place.write(f"k{number:02}", b"1")
    when = moment(place)
    for number in range(0, 25, 2):
        place.delete(f"k{number:02}")
    source = place.open(Meter(), page_size=4)
    pages = list(source.list_as_of("", when))
    whole = set(at(source, when))

    for done, page in enumerate(pages, start=1):
        before = {name for one in pages[:done] for name in one.batch["external_id"].to_pylist()}
        assert before | set(at(source, when, page.checkpoint)) == whole
    source.close()
    assert len(whole) == 25


def test_what_is_not_kept_cannot_be_told():
    """Without soft deletion, or before it reaches back."""
    place = recent_place(versioned=True)
    source = place.open(Meter())

    assert source.history_start() is not None
    with pytest.raises(HistoryUnavailable, match="reaches back"):
        at(source, datetime.now(UTC) - timedelta(days=8))
    place.store.buckets["simulated-bucket"].soft_delete_seconds = 0
    assert source.history_start() is None
    with pytest.raises(HistoryUnavailable, match="no history"):
        at(source, datetime.now(UTC))
    source.close()

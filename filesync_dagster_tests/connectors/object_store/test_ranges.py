from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.connectors.object_store.ranges import (
    RangeProgress,
    RangeStep,
    cuts_at,
    landmark_bytes,
    pieces_for,
    progress_from,
)
from filesync_dagster.connectors.object_store.store import ObjectPage

KEYS = st.binary(min_size=1, max_size=6)


@given(st.lists(KEYS), st.integers(1, 20), KEYS, KEYS)
def test_every_key_is_in_exactly_one_range(candidates, pieces, after, key):
    """Whatever the cuts are chosen from, the ranges tile the key space: each begins where the one before ends."""
    ranges = RangeProgress("", cuts_at(candidates, pieces, after)).ranges()

    assert ranges[0].after is None
    assert ranges[-1].upto is None
    assert all(left.upto == right.after for left, right in pairwise(ranges))
    assert sum(part.holds(key) for part in ranges) == 1


@given(st.lists(KEYS), st.integers(1, 20), KEYS)
def test_cuts_rise_and_are_no_more_than_asked_for(candidates, pieces, after):
    """All are above what was read already, and there are at most so many pieces."""
    cuts = cuts_at(candidates, pieces, after)

    assert all(cut > after for cut in cuts)
    assert list(cuts) == sorted(set(cuts))
    assert len(cuts) < max(pieces, 2)


@given(st.lists(KEYS, min_size=1), st.data())
def test_a_checkpoint_is_the_progress(candidates, data):
    """Text and back: the same ranges remain, whatever bytes the keys have."""
    progress = RangeProgress("pre", cuts_at(candidates, 5, b"\x00"))
    for part in progress.ranges():
        keys = sorted(data.draw(st.sets(KEYS, max_size=2)))
        back, first = data.draw(st.none() | KEYS), data.draw(st.none() | KEYS)
        progress.note(RangeStep(part.index, ObjectPage(keys), back, first, done=data.draw(st.booleans())))

    restored = progress_from(progress.as_text(), "pre")

    assert restored is not None
    assert list(restored.ranges_left()) == list(progress.ranges_left())


def test_a_checkpoint_of_another_prefix_is_none():
    """Positions below one prefix say nothing about another."""
    assert progress_from(RangeProgress("a/", ()).as_text(), "b/") is None


@given(st.lists(st.text(max_size=5)))
def test_landmarks_are_only_cuts_if_they_can_be_keys(landmarks):
    """What is outside the prefix, or cannot be sent, is no cut."""
    marks = landmark_bytes(["pre/\x00", "pre/\ud800x", *landmarks], b"pre/")

    assert all(mark.startswith(b"pre/") and b"\x00" not in mark for mark in marks)


def test_small_buckets_are_not_cut():
    """The share of landmarks in the first page tells how many pages follow."""
    marks = [bytes([n]) for n in range(1, 101)]

    assert pieces_for(marks, bytes([60]), most=24) == 1
    assert pieces_for(marks, bytes([5]), most=24) == 2
    assert pieces_for(marks, bytes([1]), most=8) == 8

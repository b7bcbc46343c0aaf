"""What every source must do when its store fails: the truth, or an error. Never less than there is, silently."""

from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from filesync_dagster.connectors.base import IncrementalSource, Source
from filesync_dagster.core.errors import CursorLost, SourceError
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault
from filesync_dagster.testing.place import Place
from filesync_dagster.testing.rows import TREE, Row, follow_feed, many, pages, populate, rows
from filesync_dagster.testing.suite import PlaceSuite

Found = TypeVar("Found")

INVISIBLE = {Fault.SHORT_ANSWER, Fault.LOSE_CHANGE}  # nobody can see it in the answers: what a reconcile is for
FEED = {Fault.LOSE_CURSOR, Fault.DUPLICATE_CHANGE, Fault.REORDER_CHANGES}
TRUTH_CHANGES = {Fault.MUTATE}
HEAVY = {Fault.DRIP_HEADERS, Fault.DRIP_BODY, Fault.GZIP_BOMB}  # as long or as large as a bound allows
ELSEWHERE = HEAVY | CONTENT_FAULTS  # tried by other suites
MANY_TIMES = 300

PASSING = {
    Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.DISCONNECT, Fault.EXPIRE_TOKEN, Fault.EXPIRE_PAGE,
    Fault.SHORT_PAGE, Fault.EMPTY_PAGE,
}  # fmt: skip
"""Faults that, when they happen once, cost nothing but time."""


class FaultSuite(PlaceSuite):
    """Tests of a place where things go wrong on demand (`FaultyPlace`); of others they are skipped."""

    @pytest.mark.parametrize("fault", sorted(set(Fault) - INVISIBLE - FEED - TRUTH_CHANGES - ELSEWHERE))
    def test_a_listing_with_a_fault(self, place: Any, source: Source, fault: Fault) -> None:
        """Whichever call it hits, once or time and again: the listing is the truth, or says that it is not."""
        _require(place, fault)
        populate(place, TREE | many(25))
        truth = _listing(source)

        for after in (0, 1, 2, 4):
            place.plan.clear()
            place.plan.add(fault, after=after)
            found = _outcome(place, _listing)
            assert found in (truth, None)
            assert found == truth or fault not in PASSING

        place.plan.clear()
        place.plan.add(fault, after=1, times=MANY_TIMES)
        assert _outcome(place, _listing) in (truth, None)

    @pytest.mark.parametrize("fault", sorted(set(Fault) - INVISIBLE - {Fault.LOSE_CURSOR} - TRUTH_CHANGES - ELSEWHERE))
    def test_a_feed_with_a_fault(self, place: Any, source: Source, fault: Fault) -> None:
        """Whichever call it hits: what the feed leads to is the truth, or an error says that it is not."""
        _require(place, fault)
        if not isinstance(source, IncrementalSource):
            pytest.skip("this source cannot tell what changed")
        populate(place, TREE)
        cursor, before = source.cursor(), [row for page in pages(source) for row in page.batch.to_pylist()]
        populate(place, many(25))
        place.rename("folder", "moved")
        place.delete("a.txt")
        truth = rows(place, source)

        for after in (0, 1, 3):
            place.plan.clear()
            place.plan.add(fault, after=after)
            found = _outcome(place, lambda source: follow_feed(place, source, before, cursor))
            assert found is None or [(row["external_id"], row["path"]) for row in found] == [
                (row["external_id"], row["path"]) for row in truth
            ]
            assert found is not None or fault not in PASSING | {Fault.DUPLICATE_CHANGE, Fault.REORDER_CHANGES}

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_a_cursor_that_the_store_forgot(self, place: Any, source: IncrementalSource, status: int) -> None:
        """However the store says it, the cursor is lost, and a full sync can follow."""
        _require(place, Fault.LOSE_CURSOR)
        populate(place, TREE)
        cursor = source.cursor()
        place.write("new.txt", b"new")

        place.plan.add(Fault.LOSE_CURSOR, status=status)

        with pytest.raises(CursorLost):
            list(source.changes(cursor))
        assert len(rows(place, source)) > len(TREE)


def _require(place: Place, fault: Fault) -> None:
    """Skip what cannot happen here."""
    if fault not in getattr(place, "faults", ()):
        pytest.skip("this cannot happen here")


def _outcome(place: Place, what: Callable[[Any], Found]) -> Found | None:
    """Return what a fresh source comes to, None when it says that it could not, or not tell all."""
    meter = Meter()
    source = place.open(meter)
    try:
        found = what(source)
    except SourceError:
        return None
    else:
        return None if meter.remarks else found
    finally:
        source.close()


def _listing(source: Source) -> dict[str, Row] | None:
    """Return the rows of a listing by id, None when it says that something was not read."""
    found = list(source.list(source.scopes()[0]))
    if any(page.gaps for page in found):
        return None
    return {row["external_id"]: row for page in found for row in page.batch.to_pylist()}

"""What every source must do when one part of its store fails, or one entry: the others are known, and it is named."""

from typing import Any, Final

import pytest

from filesync_dagster.connectors.base import IncrementalSource, Source
from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.model import ListingGap
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.place import PartedPlace
from filesync_dagster.testing.rows import populate
from filesync_dagster.testing.suite import PlaceSuite

BAD: Final = "bad"
GOOD: Final = {"good/a.txt": b"a", "good/deeper/b.txt": b"bb", "c.txt": b"ccc"}
FAILURES: Final = ((Fault.SERVER_ERROR, 500), (Fault.SERVER_ERROR, 504), (Fault.REFUSE, 403))
UNREADABLE_SIZES: Final[tuple[object, ...]] = ("", "1.5", 1.5, None, 2**63, "-5", [])
UNREADABLE_TIMES: Final[tuple[object, ...]] = (
    "",
    "2026-02-30T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    7,
    None,
)


class PartSuite(PlaceSuite):
    """Tests of a place whose parts can fail on their own (`PartedPlace`); of others they are skipped."""

    @pytest.fixture
    def parted_place(self, place: Any) -> PartedPlace:
        """Return the place, if its parts can fail."""
        if not isinstance(place, PartedPlace):
            pytest.skip("the parts of this place cannot fail on their own")
        return place

    @pytest.mark.parametrize(("fault", "status"), FAILURES)
    def test_a_folder_that_always_fails(
        self, parted_place: PartedPlace, source: Source, fault: Fault, status: int
    ) -> None:
        """Everything beside it is listed; what is in it is a gap with its path, unless the listing never asks there."""
        populate(parted_place, {f"{BAD}/x.txt": b"x", **GOOD})
        whole = _listed(source)
        parted_place.plan.add(fault, part=parted_place.part_of(BAD), status=status, times=-1)

        gaps: list[ListingGap] = []
        found = _listed(source, gaps)

        assert set(whole) - {"x.txt"} <= set(found) <= set(whole)
        assert set(found) == set(whole) or BAD in {gap.path.rpartition("/")[2] for gap in gaps}

    @pytest.mark.parametrize(("fault", "status"), FAILURES)
    def test_changes_beside_a_folder_that_always_fails(
        self, parted_place: PartedPlace, source: Source, fault: Fault, status: int
    ) -> None:
        """They are told; what cannot be is a gap, and the cursor leads to it once the folder can be read again."""
        if not isinstance(source, IncrementalSource):
            pytest.skip("this source cannot tell what changed")
        populate(parted_place, {f"{BAD}/x.txt": b"x", **GOOD})
        cursor = source.cursor()
        parted_place.plan.add(fault, part=parted_place.part_of(BAD), status=status, times=-1)
        populate(parted_place, {f"{BAD}/new-x.txt": b"x", "good/new-a.txt": b"a"})

        deltas = list(source.changes(cursor))
        told = {str(name) for delta in deltas for name in delta.batch["name"].to_pylist()}
        parted_place.plan.clear()
        later = {str(name) for delta in source.changes(deltas[-1].cursor) for name in delta.batch["name"].to_pylist()}

        assert "new-a.txt" in told
        assert "new-x.txt" in told or ("new-x.txt" in later and any(delta.gaps for delta in deltas))

    @pytest.mark.parametrize(("fault", "status"), FAILURES)
    def test_a_scope_that_always_fails(
        self, parted_place: PartedPlace, source: Source, fault: Fault, status: int
    ) -> None:
        """The others are listed and followed; it is an error or a gap of its own."""
        populate(parted_place, GOOD)
        [first, *_], whole = source.scopes(), _listed(source)
        part = parted_place.add_scope()
        if part is None:
            pytest.skip("an endpoint of this place has one scope")
        sound = parted_place.reopen()
        scopes = sound.scopes()
        cursor = sound.cursor() if isinstance(sound, IncrementalSource) else ""
        sound.close()
        parted_place.plan.add(fault, part=part, status=status, times=-1)

        torn = parted_place.reopen()
        assert set(torn.scopes()) == set(scopes)
        assert _listed(torn, scope=first) == whole
        others = set(scopes) - {first}
        assert all(_fails(torn, scope) for scope in others)
        if isinstance(torn, IncrementalSource):
            populate(parted_place, {"good/new-a.txt": b"a"})
            deltas = list(torn.changes(cursor))
            assert "new-a.txt" in {name for delta in deltas for name in delta.batch["name"].to_pylist()}
            assert {gap.scope for delta in deltas for gap in delta.gaps} == others
            assert torn.cursor()
        torn.close()

    @pytest.mark.parametrize(
        ("column", "value"),
        [*(("size", value) for value in UNREADABLE_SIZES), *(("modified_at", value) for value in UNREADABLE_TIMES)],
    )
    def test_a_field_that_cannot_be_read(
        self, parted_place: PartedPlace, source: Source, column: str, value: object
    ) -> None:
        """It is null, and its entry is listed like the others."""
        populate(parted_place, GOOD)
        whole = _listed(source)
        entry, pointer = parted_place.field_of(column, "c.txt")
        patch = [{"op": "replace", "path": pointer, "value": value}]
        parted_place.plan.add(Fault.PATCH_ENTRY, entry=entry, patch=patch, times=-1)

        gaps: list[ListingGap] = []
        found = _listed(source, gaps)

        assert set(found) == set(whole)
        assert found["c.txt"][column] is None
        assert not gaps

    def test_an_entry_without_an_id(self, parted_place: PartedPlace, source: Source) -> None:
        """It is a gap that names what is known of it; the others are listed."""
        populate(parted_place, GOOD)
        whole = _listed(source)
        entry, pointer = parted_place.field_of("external_id", "c.txt")
        parted_place.plan.add(Fault.PATCH_ENTRY, entry=entry, patch=[{"op": "remove", "path": pointer}], times=-1)

        gaps: list[ListingGap] = []
        found = _listed(source, gaps)

        assert set(found) == set(whole) - {"c.txt"}
        assert [gap for gap in gaps if "c.txt" in gap.reason]

    def test_pages_without_an_end(self, parted_place: PartedPlace, source: Source) -> None:
        """Tokens are fresh and bring what was there before: that ends, and nobody takes it for a listing."""
        if Fault.REPEAT_PAGE not in parted_place.faults:
            pytest.skip("this cannot happen here")
        populate(parted_place, {f"good/{number:02}.txt": b"" for number in range(30)})
        parted_place.plan.add(Fault.REPEAT_PAGE, after=1, times=-1)

        gaps: list[ListingGap] = []
        try:
            _listed(source, gaps)
        except SourceError as error:
            gaps.append(ListingGap("", "", error.message))

        assert any("repeats itself" in gap.reason for gap in gaps)


def _listed(source: Source, gaps: list[ListingGap] | None = None, scope: str = "") -> dict[str, dict[str, Any]]:
    """Return the rows of a scope, the first one, by name: all different here. What cannot be read must be wanted."""
    found: dict[str, dict[str, Any]] = {}
    for page in source.list(scope or source.scopes()[0]):
        assert gaps is not None or not page.gaps
        if gaps is not None:
            gaps += page.gaps
        found |= {row["name"]: row for row in page.batch.to_pylist()}
    return found


def _fails(source: Source, scope: str) -> bool:
    """Whether a scope cannot be listed, or not all of it."""
    try:
        return any(page.gaps for page in source.list(scope))
    except SourceError:
        return True

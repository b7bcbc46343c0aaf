"""What every destination must do when its store fails, somebody else writes, or the process dies."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, TypeVar

import pytest

from filesync_dagster.connectors.destination import Deletion, Destination, Precondition, Receipt
from filesync_dagster.core.content import BLOCK_BYTES
from filesync_dagster.core.errors import AccessDenied, DestinationFull, Foreign, SourceError
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.destination_place import (
    BoundedPlace,
    DestinationPlace,
    TroubledPlace,
    list_paths,
    pattern,
    put,
    write_until_killed,
)
from filesync_dagster.testing.destination_write_suite import NEW, OLD, DestinationPlaceSuite

Result = TypeVar("Result")

PASSING = frozenset({Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.DISCONNECT, Fault.EXPIRE_TOKEN})
"""Faults that, when they happen once, cost nothing but time."""

FAULTS = sorted(PASSING | {Fault.ERROR_IN_BODY, Fault.DENY, Fault.REFUSE})


class DestinationFaultSuite(DestinationPlaceSuite):
    """Tests of a place whose store fails on demand (`TroubledPlace`); of others they are skipped.

    A fault is tried at each call in turn, until there are no more.
    """

    _struck: bool

    @pytest.mark.parametrize("fault", FAULTS)
    @pytest.mark.parametrize("replaces", [False, True])
    def test_a_fault_while_writing(self, place: Any, fault: Fault, replaces: bool) -> None:
        """Whichever call it hits: the old content or the new one is there, whole; asked again, the new one is."""
        _require(place, fault)
        for after in count():
            path = f"{fault}-{after}"
            before = Precondition(self._undisturbed(place, path) if replaces else None)
            outcome = self._outcome(place, fault, after, put, path, NEW, before)

            assert place.read(path) in ({OLD, NEW} if replaces else {None, NEW})
            assert outcome is not None or fault not in PASSING
            assert outcome is None or place.read(path) == NEW
            destination = place.open(Meter())
            put(destination, path, NEW, before)
            assert place.read(path) == NEW
            destination.close()
            if not self._struck:
                break

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_while_moving(self, place: Any, fault: Fault) -> None:
        """At no moment is the content nowhere; asked again, it has the new path alone."""
        _require(place, fault)
        for after in count():
            old, new = f"{fault}-{after}-old", f"{fault}-{after}-new"
            version = Precondition(self._undisturbed(place, old))
            outcome = self._outcome(place, fault, after, _move, old, new, version)

            assert OLD in {place.read(old), place.read(new)}
            assert outcome is not None or fault not in PASSING
            destination = place.open(Meter())
            destination.move(old, new, version)
            assert (place.read(old), place.read(new)) == (None, OLD)
            destination.close()
            if not self._struck:
                break

    @pytest.mark.parametrize("fault", FAULTS)
    def test_a_fault_while_deleting(self, place: Any, fault: Fault) -> None:
        """What is told to be gone is gone; the others can be deleted again, and the stranger stays."""
        _require(place, fault)
        for after in count():
            paths = [f"{fault}-{after}-{number}" for number in range(3)]
            versions = [self._undisturbed(place, path) for path in paths]
            deletions = [Deletion(p, Precondition(v)) for p, v in zip(paths, versions, strict=True)]
            place.put("theirs", b"theirs")
            ended = self._outcome(place, fault, after, _delete, deletions) or []

            assert all(place.read(path) is None for path, error in zip(paths, ended, strict=False) if error is None)
            destination = place.open(Meter())
            assert destination.delete(deletions) == [None] * 3
            destination.close()
            assert place.paths() == {"theirs"}
            if not self._struck:
                break

    @pytest.mark.parametrize("fault", sorted(PASSING))
    def test_a_fault_while_listing(self, place: Any, fault: Fault) -> None:
        """A listing is complete, or an error."""
        _require(place, fault)
        destination = place.open(Meter())
        if not destination.facts.lists:
            pytest.skip("this destination does not list")
        for number in range(5):
            place.put(f"f/{number}", b"x")
        place.plan.add(fault)
        assert list_paths(destination) == {f"f/{number}" for number in range(5)}
        destination.close()

    def _undisturbed(self, place: TroubledPlace, path: str) -> str | None:
        place.plan.clear()
        destination = place.open(Meter())
        version = put(destination, path, OLD).version
        destination.close()
        return version

    def _outcome(
        self, place: TroubledPlace, fault: Fault, after: int, step: Callable[..., Result], *given: Any
    ) -> Result | None:
        destination = place.open(Meter())
        place.plan.clear()
        rule = place.plan.add(fault, after=after)
        try:
            return step(destination, *given)
        except SourceError:
            return None
        finally:
            self._struck = rule.done > 0  # else there are no more calls that it can hit
            place.plan.clear()
            destination.close()


class DestinationBoundSuite(DestinationPlaceSuite):
    """Tests of a place that can be full or forbidden (`BoundedPlace`); of others they are skipped."""

    @pytest.mark.parametrize("replaces", [False, True])
    def test_no_room(self, place: Any, replaces: bool) -> None:
        """It is said how much was needed, and nothing half is left; what was there stays."""
        if not isinstance(place, BoundedPlace):
            pytest.skip("this place is never full")
        with place.full(4 * BLOCK_BYTES) as destination:
            before = Precondition(put(destination, "a", OLD).version if replaces else None)

            with pytest.raises(DestinationFull, match=r"8,388,608 bytes") as caught:
                put(destination, "a", pattern(8 * BLOCK_BYTES), before)
            assert not caught.value.retryable
            with pytest.raises(DestinationFull):
                put(destination, "a", pattern(8 * BLOCK_BYTES), before, size=None)  # seen only when it is full

            assert list_paths(destination) == ({"a"} if replaces else set())
            put(destination, "b", pattern(BLOCK_BYTES))

    def test_one_path_that_is_forbidden(self, place: Any, destination: Destination) -> None:
        """The others go on."""
        if not isinstance(place, BoundedPlace):
            pytest.skip("nothing is forbidden here")
        place.put("no/there", OLD)
        with place.forbidden("no"):
            with pytest.raises(AccessDenied):
                put(destination, "no/a", NEW)
            put(destination, "yes/a", NEW)
            ended = destination.delete([Deletion("no/there"), Deletion("yes/a")])

        assert [type(error) for error in ended] == [AccessDenied, type(None)]
        assert place.paths() == {"no/there"}


class DestinationRaceSuite(DestinationPlaceSuite):
    """Tests of what others do meanwhile, and of processes that die."""

    def test_two_writers(self, place: DestinationPlace) -> None:
        """One of them wins; where the store itself refuses the second, it is told of."""
        contents = [pattern(BLOCK_BYTES + 5), pattern(BLOCK_BYTES + 4)]
        for turn in range(5):
            begin = threading.Barrier(2)

            def write(content: bytes, path: str = f"a{turn}", begin: threading.Barrier = begin) -> bool:
                destination = place.open(Meter())
                begin.wait(60)
                try:
                    put(destination, path, content)
                except Foreign:
                    return False
                finally:
                    destination.close()
                return True

            with ThreadPoolExecutor(2) as pool:
                won = list(pool.map(write, contents))

            assert place.read(f"a{turn}") in contents
            probe = place.open(Meter())
            assert won.count(True) == 1 or (won.count(True) == 2 and not probe.facts.conditional)
            probe.close()
            assert won.count(True) == 2 or place.read(f"a{turn}") == contents[won.index(True)]

    def test_many_threads_share_a_destination(self, place: DestinationPlace, destination: Destination) -> None:
        """Each file is its own, in folders that are made at the same time."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: put(destination, f"f{number % 3}/{number}", b"%d" % number), range(60)))

        assert {place.read(f"f{number % 3}/{number}") for number in range(60)} == {b"%d" % n for n in range(60)}

    def test_who_reads_meanwhile(self, place: DestinationPlace, destination: Destination) -> None:
        """Sees the old content or the new one."""
        if not destination.facts.atomic_replace or getattr(place, "tears", False):
            pytest.skip("this store does not replace in one step")
        contents = [pattern(300_000), bytes(reversed(pattern(200_000)))]
        version = put(destination, "a", contents[0]).version
        seen, done = [], threading.Event()

        def look() -> None:
            while not done.is_set():
                seen.append(place.read("a"))

        reader = threading.Thread(target=look)
        reader.start()
        try:
            for turn in range(1, 9):
                version = put(destination, "a", contents[turn % 2], Precondition(version)).version
        finally:
            done.set()
            reader.join()

        assert seen
        assert all(content in contents for content in seen)

    @pytest.mark.parametrize(("blocks", "replaces"), [(1, False), (18, True)])
    def test_a_process_that_dies(
        self, place: DestinationPlace, destination: Destination, blocks: int, replaces: bool
    ) -> None:
        """Killed before the last block: nothing new has the name, the old content stays, the next one can write."""
        version = put(destination, "f/a", OLD).version if replaces else None

        write_until_killed(place, "f/a", blocks, version)

        assert place.read("f/a") == (OLD if replaces else None)
        if destination.facts.lists:
            assert list_paths(destination) == ({"f/a"} if replaces else set())
        put(destination, "f/a", NEW, Precondition(version))
        assert place.read("f/a") == NEW


def _require(place: DestinationPlace, fault: Fault) -> None:
    """Skip what cannot happen here."""
    if fault not in getattr(place, "faults", ()):
        pytest.skip("this cannot happen here")


def _move(destination: Destination, path: str, new_path: str, expected: Precondition) -> Receipt:
    return destination.move(path, new_path, expected)


def _delete(destination: Destination, deletions: Sequence[Deletion]) -> Sequence[SourceError | None]:
    return destination.delete(deletions)

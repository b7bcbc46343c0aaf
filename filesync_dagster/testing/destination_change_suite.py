"""What every destination must do when files move, go, or change hands."""

import pytest

from filesync_dagster.connectors.destination import (
    NOTHING,
    TRASH_FOLDER,
    Deletion,
    Destination,
    FilePermissions,
    Precondition,
)
from filesync_dagster.core.errors import Foreign, NameImpossible, NotFound
from filesync_dagster.testing.destination_place import TAGS, DestinationPlace, list_paths, put
from filesync_dagster.testing.destination_write_suite import NEW, OLD, DestinationPlaceSuite


class MoveSuite(DestinationPlaceSuite):
    """Tests of `move`."""

    @pytest.mark.parametrize("new", ["b", "new/folder/b", "f/c"])
    def test_a_move(self, place: DestinationPlace, destination: Destination, new: str) -> None:
        """The content has the new path alone, its tags too; what is told of it is what is found there."""
        version = put(destination, "f/a", OLD).version

        receipt = destination.move("f/a", new, Precondition(version))

        found = destination.stat(new)
        assert (place.read(new), place.paths()) == (OLD, {new})
        assert found is not None
        assert (found.version, found.size) == (receipt.version, receipt.size)
        assert not found.tags or {name: found.tags.get(name) for name in TAGS} == TAGS
        put(destination, new, NEW, Precondition(receipt.version))
        assert place.read(new) == NEW

    def test_a_move_that_was_made(self, place: DestinationPlace, destination: Destination) -> None:
        """An answer that was lost: it is made already."""
        version = Precondition(put(destination, "a", OLD).version)
        first = destination.move("a", "b", version)

        again = destination.move("a", "b", version)

        assert (again.version, place.paths()) == (first.version, {"b"})

    def test_a_move_of_nothing(self, place: DestinationPlace, destination: Destination) -> None:
        """It is told of; and no stranger is taken for what was to be moved."""
        place.put("b", b"a stranger's")

        with pytest.raises(NotFound):
            destination.move("a", "b", Precondition("some version"))
        with pytest.raises(NotFound):
            destination.move("a", "c", None)

        assert place.paths() == {"b"}

    def test_a_move_of_what_somebody_changed(self, place: DestinationPlace, destination: Destination) -> None:
        """It stays where it is."""
        version = put(destination, "a", OLD).version
        place.put("a", b"by somebody else")

        with pytest.raises(Foreign):
            destination.move("a", "b", Precondition(version))

        assert place.paths() == {"a"}

    def test_a_move_onto_something(self, place: DestinationPlace, destination: Destination) -> None:
        """Both stay, unless what is there is what may be replaced."""
        version = Precondition(put(destination, "a", OLD).version)
        onto = Precondition(put(destination, "b", NEW).version)

        with pytest.raises(Foreign):
            destination.move("a", "b", version)
        with pytest.raises(Foreign):
            destination.move("a", "b", version, onto=version)
        assert (place.read("a"), place.read("b")) == (OLD, NEW)

        destination.move("a", "b", version, onto=onto)
        assert (place.read("a"), place.read("b")) == (None, OLD)

    def test_a_swap(self, place: DestinationPlace, destination: Destination) -> None:
        """Through a name between, with the versions that each step tells."""
        first, second = put(destination, "a", OLD).version, put(destination, "b", NEW).version

        between = destination.move("a", "between", Precondition(first)).version
        destination.move("b", "a", Precondition(second))
        destination.move("between", "b", Precondition(between))

        assert (place.read("a"), place.read("b"), place.paths()) == (NEW, OLD, {"a", "b"})

    def test_a_change_of_case(self, place: DestinationPlace, destination: Destination) -> None:
        """The name is spelt anew, whether or not the store tells the two apart."""
        version = put(destination, "Plan.dwg", OLD).version

        destination.move("Plan.dwg", "PLAN.dwg", Precondition(version))

        assert (place.read("PLAN.dwg"), place.paths()) == (OLD, {"PLAN.dwg"})

    def test_a_move_to_an_impossible_name(self, place: DestinationPlace, destination: Destination) -> None:
        """It is refused."""
        version = put(destination, "a", OLD).version

        with pytest.raises(NameImpossible):
            destination.move("a", "x" * 5000, Precondition(version))

        assert place.paths() == {"a"}

    def test_odd_names_are_moved(self, place: DestinationPlace, destination: Destination) -> None:
        """There and back."""
        for name in place.odd_names:
            version = put(destination, name, name.encode()).version
            between = destination.move(name, "between", Precondition(version)).version
            destination.move("between", name, Precondition(between))

        assert {name: place.read(name) for name in place.odd_names} == {name: name.encode() for name in place.odd_names}


class DeleteSuite(DestinationPlaceSuite):
    """Tests of `delete`."""

    def test_each_has_its_own_end(self, place: DestinationPlace, destination: Destination) -> None:
        """What is ours goes, what is not stays, what is not there is deleted already; each is told of."""
        versions = {name: put(destination, name, name.encode()).version for name in ("a", "f/b", "c", "d")}
        place.put("c", b"by somebody else")
        place.put("theirs", b"theirs")

        ended = destination.delete(
            [
                Deletion("a", Precondition(versions["a"])),
                Deletion("gone", Precondition("some version")),
                Deletion("c", Precondition(versions["c"])),
                Deletion("no/such/folder"),
                Deletion("theirs", NOTHING),
                Deletion("f/b"),
            ]
        )

        assert [type(error) for error in ended] == [type(None), type(None), Foreign, type(None), Foreign, type(None)]
        assert place.paths() == {"c", "d", "theirs"}

    def test_odd_names_are_deleted(self, place: DestinationPlace, destination: Destination) -> None:
        """And nothing besides."""
        for name in (*place.odd_names, "stays"):
            place.put(name, b"x")

        assert destination.delete([Deletion(name) for name in place.odd_names]) == [None] * len(place.odd_names)
        assert place.paths() == {"stays"}

    def test_nothing_to_delete(self, destination: Destination) -> None:
        """Is no error."""
        assert destination.delete([]) == []

    def test_the_trash(self, place: DestinationPlace, destination: Destination) -> None:
        """What goes there can be found again, twice the same name too; listings leave it out."""
        for content in (OLD, NEW):
            version = put(destination, "f/a.txt", content).version
            assert destination.delete([Deletion("f/a.txt", Precondition(version), trash="2026-01-31")]) == [None]

        kept = place.paths()
        assert len(kept) == 2
        assert all(path.startswith(f"{TRASH_FOLDER}/2026-01-31/f/") and path.endswith(".txt") for path in kept)
        assert {place.read(path) for path in kept} == {OLD, NEW}
        if destination.facts.lists:
            assert list_paths(destination) == set()


class FolderSuite(DestinationPlaceSuite):
    """Tests of folders, permissions and `list`."""

    def test_folders(self, place: DestinationPlace, destination: Destination) -> None:
        """They are made with those above them, and removed when they are empty."""
        destination.make_folder("f/g")
        destination.make_folder("f/g")
        put(destination, "f/g/a", OLD)
        if not destination.facts.folders:
            pytest.skip("this destination has no folders")

        assert not destination.remove_folder("f/g")
        assert place.read("f/g/a") == OLD
        assert [error for error in destination.delete([Deletion("f/g/a")]) if error] == []
        assert destination.remove_folder("f/g")
        assert destination.remove_folder("f/g")
        assert destination.stat("f/g") is None
        found = destination.stat("f")
        assert found is not None
        assert found.kind == "folder"

    def test_a_folder_in_the_way(self, place: DestinationPlace, destination: Destination) -> None:
        """No file replaces it, even where whatever is there may be replaced; nor does a deletion of a file."""
        if not destination.facts.folders:
            pytest.skip("this destination has no folders")
        put(destination, "f/a", OLD)

        with pytest.raises(Foreign):
            put(destination, "f", NEW, None)
        with pytest.raises(Foreign):
            put(destination, "f/a/b", NEW)
        assert [type(error) for error in destination.delete([Deletion("f")])] == [Foreign]
        assert place.paths() == {"f/a"}

    def test_permissions(self, place: DestinationPlace, destination: Destination) -> None:
        """They are set and read back, and the content has the same version afterwards."""
        if not destination.facts.permissions:
            pytest.skip("this destination has no permissions")
        version = put(destination, "a", OLD).version

        told = destination.set_permissions("a", FilePermissions("rwxr-x---"))

        found = destination.stat("a")
        assert found is not None
        assert (told.permissions, found.permissions, found.version) == ("rwxr-x---", "rwxr-x---", version)
        again = destination.set_permissions("a", FilePermissions(owner=told.owner, group=told.group))
        assert again == told
        with pytest.raises(NotFound):
            destination.set_permissions("absent", FilePermissions("rwxr-x---"))

    def test_a_listing(self, place: DestinationPlace, destination: Destination) -> None:
        """It has every file, a stranger's too, with size and version; below a folder, what is there."""
        if not destination.facts.lists:
            pytest.skip("this destination does not list")
        assert list_paths(destination) == set()
        receipts = {f"f{number % 3}/{number}": put(destination, f"f{number % 3}/{number}", OLD) for number in range(30)}
        place.put("f1x", b"theirs")

        found = {one.path: one for batch in destination.list() for one in batch if one.kind == "file"}

        assert set(found) == {*receipts, "f1x"}
        assert {path: found[path].version for path in receipts} == {
            path: receipt.version for path, receipt in receipts.items()
        }
        assert found["f1x"].size == 6
        assert list_paths(destination, "f1") == {path for path in receipts if path.startswith("f1/")}
        assert list_paths(destination, "nowhere") == set()

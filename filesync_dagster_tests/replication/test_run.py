"""Replications as they are run: real folders on both sides, every change that people make."""

import random
import shutil
from pathlib import Path

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.connectors.destination import ASIDE_SUFFIX, PART_SUFFIX, TRASH_FOLDER
from filesync_dagster.core.errors import NothingHeld
from filesync_dagster.replication.model import PlanScope, ReplicationResult


class ReplicatedFolder:
    """A folder that is inventoried, and a replication of it to another one."""

    def __init__(self, place: Path, extra: str = "") -> None:
        self.place, self.source, self.target = place, place / "source", place / "target"
        self.source.mkdir()
        self.target.mkdir()
        self.write_config(extra)

    def write_config(self, extra: str = "") -> None:
        """Write the configuration, with more keys of the replication."""
        self.config = self.place / "endpoints.yaml"
        self.config.write_text(
            "endpoints:\n"
            "  - {name: files, type: local, endpoint_details: {path: source}, guard: {enabled: false}}\n"
            "replications:\n"
            "  - name: copy\n"
            "    source: files\n"
            "    destination: {type: local, endpoint_details: {path: target}}\n" + extra
        )

    def open(self) -> Filesync:
        """Return the product on it."""
        return Filesync.open(self.config, home=self.place / "home")

    def run(self, **options: object) -> ReplicationResult:
        """Sync, then replicate."""
        with self.open() as filesync:
            assert filesync.sync("files").error is None
            return filesync.replications.replicate("copy", **options)  # type: ignore[arg-type]

    def is_equal(self) -> bool:
        """Whether both folders have the same files with the same contents, and the same folders."""
        return contents(self.source) == contents(self.target)


def contents(folder: Path) -> dict[str, bytes | None]:
    """Return the content of every file below a folder, by its path; folders have none."""
    return {
        str(path.relative_to(folder)): None if path.is_dir() else path.read_bytes()
        for path in folder.rglob("*")
        if TRASH_FOLDER not in path.parts
    }


@pytest.fixture
def folder(tmp_path) -> ReplicatedFolder:
    """A folder with a few files, and its replication."""
    made = ReplicatedFolder(tmp_path)
    for path in ("a/1.txt", "a/2.txt", "a/b/3.txt", "c/4.txt", "5.txt"):
        (made.source / path).parent.mkdir(parents=True, exist_ok=True)
        (made.source / path).write_text(path)
    (made.source / "empty").mkdir()
    return made


def test_a_folder_is_copied_and_then_there_is_nothing_to_do(folder):
    """With empty folders and empty files."""
    (folder.source / "nothing").touch()
    first = folder.run()
    assert (first.status, first.created, first.failed, first.files_total) == ("completed", 6, 0, 6)
    assert folder.is_equal()
    again = folder.run()
    assert (again.status, again.plan_id, again.created, again.updated) == ("completed", None, 0, 0)


def test_what_people_do_is_done(folder):
    """A renamed folder, a swap, an edit, a deletion, a new file and a file in place of a folder."""
    folder.run()
    (folder.source / "a").rename(folder.source / "renamed")
    shutil.rmtree(folder.source / "c")
    (folder.source / "c").write_text("a file by now")
    (folder.source / "renamed/1.txt").rename(folder.source / "aside")
    (folder.source / "renamed/2.txt").rename(folder.source / "renamed/1.txt")
    (folder.source / "aside").rename(folder.source / "renamed/2.txt")
    (folder.source / "renamed/b/3.txt").write_text("changed")
    (folder.source / "5.txt").unlink()
    (folder.source / "empty").rmdir()
    result = folder.run()
    assert (result.status, result.failed, result.stale) == ("completed", 0, 0)
    assert folder.is_equal()
    assert folder.run().plan_id is None


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 9))])
def test_any_history_ends_equal(tmp_path, seed):
    """Random changes, round after round: what the destination has is what the source has."""
    chance = random.Random(seed)
    made = ReplicatedFolder(tmp_path, "    guard: {enabled: false}\n")
    for round_number in range(6):
        mutate(made.source, chance, round_number)
        result = made.run()
        assert (result.status, result.error) == ("completed", None), result
        assert contents(made.target) == contents(made.source), round_number
    assert not list(made.target.rglob(f"*{PART_SUFFIX}"))
    assert not list(made.target.rglob(f"*{ASIDE_SUFFIX}"))
    with made.open() as filesync:
        assert filesync.replications.plan("copy").counts.operations == 0
        known = {row["dest_path"] for batch in filesync.replications.files("copy") for row in batch.to_pylist()}
    assert known == set(contents(made.target))


def mutate(root: Path, chance: random.Random, round_number: int) -> None:
    """Do what people do to files, eight times."""
    for number in range(8):
        paths = sorted(root.rglob("*"))
        files = [path for path in paths if path.is_file()]
        folders = [root, *(path for path in paths if path.is_dir())]
        target = chance.choice(folders) / f"{chance.choice('abcdef')}{chance.randrange(4)}"
        act = chance.choice([write_new, write_new, write_again, move, make, remove, swap])
        act(chance, f"{round_number} {number}", paths, files, target)


def write_new(_chance: random.Random, text: str, _paths: list[Path], _files: list[Path], target: Path) -> None:
    """Write a new file."""
    if not target.exists():
        target.write_text(text)


def write_again(chance: random.Random, text: str, _paths: list[Path], files: list[Path], _target: Path) -> None:
    """Change a file."""
    if files:
        chance.choice(files).write_text(f"{text} {chance.random()}")


def move(chance: random.Random, _text: str, paths: list[Path], _files: list[Path], target: Path) -> None:
    """Rename a file or a folder, anywhere."""
    if paths and not target.exists() and (moved := chance.choice(paths)) not in (target, *target.parents):
        moved.rename(target)


def make(_chance: random.Random, _text: str, _paths: list[Path], _files: list[Path], target: Path) -> None:
    """Make a folder."""
    if not target.exists():
        target.mkdir()


def remove(chance: random.Random, _text: str, paths: list[Path], _files: list[Path], _target: Path) -> None:
    """Remove a file, or a folder with all that is in it."""
    if paths:
        gone = chance.choice(paths)
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()


def swap(chance: random.Random, _text: str, _paths: list[Path], files: list[Path], target: Path) -> None:
    """Let two files change their places."""
    if len(files) > 1 and not target.exists():
        one, other = chance.sample(files, 2)
        one.rename(target)
        other.rename(one)
        target.rename(other)


def test_the_guard_holds_and_a_person_decides(folder):
    """Nothing is done until then; what is rejected stays undone."""
    folder.run()
    for path in list(folder.source.rglob("*.txt")):
        path.unlink()
    held = folder.run()
    assert held.status == "held"
    assert "none of 5 files" in str(held.error)
    assert len(list(folder.target.rglob("*.txt"))) == 5
    with folder.open() as filesync:
        [status] = filesync.replications.status()
        assert (status.state, status.held_plan_id) == ("held", held.plan_id)
        assert filesync.replications.held("copy").counts.deleted == 5
        filesync.replications.reject("copy")
        assert len(list(folder.target.rglob("*.txt"))) == 5
    again = folder.run()
    assert (again.status, again.plan_id != held.plan_id) == ("held", True)
    with folder.open() as filesync:
        assert filesync.replications.approve("copy", plan_id=again.plan_id).deleted == 5
    assert folder.is_equal()


def test_a_held_plan_that_nothing_is_left_of_is_over(folder):
    """The files came back: nobody is asked any more, and what was held cannot be done."""
    folder.run()
    aside = folder.place / "aside"
    folder.source.rename(aside)
    folder.source.mkdir()
    assert folder.run().status == "held"
    folder.source.rmdir()
    aside.rename(folder.source)
    assert folder.run().status == "completed"
    with folder.open() as filesync:
        [status] = filesync.replications.status()
        assert (status.state, status.held_plan_id) == ("ok", None)
        with pytest.raises(NothingHeld):
            filesync.replications.approve("copy")
    assert folder.is_equal()


def test_what_is_not_ours_is_never_touched(folder):
    """Neither overwritten by a new file, nor by an update, nor moved onto, nor deleted with a folder."""
    (folder.target / "a").mkdir()
    (folder.target / "a/1.txt").write_text("foreign")
    (folder.target / "a/also.txt").write_text("foreign too")
    first = folder.run()
    assert (first.status, first.foreign) == ("partial", 1)
    (folder.target / "5.txt").write_text("changed by somebody")
    (folder.source / "5.txt").write_text("changed at the source, too")
    (folder.target / "c/9.txt").write_text("in the way")
    (folder.source / "c/4.txt").rename(folder.source / "c/9.txt")
    second = folder.run()
    assert second.foreign >= 2
    (folder.source / "a/2.txt").unlink()
    shutil.rmtree(folder.source / "a")
    folder.run()
    assert (folder.target / "a/1.txt").read_text() == "foreign"
    assert (folder.target / "a/also.txt").read_text() == "foreign too"
    assert (folder.target / "5.txt").read_text() == "changed by somebody"
    assert (folder.target / "c/9.txt").read_text() == "in the way"
    folder.write_config("    foreign: overwrite\n")
    folder.run()
    assert (folder.target / "5.txt").read_text() == "changed at the source, too"


def test_what_is_adopted_keeps_what_proved_it(folder):
    """The same content under another id, as an editor saves: nothing is sent, nothing proves more than before."""
    folder.write_config("    verify: readback\n")
    folder.config.write_text(folder.config.read_text().replace("{path: source}", "{path: source, hash: md5}"))
    folder.run()
    before = _states(folder)
    (folder.source / "saved").write_text("5.txt")
    (folder.source / "saved").replace(folder.source / "5.txt")
    result = folder.run(scope=PlanScope.FULL)
    assert (result.adopted, result.updated, result.bytes_sent) == (1, 0, 0)
    changed = {"external_id", "source_version", "modified_at", "written_at"}
    assert before["5.txt"]["verified"] == "readback"
    assert {name: value for name, value in _states(folder)["5.txt"].items() if name not in changed} == {
        name: value for name, value in before["5.txt"].items() if name not in changed
    }


def _states(folder: ReplicatedFolder) -> dict[str, dict[str, object]]:
    """Return all that is known of the replica's files, by path."""
    with folder.open() as filesync:
        rows = [row for batch in filesync.replications.files("copy") for row in batch.to_pylist()]
    return {row["dest_path"]: row for row in rows}


def test_a_foreign_file_that_goes_away_is_made_up_for(folder):
    """The next run looks at it again, though nothing changed at the source."""
    (folder.target / "5.txt").write_text("foreign")
    assert folder.run().foreign == 1
    (folder.target / "5.txt").unlink()
    assert folder.run().created == 1
    assert folder.is_equal()


def test_what_somebody_deleted_at_the_destination_comes_back_with_a_reconcile(folder):
    """It is drift: found by a listing, not by the journal."""
    folder.run()
    (folder.target / "a/1.txt").unlink()
    assert folder.run(scope=PlanScope.INCREMENTAL).created == 0
    assert folder.run(scope=PlanScope.RECONCILE).created == 1
    assert folder.is_equal()


def test_a_filter_that_is_edited_deletes_nothing(folder):
    """What left the selection is kept, and counted; with `always` it goes."""
    folder.run()
    folder.write_config("    filters: {exclude: ['a/**']}\n")
    assert folder.run().deleted == 0
    assert (folder.target / "a/1.txt").exists()
    with folder.open() as filesync:
        assert filesync.replications.plan("copy", scope=PlanScope.FULL).counts.kept == 3
    folder.write_config("    filters: {exclude: ['a/**']}\n    delete: always\n")
    assert folder.run().deleted == 3
    assert not (folder.target / "a/1.txt").exists()


def test_an_edited_mapping_moves_what_is_there(folder):
    """Without sending a byte."""
    folder.run()
    folder.write_config("    paths: {add: archive/}\n")
    result = folder.run()
    assert (result.moved, result.created, result.bytes_sent) == (4, 0, 0)  # three folders with all in them, and a file
    assert contents(folder.target / "archive") == contents(folder.source)


def test_deleted_files_are_in_the_trash(folder):
    """Where it costs nothing, which is so for a folder."""
    folder.run()
    (folder.source / "a/1.txt").unlink()
    folder.run()
    [trashed] = (folder.target / TRASH_FOLDER).rglob("1.txt")
    assert trashed.read_text() == "a/1.txt"


def test_two_runs_at_once_are_one(folder):
    """The second is skipped, and says who is at it."""
    folder.run()
    with folder.open() as filesync:
        replication_id = filesync.runtime.metadata.replications.all()[0].id
        with filesync.runtime.metadata.replication_leases.hold(replication_id, purpose="replication"):
            second = filesync.replications.replicate("copy")
    assert second.status == "skipped"
    assert "busy" in str(second.error)


def test_a_lost_replica_state_is_made_anew_without_sending(folder):
    """Our marks at the destination tell what lies there; nothing is copied, nothing deleted."""
    folder.run()
    database = folder.place / "home/filesync.db"
    for path in database.parent.glob("filesync.db*"):
        path.unlink()
    shutil.rmtree(folder.place / "home/data")
    result = folder.run()
    assert (result.status, result.foreign, result.deleted, result.bytes_sent) == ("completed", 0, 0, 0)
    assert folder.is_equal()

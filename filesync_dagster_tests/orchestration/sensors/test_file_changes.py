"""The sensor of new and changed files: each change is handed to one run, whatever happens to a tick."""

import json
import random

import dagster as dg
import pytest

from filesync_dagster.components import on_file_changes
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.sensors import file_changes

JOB = "load"


@dg.op(config_schema={"files": dg.Field(list)})
def take(context):
    """Take what a run was given."""


@dg.job(name=JOB)
def load():
    """Load files."""
    take()


def config_of(batch):
    """Return the configuration of a run of a batch."""
    return {"ops": {"take": {"config": batch.as_config()}}}


class Watched:
    """A folder that is synced, and a sensor that is evaluated as Dagster's daemon does."""

    def __init__(self, project, folder, **how):
        self.folder = folder
        self.folder.mkdir()
        self.project = project({"name": "docs", "type": "local", "endpoint_details": {"path": str(folder)}})
        self.configure(**how)
        self.resource = FilesyncResource(config_path=str(self.project.config), home=str(self.project.home))
        self.cursor = None
        self.launched = {}
        self.partitions = []

    def configure(self, **how):
        """Make the sensor, as a project that was edited does."""
        how = {"endpoint": "docs", "target": load, "run_config": config_of, **how}
        self.sensor = on_file_changes("new_files", **how)

    def write(self, **files):
        """Write files, and sync."""
        for name, content in files.items():
            (self.folder / name.replace("__", ".")).write_text(content)
        self.sync()

    def sync(self):
        """Sync as the schedule does."""
        with self.project.open() as filesync:
            assert filesync.sync("docs").status == "completed"

    def tick(self, *, dies=False):
        """Evaluate once. One that `dies` has launched its runs, and its cursor is lost; a run key launches once."""
        with dg.build_sensor_context(
            instance=self.project.instance, cursor=self.cursor, resources={"filesync": self.resource}
        ) as context:
            came = self.sensor(context)
            cursor = getattr(came, "cursor", None) or context.cursor
        requests = getattr(came, "run_requests", None) or []
        for request in requests:
            self.launched.setdefault(request.run_key, request)
        for added in getattr(came, "dynamic_partitions_requests", None) or ():
            self.partitions += added.partition_keys
        if not dies:
            self.cursor = cursor
        return [self.files_of(request) for request in requests]

    @staticmethod
    def files_of(request):
        """Return the paths that a run is about."""
        return [file["path"] for file in request.run_config["ops"]["take"]["config"]["files"]]

    @property
    def handed_over(self):
        """Return every path that any run was given, with its change."""
        return sorted(
            (file["path"], file["change"], file["seq"])
            for request in self.launched.values()
            for file in request.run_config["ops"]["take"]["config"]["files"]
        )


@pytest.fixture
def watched(project, tmp_path):
    """Return what makes a watched folder."""
    return lambda **how: Watched(project, tmp_path / "docs", **how)


def test_what_changes_after_its_beginning_is_told_once(watched):
    """Files that were there are not; new and changed ones are, each with the next tick."""
    made = watched()
    made.write(old__csv="1")
    assert made.tick() == []
    made.write(new__csv="1", old__csv="22")

    [files] = made.tick()
    assert sorted(files) == ["new.csv", "old.csv"]
    assert made.tick() == []
    made.write(third__csv="1")
    assert made.tick() == [["third.csv"]]


def test_before_the_first_sync_there_is_nothing_to_begin_with(watched):
    """The cursor is taken when the endpoint has an inventory."""
    made = watched(initial=True)
    assert made.tick() == []
    assert made.cursor is None
    made.write(a__csv="1")
    made.tick()

    assert made.tick() == [["a.csv"]]


def test_what_was_there_comes_first_if_it_is_wanted(watched):
    """In batches, over several ticks; what changes meanwhile comes after it."""
    made = watched(initial=True, max_files_per_run=2, max_runs_per_tick=2)
    made.write(**{f"f{i}__csv": "1" for i in range(7)})
    made.tick()
    assert made.tick() == [["f0.csv", "f1.csv"], ["f2.csv", "f3.csv"]]
    made.write(g__csv="1")
    (made.folder / "f6.csv").unlink()
    made.sync()

    assert made.tick() == [["f4.csv", "f5.csv"], ["f6.csv"]]
    assert made.tick() == [["g.csv"]]


def test_patterns_and_kinds_choose(watched):
    """What is not meant is passed over once, and not looked at again."""
    made = watched(include=["**/*.csv"], exclude=["tmp*"], changes=["added"])
    made.write(a__csv="1")
    made.tick()
    made.write(a__csv="22", b__csv="1", c__txt="1", tmp__csv="1")

    assert made.tick() == [["b.csv"]]
    with made.project.open() as filesync:
        last = filesync.runtime.metadata.files.last_seq(filesync.runtime.register(filesync.config.endpoint("docs")))
    assert json.loads(made.cursor)["seq"] == last


FILES = dg.DynamicPartitionsDefinition(name="files")


@dg.job(partitions_def=FILES)
def load_one():
    """Load a file."""
    take()


def test_a_partition_for_each_file(watched):
    """Keys that Dagster allows, and the same file has the same one."""
    made = watched(partitions=FILES, target=load_one)
    made.write(a__csv="1")
    made.tick()
    made.write(b__csv="1", c__csv="1")
    made.tick()
    made.write(b__csv="22")
    made.tick()

    keys = [request.partition_key for request in made.launched.values()]
    assert made.partitions == keys
    assert len(set(keys)) == 2
    assert all(set(key).isdisjoint('\n\r\t",[]') for key in keys)


def test_a_file_that_changed_twice_adds_one_partition(watched):
    """Dagster refuses a request with a key twice, and the cursor would never go on."""
    made = watched(partitions=FILES, target=load_one)
    made.write(a__csv="1")
    made.tick()
    made.write(b__csv="1")
    made.write(b__csv="22")

    assert made.tick() == [["b.csv"], ["b.csv"]]
    assert len(made.partitions) == 1


@pytest.mark.parametrize("how", [{"changes": ["new"]}, {"changes": []}, {"max_files_per_run": 0}, {"include": ["[a"]}])
def test_what_means_nothing_is_refused(how):
    """When the code is loaded, not at the first tick."""
    with pytest.raises(ValueError, match=r"on_file_changes|bracket"):
        on_file_changes("x", endpoint="docs", target=load, **how)


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 6))])
def test_never_twice_and_never_skipped(watched, seed):
    """Random days: files change, ticks die after they launched, syncs come between. Each change is told once."""
    rng = random.Random(seed)
    made = watched(max_files_per_run=rng.choice([1, 2, 5]), max_runs_per_tick=rng.choice([1, 2, 10]))
    made.write(first="1")
    made.tick()
    for _ in range(6):
        names = rng.sample([f"f{i}" for i in range(9)], rng.randrange(1, 6))
        made.write(**{name: "x" * rng.randrange(1, 50) for name in names})
        for _ in range(rng.randrange(3)):
            made.tick(dies=rng.random() < 0.5)
    while made.tick():
        pass

    with made.project.open() as filesync:
        journal = [row for batch in filesync.changes("docs") for row in batch.to_pylist()]
    wanted = sorted(
        (row["path"], row["change"], row["seq"]) for row in journal if row["change"] in {"added", "modified"}
    )
    assert made.handed_over == wanted
    assert wanted


@pytest.mark.parametrize("initial", [True, False])
def test_other_filters_after_a_tick_that_died_pass_nothing_over(watched, initial):
    """The first and the last file of the batch are those of one that was launched: it is another one all the same."""
    made = watched(initial=initial, exclude=["b*"])
    made.write(zero__csv="1")
    if not initial:
        made.tick()
    made.write(a__csv="1", b__csv="1", c__csv="1")
    if initial:
        made.tick()
    made.tick(dies=True)
    made.configure(initial=initial)
    made.tick()

    assert "b.csv" in {path for path, *_ in made.handed_over}


def test_a_tick_reads_a_bounded_number_of_rows(watched, monkeypatch):
    """None of which may match: the next tick goes on behind them, of the snapshot and of the journal."""
    monkeypatch.setattr(file_changes, "ROWS_READ_PER_TICK", 3)
    made = watched(initial=True, include=["z*"])
    made.write(**dict.fromkeys("abcdefz", "1"))
    made.tick()
    assert [made.tick() for _ in range(3)] == [[], [], [["z"]]]
    made.write(**dict.fromkeys(("a1", "b1", "c1", "d1", "z1"), "1"))
    assert [made.tick() for _ in range(2)] == [[], [["z1"]]]

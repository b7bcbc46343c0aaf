"""Random changes, round after round, replicated among faults and kills; an independent tool compares at the end."""

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from filesync_dagster.connectors.destination import ASIDE_SUFFIX, PART_SUFFIX, TRASH_FOLDER
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.simulators.file_manager import FileManagerSimulator
from filesync_dagster.simulators.google_drive.downloads import MEDIA
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster_tests.connectors.google_drive.place import DrivePlace
from filesync_dagster_tests.connectors.s3.faulty_server import faulty_server
from filesync_dagster_tests.replication import victim
from filesync_dagster_tests.replication.places import (
    BucketOfFolder,
    BucketOfMoto,
    DriveOfSimulator,
    Place,
    files_below,
    mutate,
    rclone_address,
    rclone_check,
)
from filesync_dagster_tests.sizes import size
from filesync_dagster_tests.sync.projects import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROUNDS = size(30, 300)
SHARE_OF_FAULTS = 0.1


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    """Let nothing wait long in this process either."""
    monkeypatch.setattr(RetryPolicy.__init__, "__defaults__", victim.IMPATIENCE)
    monkeypatch.setattr("filesync_dagster.replication.copy.PAUSE_SECONDS", 0.01)


@dataclass
class ReplicationLoop:
    """One replication whose source changes, again and again."""

    folder: Path
    place: Place
    endpoint: dict[str, Any]
    destination: dict[str, Any]
    is_equal: Callable[[], None]  # raises AssertionError
    plan: FaultPlan = field(default_factory=FaultPlan)
    faults: dict[Fault, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    large: float = 0.0
    seed: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def run(self, rounds: int = ROUNDS) -> None:
        """Do all rounds."""
        self.project = Project(self.folder)
        self.project.replications = [{"name": "copy", "source": "files", "destination": self.destination,
                                      "guard": {"enabled": False}}]  # fmt: skip
        self.project.write({"name": "files", "guard": {"enabled": False}, "schedule": "manual", **self.endpoint})
        self.chance = random.Random(self.seed)
        self.seconds = 0.3
        with self.project.open() as self.filesync:
            for number in range(rounds):
                self._round(number)
        sys.stdout.write(json.dumps({"rounds": rounds, **self.counts}) + "\n")

    def _round(self, number: int) -> None:
        mutate(self.place, self.chance, 10, large=self.large)
        self._sync()
        if number % 3 == 2:
            mutate(self.place, self.chance, 3)  # what the inventory does not know yet
            self.counts["changed between sync and copy"] += 1
        self._plan_faults()
        if number % 5 == 4:
            self._replicate_and_kill()
        else:
            began = time.monotonic()
            result = self.filesync.replications.replicate("copy")
            self.seconds = time.monotonic() - began
            self._count(result.as_dict())
        self.plan.clear()
        self._settle(number)

    def _sync(self) -> None:
        result = self.filesync.sync("files")
        assert result.error is None, result

    def _plan_faults(self) -> None:
        for fault, (operation, how) in self.faults.items():
            self.plan.add(fault, operation, times=-1, chance=SHARE_OF_FAULTS / len(self.faults), **how)

    def _replicate_and_kill(self) -> None:
        arguments = [str(self.project.config), json.dumps(self.project.variables), "copy", "", "0"]
        command = [sys.executable, "-m", "filesync_dagster_tests.replication.victim", *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True) as child:
            assert child.stdout is not None
            assert child.stdout.readline().strip() == victim.READY
            with suppress(subprocess.TimeoutExpired):
                child.wait(self.chance.uniform(0.0, 1.2 * self.seconds))
            child.kill()
            told = child.stdout.read()
        self.counts["ended before the kill" if told else "killed"] += 1

    def _settle(self, number: int) -> None:
        """Sync and replicate undisturbed: two runs are enough, one of which may end what was begun."""
        for _ in range(2):
            self._sync()
            result = self.filesync.replications.replicate("copy")
            self._count(result.as_dict())
            if result.status == "completed":
                break
        assert result.status == "completed", (number, result, self.filesync.replications.problems("copy"))
        try:
            self.is_equal()
        except AssertionError as error:
            raise AssertionError(f"after round {number} of seed {self.seed}: {error}") from error
        if number % 5 == 0:
            again = self.filesync.replications.replicate("copy")
            assert again.plan_id is None, (number, again)

    def _count(self, result: dict[str, Any]) -> None:
        self.counts[f"runs that were {result['status']}"] += 1
        for name in ("created", "updated", "moved", "deleted", "adopted", "failed", "stale", "foreign"):
            self.counts[name] += result[name]


GET_FAULTS = {
    fault: ("GetObject", {})
    for fault in (Fault.TRUNCATE, Fault.RESET, Fault.FLIP_BIT, Fault.THROTTLE, Fault.SERVER_ERROR)
}


@pytest.fixture
def bucket(s3_server, tmp_path):
    """Return a bucket that is a folder, its name, and the endpoint over a proxy that does what a plan says."""
    name, plan = s3_server.bucket(), FaultPlan()
    with faulty_server(s3_server.endpoint_url, plan, []) as address:
        details = s3_server.details(name) | {"endpoint_url": address}
        yield BucketOfFolder(s3_server.root / name), name, {"type": "s3", "endpoint_details": details}, plan


def test_a_bucket_to_a_folder(bucket, s3_server, tmp_path):
    """Rclone downloads both and compares."""
    place, name, endpoint, plan = bucket
    target = tmp_path / "target"
    target.mkdir()
    destination = {"type": "local", "endpoint_details": {"path": str(target)}}
    source = rclone_address(s3_server, name)
    loop = ReplicationLoop(tmp_path / "project", place, endpoint, destination,
                           lambda: rclone_check(source, str(target)), plan, GET_FAULTS, large=0.01)  # fmt: skip
    loop.run()
    assert not list(target.rglob(f"*{ASIDE_SUFFIX}"))


def test_a_bucket_to_a_bucket(bucket, s3_server, tmp_path):
    """Rclone downloads both and compares."""
    place, name, endpoint, plan = bucket
    target = s3_server.bucket()
    destination = {"type": "s3", "endpoint_details": s3_server.details(target)}
    source, copy = rclone_address(s3_server, name), rclone_address(s3_server, target)
    loop = ReplicationLoop(tmp_path / "project", place, endpoint, destination,
                           lambda: rclone_check(source, copy), plan, GET_FAULTS, large=0.02, seed=1)  # fmt: skip
    loop.run()


def test_a_bucket_of_moto_to_another(moto_s3, tmp_path):
    """Keys that no folder can hold; every object is read and compared."""
    name, other = moto_s3.bucket(), moto_s3.bucket()
    place, target = BucketOfMoto(moto_s3, name), BucketOfMoto(moto_s3, other)

    def is_equal() -> None:
        assert target.contents() == place.contents()

    plan = FaultPlan()
    with faulty_server(moto_s3.endpoint_url, plan, []) as address:
        endpoint = {"type": "s3", "endpoint_details": moto_s3.details(name) | {"endpoint_url": address}}
        destination = {"type": "s3", "endpoint_details": moto_s3.details(other)}
        loop = ReplicationLoop(tmp_path / "project", place, endpoint, destination, is_equal, plan, GET_FAULTS, seed=2)
        loop.run()


def test_a_bucket_to_a_file_manager(bucket, tmp_path):
    """Its root is walked."""
    place, _, endpoint, _ = bucket
    plan, root = FaultPlan(), tmp_path / "root"
    simulator = FileManagerSimulator(root, plan=plan)

    def is_equal() -> None:
        assert files_below(root) == files_below(place.root)

    faults = {
        Fault.SERVER_ERROR: ("*", {"status": 503}), Fault.THROTTLE: ("*", {"seconds": 0}), Fault.DISCONNECT: ("*", {}),
        Fault.LOSE_ANSWER: ("*", {}), Fault.BREAK_UPLOAD: ("*", {}),
    }  # fmt: skip
    with serve_simulator(simulator) as address:
        destination = {"type": "file_manager", "endpoint_details": {"base_url": address}}
        loop = ReplicationLoop(tmp_path / "project", place, endpoint, destination, is_equal, plan, faults, seed=3)
        loop.run()
    simulator.close()


def test_a_drive_to_a_folder(tmp_path):
    """The store of the simulator is walked, and the folder."""
    drive = DrivePlace()
    place, target = DriveOfSimulator(drive), tmp_path / "target"
    target.mkdir()

    def is_equal() -> None:
        there = {
            path.relative_to(target).as_posix(): None if path.is_dir() else path.read_bytes()
            for path in target.rglob("*")
            if TRASH_FOLDER not in path.parts and not path.name.endswith(PART_SUFFIX)
        }
        assert there == place.contents()

    faults = {
        fault: (MEDIA, {"seconds": 0} if fault is Fault.THROTTLE else {})
        for fault in (Fault.TRUNCATE, Fault.RESET, Fault.FLIP_BIT, Fault.THROTTLE, Fault.SERVER_ERROR)
    }
    with serve_simulator(drive.simulator) as address:
        drive.base_url = address
        endpoint = {"type": "google_drive", "endpoint_details": {"base_url": address, **drive.credentials()}}
        destination = {"type": "local", "endpoint_details": {"path": str(target)}}
        loop = ReplicationLoop(tmp_path / "project", place, endpoint, destination, is_equal, drive.plan, faults, seed=4)
        loop.run()

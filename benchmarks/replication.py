"""Copies of the same files by us and by rclone, s5cmd and aws-cli, in turns. `python -m benchmarks.replication WHAT`

The server is `rclone serve s3`; it shares the machine with all of them. Ours is a sync and a replication in a process
of its own: what is timed is both, from when its libraries are there; `wall_seconds` has Python's start too. We write
every file down for good (fsync) and the others do not, so theirs is timed with what the disk takes afterwards as well.
"""

import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from filesync_dagster_tests.servers import RCLONE, S3Server, rclone_s3

BUCKET = "bench"
AT_ONCE = 8
MEBIBYTE = 1 << 20
S5CMD = RCLONE.with_name("s5cmd")

Peer = Callable[[S3Server, S3Server | None, Path], list[str]]


def run(what: str, **arguments: int) -> dict[str, Any]:
    """Run one of the comparisons."""
    return {"large": large, "small": small, "file_manager": file_manager}[what](**arguments)


def large(files: int = 4, mebibytes: int = 256, rounds: int = 3) -> dict[str, Any]:
    """A few large files, out of a bucket into a folder, and into a bucket of another server, through us."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root / "buckets" / BUCKET, files, mebibytes * MEBIBYTE)
        with rclone_s3(root / "buckets") as server, other_server(root) as other:
            to_local = in_turns(root, rounds, server, None, {"rclone": rclone, "s5cmd": s5cmd})
            to_s3 = in_turns(root, rounds, server, other, {"rclone": rclone})
    return {"files": files, "mebibytes_each": mebibytes, "local": to_local, "s3": to_s3}


def small(files: int, bytes_each: int, rounds: int = 3) -> dict[str, Any]:
    """Many small files, out of a bucket into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        fill(root / "buckets" / BUCKET, files, bytes_each)
        with rclone_s3(root / "buckets") as server:
            peers = {"rclone": rclone, "s5cmd": s5cmd} | ({"aws": aws} if shutil.which("aws") else {})
            return {
                "files": files,
                "bytes_each": bytes_each,
                **in_turns(root, rounds, server, None, peers),
            }


def fill(bucket: Path, files: int, bytes_each: int) -> None:
    chosen = random.Random(7)
    for number in range(files):
        path = bucket / f"folder{number // 100:03d}" / f"file{number:06d}.dwg"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, bytes_each, MEBIBYTE):
                file.write(chosen.randbytes(min(MEBIBYTE, bytes_each - start)))


@contextmanager
def other_server(root: Path) -> Iterator[S3Server]:
    (root / "others" / BUCKET).mkdir(parents=True)
    with rclone_s3(root / "others") as server:
        yield server


def in_turns(
    root: Path, rounds: int, server: S3Server, other: S3Server | None, peers: dict[str, Peer]
) -> dict[str, Any]:
    """Return the seconds of each, the best of the rounds, each into an empty place; and ours beside theirs."""
    theirs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in peers}
    ours = []
    replicate(root, server, other)  # warms the server's hashes and the page cache
    for _ in range(rounds):
        for name, command in peers.items():
            with target(root, other) as place:
                theirs[name].append(timed(command(server, other, place), place, server))
                assert size_of(place) == size_of(root / "buckets" / BUCKET), name
        ours.append(replicate(root, server, other))
    best = min(ours, key=lambda one: one["seconds"])
    found: dict[str, Any] = {"ours": {**best, "peak_mib": max(one["peak_mib"] for one in ours)}}
    for name, times in theirs.items():
        seconds, durable, cpu = (round(min(column), 2) for column in zip(*times, strict=True))
        found[name] = {"seconds": seconds, "durable_seconds": durable, "cpu_seconds": cpu}
        found[f"to_{name}"] = round(seconds / best["seconds"], 2)
        found[f"to_{name}_durable"] = round(durable / best["seconds"], 2)
    return found


@contextmanager
def target(root: Path, other: S3Server | None) -> Iterator[Path]:
    """Lend an empty place to copy to."""
    place = root / "target" if other is None else root / "others" / BUCKET
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place)
        place.mkdir()
        os.sync()  # what one left to the disk is not another's to wait for


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def timed(command: list[str], place: Path, server: S3Server) -> tuple[float, float, float]:
    """Return the seconds of a command, those with what the disk needs afterwards, and of the processor."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    keys = {"AWS_ACCESS_KEY_ID": server.access_key_id, "AWS_SECRET_ACCESS_KEY": server.secret_access_key}
    environment = {**os.environ, **keys, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1"}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    ended, after = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["sync", "-f", str(place)], check=True)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return ended - began, time.perf_counter() - began, cpu


def rclone(server: S3Server, other: S3Server | None, place: Path) -> list[str]:
    to = str(place) if other is None else f"{remote(other)}{BUCKET}"
    return [str(RCLONE), "sync", "--config", "/dev/null", "--log-level", "ERROR", f"{remote(server)}{BUCKET}", to]


def remote(server: S3Server) -> str:
    keys = f"access_key_id={server.access_key_id},secret_access_key={server.secret_access_key}"
    return f':s3,provider=Rclone,{keys},endpoint="{server.endpoint_url}":'


def s5cmd(server: S3Server, other: S3Server | None, place: Path) -> list[str]:
    return [str(S5CMD), "--endpoint-url", server.endpoint_url, "sync", f"s3://{BUCKET}/*", f"{place}/"]


def aws(server: S3Server, other: S3Server | None, place: Path) -> list[str]:
    return ["aws", "--endpoint-url", server.endpoint_url, "s3", "sync", "--quiet", f"s3://{BUCKET}", str(place)]


def replicate(root: Path, server: S3Server, other: S3Server | None) -> dict[str, Any]:
    """Sync and replicate in a process of its own, with nothing known before."""
    with target(root, other) as place:
        if other is None:
            destination = {"type": "local", "endpoint_details": {"path": str(place)}}
        else:
            destination = {"type": "s3", "endpoint_details": other.details(BUCKET)}
        found = in_child(root, {"type": "s3", "endpoint_details": server.details(BUCKET)}, destination)
        assert size_of(place) == size_of(root / "buckets" / BUCKET), found
    return found


def in_child(root: Path, source: dict[str, Any], destination: dict[str, Any]) -> dict[str, Any]:
    """Return what a sync and a replication took, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=root) as home:
        for name in ("warm", "warmed"):
            Path(home, name).mkdir()
        Path(home, "warm", "file").touch()
        warm, warmed = ({"type": "local", "endpoint_details": {"path": name}} for name in ("warm", "warmed"))
        document = {
            "endpoints": [{"name": "files", **source}, {"name": "warm", **warm}],
            "replications": [
                {"name": "copy", "source": "files", "destination": destination, "concurrency": AT_ONCE},
                {"name": "warm_copy", "source": "warm", "destination": warmed},
            ],
        }
        Path(home, "endpoints.yaml").write_text(json.dumps(document))
        began = time.perf_counter()
        child = subprocess.run(
            [sys.executable, "-m", "benchmarks.replication_run", home],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        wall = time.perf_counter() - began
    found: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    assert found.pop("status") == "completed", found
    return {**found, "wall_seconds": round(wall, 2)}


def file_manager(files: int = 1_000, bytes_each: int = 100 << 10, rounds: int = 3) -> dict[str, Any]:
    """Small files of a folder to the simulated file manager, and the same requests by a bare loop over httpx."""
    ours, bare = [], []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        source = {"type": "local", "endpoint_details": {"path": f"{root}/files"}}
        fill(root / "files", files, bytes_each)
        for _ in range(rounds):
            with simulator(root) as url:
                bare.append(post_all(root / "files", url))
            with simulator(root) as url:
                destination = {"type": "file_manager", "endpoint_details": {"base_url": url}}
                ours.append(in_child(root, source, destination))
    best = min(ours, key=lambda one: one["replicate_seconds"])
    return {
        "files": files,
        "bytes_each": bytes_each,
        "ours": {**best, "peak_mib": max(one["peak_mib"] for one in ours)},
        "bare_seconds": round(min(bare), 2),
        "to_bare": round(min(bare) / best["replicate_seconds"], 2),
    }


@contextmanager
def simulator(root: Path) -> Iterator[str]:
    """Serve an empty file manager from a process of its own."""
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(dir=root))
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.replication", "simulate", place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[1],
        )
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.communicate()  # its input ends


def simulate(root: Path) -> None:
    from filesync_dagster.simulators.file_manager import FileManagerSimulator
    from filesync_dagster.simulators.kit.wire import serve_simulator

    with serve_simulator(FileManagerSimulator(root)) as url:
        print(url, flush=True)
        sys.stdin.read()


def post_all(folder: Path, url: str) -> float:
    """Return the seconds that the same uploads take, so many at once, with nothing proved, noted or asked."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())

    def post(path: Path) -> None:
        name = str(path.relative_to(folder))
        fields = {"operation": "create", "file_path": name, "size": str(path.stat().st_size)}
        with path.open("rb") as file:
            answer = client.post("/saveToDisk", data=fields, files={"file": (path.name, file, "image/vnd.dwg")})
        answer.raise_for_status()

    with httpx.Client(base_url=url, timeout=60) as client, ThreadPoolExecutor(AT_ONCE) as pool:
        began = time.perf_counter()
        list(pool.map(post, paths))
        return time.perf_counter() - began


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["simulate", place]:
            simulate(Path(place))
        case [what, *rest]:
            arguments = {name: int(value) for name, _, value in (one.partition("=") for one in rest)}
            print(json.dumps(run(what, **arguments), indent=2))

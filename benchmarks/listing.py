"""List the same objects of the same server with ours and with boto3's paginator, in turns.

The server is `rclone serve s3` over a folder, its directory cache warm. Both clients share the machine with it.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import boto3
from botocore.config import Config

from filesync_dagster.connectors.s3 import S3Details, open_s3
from filesync_dagster.core.model import Meter
from filesync_dagster_tests.servers import rclone_s3

BUCKET = "bench"
CACHED = ("--dir-cache-time", "1h", "--read-only")
PER_FOLDER = 100


def run(objects: int = 100_000, rounds: int = 3) -> dict[str, float | int]:
    """Return objects per second of both, the best of `rounds` each, and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "buckets"
        fill(root / BUCKET, objects)
        with rclone_s3(root, *CACHED) as server:
            list_boto3(server)  # warms the server's cache
            landmarks = list_ours(server, objects)[::100]
            ours, again, boto, bare = [], [], [], []
            for _ in range(rounds):
                boto.append(timed(list_boto3, server))
                ours.append(timed(list_ours, server, objects))
                again.append(timed(list_ours, server, objects, landmarks))
                bare.append(timed(fetch_only, server))
    return {
        "objects": objects,
        "boto3_objects_per_second": round(objects / min(boto)),
        "ours_objects_per_second": round(objects / min(ours)),
        "ours_with_landmarks_objects_per_second": round(objects / min(again)),
        "server_floor_objects_per_second": round(objects / min(bare)),
        "ratio": round(min(boto) / min(ours), 2),
        "ratio_median": round(median(boto) / median(ours), 2),
        "ratio_with_landmarks": round(min(boto) / min(again), 2),
    }


def fill(bucket, objects):
    for start in range(0, objects, PER_FOLDER):
        folder = bucket / f"dir{start // PER_FOLDER // 100:02d}" / f"sub{start // PER_FOLDER:04d}"
        folder.mkdir(parents=True)
        for number in range(start, min(start + PER_FOLDER, objects)):
            (folder / f"file{number:06d}.dwg").write_bytes(b"x" * (number % 7))


def timed(call, *arguments):
    started = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - started


def list_ours(server, objects, landmarks=()):
    source = open_s3(S3Details(**server.details(BUCKET)), Meter())
    found = [key for page in source.list("", None, landmarks) for key in page.batch["external_id"].to_pylist()]
    source.close()
    assert len(found) == objects
    return sorted(found)


def list_boto3(server):
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )
    return [
        o["Key"] for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET) for o in page["Contents"]
    ]


def fetch_only(server):
    """Fetch the pages one after another and look at nothing but the token: the server's own speed."""
    source = open_s3(S3Details(**server.details(BUCKET)), Meter())
    transport = source._transport  # noqa: SLF001 - below the parser, on purpose
    query = {"list-type": "2", "max-keys": "1000"}
    while True:
        _, found, rest = transport.get(query).partition(b"<NextContinuationToken>")
        if not found:
            break
        query["continuation-token"] = rest[: rest.index(b"<")].decode()
    source.close()


if __name__ == "__main__":
    json.dump(run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000), sys.stdout, indent=1)

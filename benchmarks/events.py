"""Events from a real RabbitMQ about a bucket of a real S3 server: how many a second, how many requests, how late.

Needs RabbitMQ with guest/guest on 127.0.0.1:5672.
"""

import json
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pika

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.sync.events.receive import receive_queue
from filesync_dagster_tests.servers import rclone_s3
from filesync_dagster_tests.sync.events.queues import Rabbit, minio_event

FOLDERS, DELAYS = 100, 15


def run(files: int, events: int, scattered: int) -> dict[str, Any]:
    """Upload `events` files into one folder and change `scattered` all over `files` others; receive what is told."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "buckets"
        bucket = root / "events"
        for number in range(files):
            write(bucket / f"{number % FOLDERS:03}" / f"{number:06}.bin", b"1")
        queue = Rabbit()
        with rclone_s3(root, "--dir-cache-time", "1ms") as server:
            config = Path(folder) / "endpoints.yaml"
            details = server.details("events", provider="rclone")
            endpoint = {"name": "events", "type": "s3", "endpoint_details": details}
            entry = {**queue.entry, "batch": 10_000}
            config.write_text(json.dumps({"queues": [entry], "endpoints": [endpoint]}))
            environment = read_environment(config, {"FILESYNC_HOME": str(Path(folder) / "home")})
            with Filesync(load_config(environment)) as filesync:
                listed = filesync.sync("events")
                assert listed.files_total == files, listed
                uploaded = [f"new/{number:06}.bin" for number in range(events)]
                chance = random.Random(1)
                far = [f"{n % FOLDERS:03}/{n:06}.bin" for n in chance.sample(range(files), scattered)]
                result = {
                    "files": files,
                    "listing_calls": listed.api_calls,
                    "listing_seconds": round(listed.duration_seconds, 2),
                    "uploaded": told(filesync, queue, bucket, uploaded),
                    "scattered": told(filesync, queue, bucket, far),
                    **delays(filesync, queue, bucket),
                }
                again = filesync.sync("events")
                assert (again.counts.added, again.counts.updated, again.counts.removed) == (0, 0, 0), again
        queue.close()
    return result


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


def told(filesync: Filesync, queue: Rabbit, bucket: Path, keys: list[str]) -> dict[str, Any]:
    for key in keys:
        write(bucket / key, b"changed")
    bodies = [json.dumps(minio_event("events", key)).encode() for key in keys]
    queue.send(*bodies)
    bare = consumed(queue, len(keys))
    queue.send(*bodies)
    started = time.perf_counter()
    batches = list(receive_queue(filesync.runtime, "events"))
    seconds = time.perf_counter() - started
    results = [result for batch in batches for result in batch.results]
    assert sum(r.counts.added + r.counts.updated for r in results) == len(keys), results
    calls = sum(result.api_calls for result in results)
    return {
        "events": len(keys),
        "seconds": round(seconds, 2),
        "events_per_second": round(len(keys) / seconds),
        "just_consuming_seconds": round(bare, 2),
        "ratio": round(seconds / bare, 1),
        "calls": calls,
        "calls_per_event": round(calls / len(keys), 3),
    }


def consumed(queue: Rabbit, count: int) -> float:
    """Return the seconds that it takes to take as many messages and acknowledge each."""
    connection = pika.BlockingConnection(pika.URLParameters(queue.entry["url"]))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=count)
    started = time.perf_counter()
    for taken, (method, _, _) in enumerate(channel.consume(queue.queue), start=1):
        channel.basic_ack(method.delivery_tag)
        if taken == count:
            break
    connection.process_data_events(0)
    seconds = time.perf_counter() - started
    connection.close()
    return seconds


def delays(filesync: Filesync, queue: Rabbit, bucket: Path) -> dict[str, Any]:
    """Return how long after its event a file is in the inventory, when somebody receives all the time."""
    found = []
    for number in range(DELAYS):
        key = f"late/{number}.bin"
        write(bucket / key, b"1")
        started = time.perf_counter()
        queue.send(minio_event("events", key))
        batch = next(receive_queue(filesync.runtime, "events"))
        assert batch.results[0].counts.added == 1
        found.append(time.perf_counter() - started)
    return {"delay_seconds_median": round(statistics.median(found), 2), "delay_seconds_worst": round(max(found), 2)}

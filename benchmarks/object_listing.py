"""List the same objects of the same simulated store with ours and with the pager of its vendor's client, in turns.

The simulator has a process of its own and remembers its answers, so that nobody waits for what it makes of them. Of
each object the vendor's client gives the same fields that we record: Google's parses them when they are asked for.
CPU seconds are those of the client. `python -m benchmarks.object_listing gcs|azure_blob [OBJECTS]`
"""

import json
import multiprocessing
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.azure_blob import AzureBlobSimulator
from filesync_dagster.simulators.gcs import GcsSimulator
from filesync_dagster.simulators.kit.wire import Answer, Request, serve_simulator

LANDMARK_OBJECTS = 100
ONCE = frozenset({"POST"})
GOOGLE_FIELDS = (
    "name", "generation", "metageneration", "size", "md5_hash", "crc32c", "etag", "updated", "time_created",
    "storage_class", "content_type",
)  # fmt: skip
GOOGLE_MASK = (
    "nextPageToken,items(name,generation,metageneration,size,md5Hash,crc32c,etag,updated,timeCreated,storageClass,"
    "contentType)"
)
AZURE_FIELDS = ("name", "size", "creation_time", "last_modified", "etag", "version_id", "blob_type", "blob_tier")


@dataclass(frozen=True)
class Took:
    """What a listing took, in seconds."""

    wall: float
    cpu: float


def run(kind: str, objects: int = 50_000, rounds: int = 5) -> dict[str, float | int]:
    """Return objects per second of both, the best of `rounds` each, and their ratios."""
    vendor = VENDORS[kind]
    with served(kind, objects) as details:
        ids = sorted(list_ours(kind, details, objects))
        landmarks = ids[LANDMARK_OBJECTS::LANDMARK_OBJECTS]
        list_ours(kind, details, objects, landmarks)  # now the simulator knows all answers
        vendor(details, objects)
        theirs, ours, again = [], [], []
        for _ in range(rounds):
            theirs.append(timed(vendor, details, objects))
            ours.append(timed(list_ours, kind, details, objects))
            again.append(timed(list_ours, kind, details, objects, landmarks))
    best, least = [min(took.wall for took in all_) for all_ in (theirs, ours, again)], min(t.cpu for t in theirs)
    return {
        "objects": objects,
        "vendor_objects_per_second": round(objects / best[0]),
        "ours_objects_per_second": round(objects / best[1]),
        "ours_with_landmarks_objects_per_second": round(objects / best[2]),
        "vendor_cpu_microseconds_per_object": round(least / objects * 1e6, 1),
        "ours_cpu_microseconds_per_object": round(min(took.cpu for took in ours) / objects * 1e6, 1),
        "ratio": round(best[0] / best[1], 2),
        "ratio_with_landmarks": round(best[0] / best[2], 2),
        "cpu_ratio": round(least / min(took.cpu for took in ours), 2),
        "cpu_ratio_with_landmarks": round(least / min(took.cpu for took in again), 2),
    }


def timed(call: Callable[..., Any], *arguments: Any) -> Took:
    """Return what a call took."""
    wall, cpu = time.perf_counter(), time.process_time()
    call(*arguments)
    return Took(time.perf_counter() - wall, time.process_time() - cpu)


def list_ours(kind: str, details: dict[str, Any], objects: int, landmarks: Sequence[str] = ()) -> list[str]:
    """List with ours; return the ids."""
    connector = CONNECTORS[kind]
    chosen = {name: value for name, value in details.items() if name != "token"}
    source = connector.open(connector.details(**chosen), Meter())
    found = [key for page in source.list("", None, landmarks) for key in page.batch["external_id"].to_pylist()]
    source.close()
    assert len(found) == objects, len(found)
    return found


def list_google(details: dict[str, Any], objects: int) -> None:
    """List with Google's client."""
    with warnings.catch_warnings():  # of what would help with gRPC
        warnings.simplefilter("ignore")
        from google.api_core.client_options import ClientOptions
        from google.cloud import storage
        from google.oauth2.credentials import Credentials
    options = ClientOptions(api_endpoint=details["base_url"])
    client = storage.Client("project", Credentials(details["token"]), client_options=options)
    pager = client.list_blobs(details["bucket"], page_size=1000, fields=GOOGLE_MASK)
    found = [[getattr(blob, name) for name in GOOGLE_FIELDS] for blob in pager]
    client.close()
    assert len(found) == objects, len(found)
    assert all(found[0]), found[0]


def list_azure(details: dict[str, Any], objects: int) -> None:
    """List with Microsoft's client."""
    from azure.storage.blob import ContainerClient

    credential = {"account_name": details["account"], "account_key": details["account_key"]}
    client = ContainerClient(details["base_url"], details["container"], credential=credential)
    found = [
        [getattr(blob, name) for name in AZURE_FIELDS]
        + [blob.content_settings.content_type, blob.content_settings.content_md5]
        for blob in client.list_blobs(results_per_page=5000)
    ]
    client.close()
    assert len(found) == objects, len(found)


VENDORS: dict[str, Callable[[dict[str, Any], int], None]] = {"gcs": list_google, "azure_blob": list_azure}


@contextmanager
def served(kind: str, objects: int) -> Iterator[dict[str, Any]]:
    """Serve a store of so many objects from a process of its own; yield what a client has to know."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(kind, objects, theirs), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def serve(kind: str, objects: int, pipe: Connection) -> None:
    """Serve a store until something comes down the pipe."""
    simulator = SIMULATORS[kind]()
    simulator.store.bulk(objects)
    with serve_simulator(Remembering(simulator)) as address:
        token = simulator.issuer.mint("simulated-token", "scope")["access_token"]
        pipe.send({**simulator.credentials(address), "token": token})
        pipe.recv()


SIMULATORS: dict[str, Callable[[], Any]] = {"gcs": GcsSimulator, "azure_blob": AzureBlobSimulator}


class Remembering:
    """A simulator that answers a question that it knows at once."""

    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator
        self._answers: dict[Any, Answer] = {}

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        key = request.method, request.path, request.query, request.headers.get("x-ms-version")
        if key in self._answers:
            return self._answers[key]
        answer: Answer = self._simulator.handle(request)
        if request.method not in ONCE and answer.status < 300:
            self._answers[key] = answer
        return answer


if __name__ == "__main__":
    print(json.dumps(run(sys.argv[1], *map(int, sys.argv[2:])), indent=1))

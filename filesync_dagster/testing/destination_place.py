"""Somewhere to write files, looked at by other means than the destination: what its suites need of a store."""

import json
import subprocess
import sys
from array import array
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, Protocol, runtime_checkable

from filesync_dagster.connectors.destination import NOTHING, Destination, Precondition, Receipt, Upload
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan

TAGS: Final = {"source": "drive", "source_id": "1a/é?x=y", "source_version": "7"}


@runtime_checkable
class DestinationPlace(Protocol):
    """Somewhere to write files, empty at first, and the destination that does it. What it looks at, it looks at itself.

    A place may say more of a server that is none of ours: with an attribute `tears`, that it shows half a file to
    whoever reads while it is replaced.
    """

    @property
    def kind(self) -> str:
        """The type of the store, as the registry has it."""
        ...

    @property
    def details(self) -> Mapping[str, Any]:
        """What the destination is opened with: JSON values."""
        ...

    @property
    def odd_names(self) -> tuple[str, ...]:
        """Paths that are legal here and easy to get wrong, none of them inside another."""
        ...

    def open(self, meter: Meter) -> Destination:
        """Return a destination of this place."""
        ...

    def open_missing(self, meter: Meter) -> Destination:
        """Return a destination whose bucket or folder does not exist."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return what a stranger reads at a path; None when nothing is there."""
        ...

    def paths(self) -> set[str]:
        """Return the paths of all files that a stranger sees: unfinished ones and the trash too."""
        ...

    def put(self, path: str, content: bytes) -> None:
        """Write a file as a stranger does."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file as a stranger does."""
        ...


@runtime_checkable
class TroubledPlace(DestinationPlace, Protocol):
    """A place whose store fails on demand, at any call."""

    @property
    def plan(self) -> FaultPlan:
        """What goes wrong. Its operations are the store's own; "*" is any."""
        ...

    @property
    def faults(self) -> frozenset[Fault]:
        """What can go wrong here. DISCONNECT: the store has done what was asked, and the answer is lost."""
        ...


@runtime_checkable
class BoundedPlace(DestinationPlace, Protocol):
    """A place that can be full, and parts of which can be forbidden. Either may skip the test where it cannot be."""

    def full(self, room: int) -> AbstractContextManager[Destination]:
        """Yield a destination with room for about so many bytes and no more."""
        ...

    def forbidden(self, path: str) -> AbstractContextManager[None]:
        """Let nothing be written at or below a path."""
        ...


def stream(content: bytes, *, block: int = 1 << 20, **options: Any) -> ContentStream:
    """Return a content as a source gives it."""
    blocks = (content[start : start + block] for start in range(0, len(content), block))
    return ContentStream(blocks, **{"what": "a test's file", "size": len(content), **options})


def put(
    destination: Destination, path: str, content: bytes, expected: Precondition | None = NOTHING, **options: Any
) -> Receipt:
    """Write a file through a destination."""
    upload = Upload(path=path, **{"size": len(content), "expected": expected, "tags": TAGS, **options})
    return destination.write(upload, stream(content, algorithms=destination.facts.hashes))


def list_paths(destination: Destination, below: str = "") -> set[str]:
    """Return the paths of the files that a destination lists."""
    return {found.path for batch in destination.list(below) for found in batch if found.kind == "file"}


def pattern(size: int) -> bytes:
    """Return a content in which no two places are alike."""
    return array("Q", range(size // 8 + 1)).tobytes()[:size]


_WRITER: Final = """
import json, sys, time
from filesync_dagster.connectors.destination import Precondition, Upload
from filesync_dagster.connectors.registry import CONNECTORS
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.model import Meter
given = json.loads(sys.argv[1])
connector = CONNECTORS[given["kind"]]
details = (connector.destination_details or connector.details)(**given["details"])
def blocks():
    for _ in range(given["blocks"]):
        yield b"n" * (1 << 20)
    print("midway", flush=True)
    time.sleep(600)
upload = Upload(path=given["path"], size=given["size"], expected=Precondition(given["expected"]))
destination = connector.open_destination(details, Meter())
destination.write(upload, ContentStream(blocks(), what="x", size=given["size"]))
"""


def write_until_killed(place: DestinationPlace, path: str, blocks: int, expected: str | None) -> None:
    """Begin to write a file of `blocks` MiB and a bit in a process of its own, which dies before the last block."""
    given = {
        "kind": place.kind,
        "details": dict(place.details),
        "path": path,
        "blocks": blocks,
        "size": (blocks << 20) + 1,
        "expected": expected,
    }
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", _WRITER, json.dumps(given)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "midway\n"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def broken(content: bytes, error: Exception) -> Iterator[bytes]:
    """Yield a content, then raise."""
    yield content
    raise error

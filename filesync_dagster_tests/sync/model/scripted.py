"""A source that lists and tells what a test has written down: for histories that no provider's simulator has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from filesync_dagster.connectors import CONNECTORS, Connector
from filesync_dagster.core.model import Capabilities, ConnectionReport, Delta, ListingGap, Page
from filesync_dagster.core.schemas import build_batch


def row(external_id: str, parent: str | None = None, *, scope: str = "one", kind: str = "file", **more: Any) -> Any:
    """Return an entry whose name is its id."""
    named = {"external_id": external_id, "name": external_id, "path": external_id, "parent_id": parent}
    size = None if kind == "folder" else 1
    return {**named, "scope": scope, "kind": kind, "size": size, "version": "1", "trashed": False, **more}


def batch(rows: Sequence[Any]) -> Any:
    """Return entries in FILE_SCHEMA."""
    return build_batch({name: [each.get(name) for each in rows] for name in row("")}, len(rows))


def delta(scope: str, *rows: Any, removed: dict[str, int] | None = None, **more: Any) -> Delta:
    """Return what a feed tells."""
    return Delta(scope, batch(rows), cursor="later", removed=removed or {}, **more)


@dataclass
class Script:
    """What is there, and what is told of it. `cursors` are those that were asked about."""

    rows: list[Any] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    cursors: list[str] = field(default_factory=list)
    unread: tuple[ListingGap, ...] = ()  # by `below`
    listed: bool = False


class ScriptedSource:
    """One opened script."""

    capabilities = Capabilities(stable_ids=True, derives_paths=True)

    def __init__(self, script: Script) -> None:
        self.script = script

    def check(self) -> ConnectionReport:
        """Report."""
        return ConnectionReport(0.0, "a script")

    def scopes(self) -> tuple[str, ...]:
        """Two."""
        return ("one", "two")

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Yield what is there."""
        self.script.listed = True
        yield Page(batch([each for each in self.script.rows if each["scope"] == scope]))

    def cursor(self) -> str:
        """Return where the script begins."""
        return "late" if self.script.listed else "begin"

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Yield what is told, whatever the cursor."""
        self.script.cursors.append(cursor)
        yield from self.script.deltas or [delta("one")]

    def below(self, folder_id: str, scope: str) -> Iterator[Page]:
        """Yield what lies below."""
        inside = {folder_id}
        for each in self.script.rows:
            inside |= {each["external_id"]} if each["parent_id"] in inside else set()
        rows = [each for each in self.script.rows if each["external_id"] in inside - {folder_id}]
        yield Page(batch([] if self.script.unread else rows), None, self.script.unread)

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Yield those that are there."""
        yield Page(batch([each for each in self.script.rows if each["external_id"] in ids]))

    def close(self) -> None:
        """Nothing is open."""


class ScriptDetails(BaseModel):
    """`endpoint_details` of a script: there are none."""


@contextmanager
def scripted(script: Script) -> Iterator[None]:
    """Make endpoints of type `script` possible."""
    CONNECTORS["script"] = Connector(
        "Script", ScriptDetails, (), lambda *_, **__: ScriptedSource(script), incremental=True
    )
    try:
        yield
    finally:
        del CONNECTORS["script"]

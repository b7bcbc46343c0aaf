"""Somewhere to put files, and how tests look at what a source lists there."""

from functools import cache
from typing import Protocol

import duckdb
import pyarrow as pa

from filesync_dagster.connectors.base import Source
from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.model import FILE_SCHEMA, OUTSIDE, Kind, Meter
from filesync_dagster.simulators.faults import Fault, FaultPlan
from filesync_dagster.sync.diff import derive


class Place(Protocol):
    """Somewhere to put files, and the source that lists them. Empty at first. Paths are relative, `/`-separated.

    Of several scopes the first is the one that files are put into.
    """

    @property
    def hostile_names(self) -> tuple[str, ...]:
        """Paths that are legal here and easy to get wrong, none of them inside another."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Add a file, and the folders above it where the store has such."""
        ...

    def overwrite(self, path: str, content: bytes) -> None:
        """Replace the content of a file, keeping its modification time if the store lets anyone do so."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file, or a folder where the store has such, another path."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, or a folder where the store has such, with what is below it."""
        ...

    def open(self, meter: Meter, page_size: int = 10) -> Source:
        """Return a source of this place."""
        ...

    def open_missing(self, meter: Meter) -> Source:
        """Return a source of a bucket, folder or project that does not exist."""
        ...


class TrashPlace(Place, Protocol):
    """A place with a trash."""

    def trash(self, path: str) -> None:
        """Move a file or folder to the trash."""
        ...

    def restore(self, path: str) -> None:
        """Take it back."""
        ...


class FaultyPlace(Place, Protocol):
    """A place where things go wrong on demand: a simulator is behind it."""

    @property
    def plan(self) -> FaultPlan:
        """What goes wrong."""
        ...

    @property
    def faults(self) -> frozenset[Fault]:
        """What can go wrong here."""
        ...


TREE = {
    "a.txt": b"a",
    "folder/b.txt": b"bb",
    "folder/c.PDF": b"ccc",
    "folder/deeper/still/d": b"",
    "other/b.txt": b"bb",
}


def populate(place, tree):
    """Write a literal tree."""
    for path, content in tree.items():
        place.write(path, content)


def many(count):
    """Return a tree of `count` files in several folders."""
    return {f"f{number % 7}/{number:03}.txt": str(number).encode() for number in range(count)}


def pages(source, checkpoint=None, landmarks=()):
    """Return the pages of the first scope, all of it read."""
    found = list(source.list(source.scopes()[0], checkpoint, landmarks))
    assert not [unread for page in found for unread in page.unread]
    return found


def ids(found):
    """Return the external_ids of pages, in order of arrival."""
    return [external_id for page in found for external_id in page.batch["external_id"].to_pylist()]


def rows(place, source, checkpoint=None, landmarks=()):
    """List, and return the rows in the order of their ids; those of stores that tell parents with their paths."""
    return placed(
        place, source, [row for page in pages(source, checkpoint, landmarks) for row in page.batch.to_pylist()]
    )


def files(place, source):
    """List, and return the rows that are not folders, by path."""
    return {row["path"]: row for row in rows(place, source) if row["kind"] != Kind.FOLDER}


def placed(place, source, found):
    """Return rows in the order of their ids and, where they tell parents, as they lie below the top of the place.

    A place whose files are not at the top of its endpoint says so with `top`: the folder that they are in.
    """
    if source.capabilities.derives_paths:
        latest = {row["external_id"]: row for row in found}
        found = [{**latest[external_id], **where} for external_id, where in _derived(list(latest.values())).items()]
        top = getattr(place, "top", "")
        if top:
            [top_id] = [row["external_id"] for row in found if row["path"] == top]
            found = [_below(row, top, top_id) for row in found if row["path"].startswith(f"{top}/")]
    return sorted(found, key=lambda row: row["external_id"])


def _below(row, top, top_id):
    parent = None if row["parent_id"] == top_id else row["parent_id"]
    return {**row, "path": row["path"].removeprefix(f"{top}/"), "parent_id": parent}


def _derived(found):
    """Return the path of each row that lies in the endpoint, and whether it is in the trash, by id."""
    con = _database()
    con.register("found", pa.Table.from_pylist(found, FILE_SCHEMA))
    derive(con, "found", "placed")
    answer = con.execute("SELECT external_id, path, trashed FROM placed").fetchall()
    con.unregister("found")
    return {external_id: {"path": path, "trashed": trashed} for external_id, path, trashed in answer}


@cache
def _database():
    return duckdb.connect()  # one for all tests: opening one takes longer than most of them


def followed(place, source, before, cursor):
    """Return the rows that a sync arrives at from those of a listing, led by the feed; like `rows`.

    This is all that a sync may do: believe the last word on each entry, ask for what is below a folder that came in,
    and look up who was in a folder that was read again and is not there any more. What says that it could not be read
    raises SourceError.
    """
    now = {row["external_id"]: row for row in before}
    words, read = _last_words(source.changes(cursor))
    told = {row["external_id"]: row for row in words.values() if row is not None}
    for external_id, scope in [key for key, row in words.items() if row is None and key[0] not in told]:
        if external_id in now and now[external_id]["scope"] == scope:
            del now[external_id]
    missing = [row for row in now.values() if row["parent_id"] in read and row["external_id"] not in told]
    for row in missing:
        found = [r for page in source.lookup([row["external_id"]], row["scope"]) for r in page.batch.to_pylist()]
        told.update({r["external_id"]: r for r in found})
        now.pop(row["external_id"])
    came_in = [row for row in told.values() if row["kind"] == Kind.FOLDER and _came_in(row, now)]
    now.update(told)
    for folder in came_in:
        for page in source.below(folder["external_id"], folder["scope"]):
            if page.unread:
                raise SourceError(page.unread[0].reason)
            now.update({row["external_id"]: row for row in page.batch.to_pylist()})
    return placed(place, source, now.values())


def _last_words(deltas):
    """Return the last row (None: it is gone) told of each entry and scope, and the folders that were read."""
    words, order, read = {}, {}, set()
    for delta in deltas:
        if delta.unread:
            raise SourceError(delta.unread[0].reason)
        read.update(delta.read)
        found = [((row["external_id"], row["scope"]), row) for row in delta.batch.to_pylist()]
        found += [((external_id, delta.scope), None) for external_id in delta.removed]
        orders = [*(delta.order or [0] * delta.batch.num_rows), *delta.removed.values()]
        for (key, row), moment in zip(found, orders, strict=True):
            if moment >= order.get(key, moment):
                words[key], order[key] = row, moment
    return words, {None if folder == OUTSIDE else folder for folder in read}


def _came_in(folder, known):
    before = known.get(folder["external_id"])
    return before is None or before["trashed"] != folder["trashed"]

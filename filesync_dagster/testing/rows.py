"""What the suites write into a place, and how they look at what a source lists there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from filesync_dagster.connectors.base import IncrementalSource, Source
from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.model import AS_KNOWN, OUTSIDE, Delta, Kind, Page
from filesync_dagster.core.names import fold_name
from filesync_dagster.testing.place import Place

Row: TypeAlias = dict[str, Any]

TREE: Final = {
    "a.txt": b"a",
    "folder/b.txt": b"bb",
    "folder/c.PDF": b"ccc",
    "folder/deeper/still/d": b"",
    "other/b.txt": b"bb",
}


def populate(place: Place, tree: Mapping[str, bytes]) -> None:
    """Write a literal tree."""
    for path, content in tree.items():
        place.write(path, content)


def many(count: int) -> dict[str, bytes]:
    """Return a tree of `count` files in several folders."""
    return {f"f{number % 7}/{number:03}.txt": str(number).encode() for number in range(count)}


def pages(source: Source, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> list[Page]:
    """Return the pages of the first scope, all of it read."""
    found = list(source.list(source.scopes()[0], checkpoint, landmarks))
    assert not [unread for page in found for unread in page.gaps]
    return found


def ids(found: Iterable[Page]) -> list[str]:
    """Return the external_ids of pages, in order of arrival."""
    return [str(external_id) for page in found for external_id in page.batch["external_id"].to_pylist()]


def rows(place: Place, source: Source, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> list[Row]:
    """List, and return the rows in the order of their ids; those of stores that tell parents with their paths."""
    return place_rows(
        place, source, [row for page in pages(source, checkpoint, landmarks) for row in page.batch.to_pylist()]
    )


def files(place: Place, source: Source) -> dict[str, Row]:
    """List, and return the rows that are not folders, by path."""
    return {row["path"]: row for row in rows(place, source) if row["kind"] != Kind.FOLDER}


def place_rows(place: Place, source: Source, found: Iterable[Row]) -> list[Row]:
    """Return rows in the order of their ids and, where they tell parents, as they lie below the top of the place.

    A place whose files are not at the top of its endpoint says so with `top`: the folder that they are in.
    """
    if source.capabilities.derives_paths:
        latest = {row["external_id"]: row for row in found}
        found = [
            {**latest[external_id], **where} for external_id, where in _derive_paths(list(latest.values())).items()
        ]
        top = getattr(place, "top", "")
        if top:
            [top_id] = [row["external_id"] for row in found if row["path"] == top]
            found = [_below(row, top, top_id) for row in found if row["path"].startswith(f"{top}/")]
    return sorted(found, key=lambda row: row["external_id"])


def _below(row: Row, top: str, top_id: str) -> Row:
    parent = None if row["parent_id"] == top_id else row["parent_id"]
    return {**row, "path": row["path"].removeprefix(f"{top}/"), "parent_id": parent}


def _derive_paths(found: Sequence[Row]) -> dict[str, Row]:
    """Return the path of each row that lies in the endpoint, and whether it is in the trash, by id.

    As `sync.diff.derive` does it, for the few rows of a test: what lies in no folder that is here, or in itself, lies
    nowhere.
    """
    inside: dict[str | None, list[Row]] = {}
    for row in found:
        inside.setdefault(row["parent_id"], []).append(row)
    placed: dict[str, Row] = {}
    folders: list[tuple[str | None, Row]] = [(None, {"path": "", "trashed": False})]
    for parent_id, parent in folders:
        for row in inside.get(parent_id, ()):
            path = f"{parent['path']}/{row['name']}" if parent["path"] else row["name"]
            here = {"path": path, "trashed": row["trashed"] or parent["trashed"]}
            placed[row["external_id"]] = here
            if row["kind"] == Kind.FOLDER:
                folders.append((row["external_id"], here))
    return placed


def follow_feed(place: Place, source: IncrementalSource, before: Iterable[Row], cursor: str) -> list[Row]:
    """Return the rows that a sync arrives at from those of a listing, led by the feed; like `rows`.

    This is all that a sync may do: believe the last word on each entry, ask for what is below a folder that came in,
    and look up who was in a folder that was read again, or in a spot, and is not there any more. What says that it
    could not be read raises SourceError.
    """
    now = {row["external_id"]: row for row in before}
    words, read, spots = _last_words(source.changes(cursor))
    told = {row["external_id"]: _where_known(row, now) for row in words.values() if row is not None}
    for external_id, scope in [key for key, row in words.items() if row is None and key[0] not in told]:
        if external_id in now and now[external_id]["scope"] == scope:
            del now[external_id]
    missing = [
        row for row in now.values()
        if row["external_id"] not in told
        and (row["parent_id"] in read or (row["parent_id"] or OUTSIDE, fold_name(row["name"])) in spots)
    ]  # fmt: skip
    for row in missing:
        found = [r for page in source.lookup([row["external_id"]], row["scope"]) for r in page.batch.to_pylist()]
        told.update({r["external_id"]: r for r in found})
        now.pop(row["external_id"])
    came_in = [row for row in told.values() if row["kind"] == Kind.FOLDER and _came_in(row, now)]
    now.update(told)
    for folder in came_in:
        for page in source.below(folder["external_id"], folder["scope"]):
            if page.gaps:
                raise SourceError(page.gaps[0].reason)
            now.update({row["external_id"]: row for row in page.batch.to_pylist()})
    return place_rows(place, source, now.values())


def _last_words(
    deltas: Iterable[Delta],
) -> tuple[dict[tuple[str, str], Row | None], set[str | None], set[tuple[str, str]]]:
    """Return the last row (None: it is gone) told of each entry and scope; the folders that were read; the spots."""
    words: dict[tuple[str, str], Row | None] = {}
    order: dict[tuple[str, str], int] = {}
    read: set[str] = set()
    spots: set[tuple[str, str]] = set()
    for delta in deltas:
        if delta.gaps:
            raise SourceError(delta.gaps[0].reason)
        read.update(delta.read)
        spots.update((folder, fold_name(name)) for folder, name in delta.spots)
        found: list[tuple[tuple[str, str], Row | None]] = [
            ((row["external_id"], row["scope"]), row) for row in delta.batch.to_pylist()
        ]
        found += [((external_id, delta.scope), None) for external_id in delta.removed]
        orders = [*(delta.order or [0] * delta.batch.num_rows), *delta.removed.values()]
        for (key, row), moment in zip(found, orders, strict=True):
            if moment >= order.get(key, moment):
                words[key], order[key] = row, moment
    return words, {None if folder == OUTSIDE else folder for folder in read}, spots


def _where_known(row: Row, known: Mapping[str, Row]) -> Row:
    """Return a row with the place that it was known to have, if its own was not told."""
    if row["parent_id"] != AS_KNOWN:
        return row
    return {**row, "parent_id": known[row["external_id"]]["parent_id"] if row["external_id"] in known else OUTSIDE}


def _came_in(folder: Row, known: Mapping[str, Row]) -> bool:
    before = known.get(folder["external_id"])
    return before is None or bool(before["trashed"] != folder["trashed"])

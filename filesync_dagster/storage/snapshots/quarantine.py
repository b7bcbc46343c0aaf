"""Files of a root that its database does not know: put aside when they are old, deleted when they are older still."""

import re
from collections.abc import Collection, Iterator
from datetime import date, timedelta

from filesync_dagster.storage.snapshots.roots import Root, is_scratch

FOLDER = "quarantine"
"""Where they are put, each below the day of that, under the path that it had."""

DATED = re.compile(FOLDER + r"/(\d{4}-\d\d-\d\d)/")

KINDS = ("snapshots", "changes")


def put_aside(
    root: Root, endpoint: str, known: Collection[str], older_than: timedelta, today: date, *, dry_run: bool
) -> int:
    """Move the files of an endpoint of which no key is in `known`, and that are old; return how many."""
    unknown = [
        key
        for kind in KINDS
        for key, age in root.walk(f"{kind}/{endpoint}")
        if key not in known and age > older_than.total_seconds() and not is_scratch(key.rpartition("/")[2])
    ]
    for key in unknown if not dry_run else ():
        root.move(key, f"{FOLDER}/{today.isoformat()}/{key}")
    return len(unknown)


def clear(root: Root, older_than: timedelta, today: date, *, dry_run: bool) -> int:
    """Delete what was put aside so long ago; return how many files."""
    expired = [key for key, day in _dated(root) if today - day > older_than]
    for key in expired if not dry_run else ():
        root.delete(key)
    return len(expired)


def _dated(root: Root) -> Iterator[tuple[str, date]]:
    for key, _ in root.walk(FOLDER):
        found = DATED.match(key)
        if found:
            try:
                yield key, date.fromisoformat(found[1])
            except ValueError:
                continue  # no calendar has that day: somebody else made the folder

"""The names of the tables of each source, as they were last discovered: a small file for each, below the home.

Dagster's definitions are built from them, without a database and without a network.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from filesync_dagster.core.logging import event
from filesync_dagster.storage.durable import make_folder

FOLDER = "discovered"


def note_discovery(home: Path, source: str, tables: Sequence[str]) -> None:
    """Note the tables that a source has. That it cannot be written is logged and stops nobody."""
    target = home / FOLDER / f"{source}.json"
    names = sorted(tables)
    if discovered_tables(home, source) == names and target.exists():
        return
    try:
        make_folder(target.parent)
        number, scratch = tempfile.mkstemp(dir=target.parent, prefix=target.stem)
        with os.fdopen(number, "wb") as file:
            file.write(orjson.dumps({"tables": names}))
        Path(scratch).replace(target)
    except OSError as error:
        event("tables.discovery_not_noted", source=source, error=str(error))


def discovered_tables(home: Path, source: str) -> list[str]:
    """Return the names of the tables of a source; none before it was discovered."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return [str(name) for name in orjson.loads((home / FOLDER / f"{source}.json").read_bytes())["tables"]]
    return []


def discovery_digest(home: Path) -> bytes:
    """Return what changes when any source was discovered to have other tables."""
    return hashlib.sha256(orjson.dumps(_contents(home), option=orjson.OPT_SORT_KEYS)).digest()


def _contents(home: Path) -> Mapping[str, str]:
    folder = home / FOLDER
    found = {}
    with suppress(OSError):
        for path in folder.glob("*.json"):
            with suppress(OSError):
                found[path.name] = path.read_text("utf-8", errors="replace")
    return found

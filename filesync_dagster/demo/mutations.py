"""What people do to files."""

import random
from collections.abc import Mapping
from itertools import count

from filesync_dagster.demo.sample import blob
from filesync_dagster.demo.stores import Store


def busy_morning(store: Store, rng: random.Random) -> list[str]:
    """Add, edit, rename, move, delete, and rename a folder; return what was done, in words.

    The folder is one in which nothing else was done where there is such a one, so that the words can be checked
    against the counts of the sync.
    """
    before = store.listing()
    done = [_add(store, rng) for _ in range(3)]
    done += [_edit(store, rng) for _ in range(4)]
    done += [_rename(store, rng) for _ in range(2)]
    done += [_move(store, rng) for _ in range(2)]
    done += [_delete(store, rng) for _ in range(3)]
    return [*done, _rename_folder(store, rng, before)]


def a_minute(store: Store, rng: random.Random) -> str:
    """Do one thing."""
    return rng.choice([_add, _edit, _edit, _rename, _move, _delete])(store, rng)


def _pick(store: Store, rng: random.Random) -> str:
    paths = [path for path in sorted(store.listing()) if "/" in path and "~$" not in path]
    return rng.choice(paths)


def _add(store: Store, rng: random.Random) -> str:
    near = _pick(store, rng).rsplit("/", 1)[0]
    path = _free(store, f"{near}/new {rng.randrange(1000):03d}.pdf")
    store.put(path, blob(rng, 8_000))
    return f"added    {path}"


def _edit(store: Store, rng: random.Random) -> str:
    path = _pick(store, rng)
    store.put(path, blob(rng, 15_000))
    return f"edited   {path}"


def _rename(store: Store, rng: random.Random) -> str:
    old = _pick(store, rng)
    stem, dot, suffix = old.rpartition(".")
    new = _free(store, f"{stem} rev{rng.randrange(2, 9)}{dot}{suffix}")
    store.move(old, new)
    return f"renamed  {old} -> {new.rsplit('/', 1)[1]}"


def _move(store: Store, rng: random.Random) -> str:
    old = _pick(store, rng)
    new = _free(store, f"archive/{old.rsplit('/', 1)[1]}")
    store.move(old, new)
    return f"moved    {old} -> {new}"


def _delete(store: Store, rng: random.Random) -> str:
    path = _pick(store, rng)
    store.delete(path)
    return f"deleted  {path}"


def _rename_folder(store: Store, rng: random.Random, before: Mapping[str, int]) -> str:
    now = store.listing()
    touched = {path for path, _ in before.items() ^ now.items()}
    folders = sorted({path.rsplit("/", 1)[0] for path in now if "/" in path and "~$" not in path})
    quiet = [one for one in folders if not any(path.startswith(f"{one}/") for path in touched)]
    old = rng.choice(quiet or folders)
    new = f"{old} (handed over)"
    inside = sum(path.startswith(f"{old}/") for path in store.listing())
    store.move_folder(old, new)
    return f"renamed  {old}/ -> {new}/ ({inside} files in it)"


def _free(store: Store, path: str) -> str:
    taken = store.listing()
    stem, dot, suffix = path.rpartition(".")
    candidates = (path if number == 0 else f"{stem} {number}{dot}{suffix}" for number in count())
    return next(candidate for candidate in candidates if candidate not in taken)

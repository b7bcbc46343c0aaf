"""Stores that people change at random, and what is in them, told without filesync."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from filesync_dagster.connectors.destination import PART_SUFFIX, TRASH_FOLDER
from filesync_dagster_tests.connectors.google_drive.place import DrivePlace
from filesync_dagster_tests.servers import RCLONE, S3Server

ODD_NAMES = (
    "ünïcödé 日本語 😀.txt", "per%cent+plus&amp;", "per%25cent", "quote\"'`$(x)", "#hash?", " blank ", "...",
    "-dash", "[x]*", "A", "a", "back\\slash", "ends.", "filesync-part",
)  # fmt: skip
LARGE_BYTES = 17 << 20


class Place(Protocol):
    """A store with files at paths."""

    odd_names: tuple[str, ...]
    has_folders: bool

    def paths(self) -> list[str]: ...
    def taken(self) -> list[str]: ...
    def write(self, path: str, content: bytes) -> None: ...
    def remove(self, path: str) -> None: ...
    def move(self, path: str, new_path: str) -> None: ...


class BucketOfFolder:
    """A bucket of `rclone serve s3`: a folder."""

    odd_names = ODD_NAMES
    has_folders = True  # they move in one step

    def __init__(self, root: Path) -> None:
        self.root = root

    def paths(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def taken(self) -> list[str]:
        return [path.relative_to(self.root).as_posix() for path in self.root.rglob("*")]

    def write(self, path: str, content: bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def remove(self, path: str) -> None:
        found = self.root / path
        shutil.rmtree(found) if found.is_dir() else found.unlink()

    def move(self, path: str, new_path: str) -> None:
        target = self.root / new_path
        target.parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).rename(target)


class BucketOfMoto:
    """A bucket of moto: keys that no folder could hold."""

    odd_names = (*ODD_NAMES, "a//b", "./dot", "x/../y", "tab\there", "a" * 900)
    has_folders = False

    def __init__(self, server: S3Server, bucket: str) -> None:
        self.client, self.bucket = server.client(), bucket

    def paths(self) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", ()))

    def taken(self) -> list[str]:
        return self.paths()

    def read(self, path: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.bucket, Key=path)["Body"].read())

    def contents(self) -> dict[str, bytes]:
        return {path: self.read(path) for path in self.paths()}

    def write(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.bucket, Key=path, Body=content)

    def remove(self, path: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=path)

    def move(self, path: str, new_path: str) -> None:
        self.write(new_path, self.read(path))
        self.remove(path)


class DriveOfSimulator:
    """A My Drive."""

    odd_names = (*ODD_NAMES, "tab\there", "line\nbreak")
    has_folders = True

    def __init__(self, place: DrivePlace) -> None:
        self.place, self.store = place, place.store

    def _items(self) -> Iterator[Any]:
        with self.store.lock:
            root = self.store.item(self.place.parent)
            yield from [item for item in root.below() if item is not root and not item.trashed and not item.gone]

    def paths(self) -> list[str]:
        return sorted(item.path() for item in self._items() if not item.is_folder)

    def contents(self) -> dict[str, bytes | None]:
        """Return what there is, folders too, read from the store itself."""
        return {item.path(): None if item.is_folder else item.content for item in self._items()}

    def write(self, path: str, content: bytes) -> None:
        self.place.overwrite(path, content) if path in self.paths() else self.place.write(path, content)

    def taken(self) -> list[str]:
        return [item.path() for item in self._items()]

    def remove(self, path: str) -> None:
        self.place.delete(path)

    def move(self, path: str, new_path: str) -> None:
        self.place.rename(path, new_path)


def mutate(place: Place, chance: random.Random, times: int, *, large: float = 0.0) -> None:
    """Do what people do to files, so many times."""
    for _ in range(times):
        paths = place.paths()
        acts = [create, create, create_oddly, overwrite, move_file, move_folder, remove_file, swap]
        acts += [remove_folder] if len(paths) > 12 else []
        chance.choice(acts)(place, chance, paths)
        if large and chance.random() < large:
            place.write(f"large{chance.randrange(2)}.bin", chance.randbytes(LARGE_BYTES + chance.randrange(9)))


def content(chance: random.Random) -> bytes:
    """Return a content: many are small, some empty."""
    return chance.randbytes(chance.choice((0, 1, 100, 5_000, 70_000)))


def fresh_path(place: Place, chance: random.Random, paths: list[str], name: str | None = None) -> str | None:
    """Return a path at which nothing is, and that no file is in the way of."""
    folders = ["", *sorted({path.rpartition("/")[0] for path in paths if "/" in path})]
    folder = chance.choice([*folders, chance.choice(["x", "y", "x/z", "x.y"])])
    plain = f"{chance.choice('abcd')}{chance.randrange(3)}"
    found = "/".join(filter(None, (folder, name or plain)))
    taken = set(place.taken())
    if found in taken:
        return None
    if place.has_folders:
        above = ["/".join(found.split("/")[:n]) for n in range(1, found.count("/") + 1)]
        if any(one in paths for one in above) or any(path.startswith(f"{found}/") for path in paths):
            return None
    return found


def create(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Write a new file."""
    if (path := fresh_path(place, chance, paths)) is not None:
        place.write(path, content(chance))


def create_oddly(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Write a new file with an odd name."""
    if (path := fresh_path(place, chance, paths, chance.choice(place.odd_names))) is not None:
        place.write(path, content(chance))


def overwrite(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Change a file."""
    if paths:
        place.write(chance.choice(paths), content(chance))


def move_file(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Give a file another path."""
    if paths and (path := fresh_path(place, chance, paths)) is not None:
        moved = chance.choice(paths)
        if not path.startswith(f"{moved}/"):
            place.move(moved, path)


def move_folder(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Give a folder another path, with all that is in it."""
    folders = sorted({path.rpartition("/")[0] for path in paths if "/" in path} - {""})
    new = fresh_path(place, chance, paths, chance.choice(["moved", "f1", "f2"]))
    if not folders or new is None:
        return
    old = chance.choice(folders)
    if f"{new}/".startswith(f"{old}/") or f"{old}/".startswith(f"{new}/"):
        return
    if any(path.startswith(f"{new}/") for path in paths):
        return
    if place.has_folders:
        place.move(old, new)
    else:
        for path in paths:
            if path.startswith(f"{old}/"):
                place.move(path, new + path[len(old) :])


def remove_file(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Remove a file."""
    if paths:
        place.remove(chance.choice(paths))


def remove_folder(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Remove a folder with all that is in it."""
    folders = sorted({path.rpartition("/")[0] for path in paths if "/" in path} - {""})
    if not folders:
        return
    gone = chance.choice(folders)
    if place.has_folders:
        place.remove(gone)
    else:
        for path in paths:
            if path.startswith(f"{gone}/"):
                place.remove(path)


def swap(place: Place, chance: random.Random, paths: list[str]) -> None:
    """Let two files change their places."""
    if len(paths) > 1:
        one, other = chance.sample(paths, 2)
        aside = "aside while they swap"
        place.move(one, aside)
        place.move(other, one)
        place.move(aside, other)


def files_below(root: Path) -> dict[str, bytes]:
    """Return what lies in a folder, but for what servers and filesync keep beside it."""
    found = (path for path in root.rglob("*") if path.is_file())
    known = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
    ours = (".file_manager/", f"{TRASH_FOLDER}/")
    return {path: data for path, data in known.items() if not path.startswith(ours) and not path.endswith(PART_SUFFIX)}


def rclone_check(source: str, target: str) -> None:
    """Let rclone compare two places, byte by byte. Raises AssertionError with what it says."""
    command = [
        str(RCLONE),
        "check",
        "--download",
        "--config",
        "/dev/null",
        "--filter",
        f"- /{TRASH_FOLDER}/**",
        "--filter",
        f"- *{PART_SUFFIX}",
    ]
    done = subprocess.run([*command, source, target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def rclone_address(server: S3Server, bucket: str) -> str:
    """Return a bucket as rclone takes it on its command line."""
    said = {"provider": "Other", "access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key,
            "endpoint": server.endpoint_url}  # fmt: skip
    options = ",".join(f"{name}='{value}'" for name, value in said.items())
    return f":s3,{options}:{bucket}"

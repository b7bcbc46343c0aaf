"""A bucket with every kind of key that makes trouble, and random changes to it."""

import random
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

NAMES = (
    "plain.txt",
    "é.dwg",  # composed
    "e\u0301.dwg",  # decomposed: another key that looks the same
    "Case",
    "case",
    "CASE",
    "a+b&c<d>=e;f",
    "100%41 %2F%",
    "trailing.",
    "trailing ",
    " leading",
    "...",
    "-rf",
    "~$lock.docx",
    "quote'\"`$(x)",
    "*?[a]{b}|#!@^",
    "日本語 😀.pdf",
    "\u202egnp.exe",
    "n" * 200,
    ".hidden",
    "archive.tar.gz",
)
"""Names that any server holds."""

ODD = (
    "",
    ".",
    "..",
    "/",
    "//",
    "back\\slash",
    "tab\tand\x7fdelete",
    "return\rhere",
    "a/../b",
    "x" * 700,
)
"""Names that only an object store holds: keys with these are no paths."""

UNPRINTABLE = ("start\x01of heading", "\ufffe")
"""Legal in keys, not in XML. Where a key range begins with one, moto's answer echoes it raw and is not XML."""


class HostileBucket:
    """A bucket that changes at random, the same way for the same seed. `client` is boto3's."""

    def __init__(self, client: Any, bucket: str, seed: int, names: Sequence[str], *, any_key: bool) -> None:
        self.client = client
        self.bucket = bucket
        self.random = random.Random(seed)
        self.names = names
        self.any_key = any_key  # may a key also be the folder of others, end with "/" or begin with it?
        self.keys: set[str] = set()
        self.folders: dict[str, str] = {}  # every one that ever was, by how it looks: a file store may keep it
        for name in names:
            self._put(self._fit(name) or self._new_key())
        for _ in range(60):
            self.add()

    @property
    def changes(self) -> list[Callable[[], None]]:
        """Every way in which the bucket can change."""
        return [
            self.add, self.add, self.add, self.overwrite, self.overwrite_same_size, self.overwrite_same_content,
            self.rename, self.rename, self.move_prefix, self.swap, self.delete, self.delete_prefix, self.make_folder,
        ]  # fmt: skip

    def mutate(self) -> str:
        """Change something; return what."""
        change = self.random.choice(self.changes)
        change()
        return change.__name__

    def add(self) -> None:
        self._put(self._new_key())

    def overwrite(self) -> None:
        self._put(self._any())

    def overwrite_same_size(self) -> None:
        key = self._any()
        self._put(key, self.random.randbytes(len(self._get(key))))

    def overwrite_same_content(self) -> None:
        key = self._any()
        self._put(key, self._get(key))

    def rename(self) -> None:
        self._move(self._any(), self._new_key())

    def move_prefix(self) -> None:
        """Move everything under a prefix to another one."""
        prefix, target = self._folder_of(self._any()), f"moved{self.random.randrange(9)}/"
        for key in [k for k in sorted(self.keys) if k.startswith(prefix)][:20]:
            if new := self._fit(target + key.removeprefix(prefix)):
                self._move(key, new)

    def swap(self) -> None:
        one, other = self._any(), self._any()
        content = self._get(one), self._get(other)
        self._put(one, content[1])
        self._put(other, content[0])

    def delete(self) -> None:
        if len(self.keys) > 30:
            self._delete(self._any())

    def delete_prefix(self) -> None:
        prefix = self._folder_of(self._any())
        doomed = [k for k in sorted(self.keys) if k.startswith(prefix)]
        if prefix and len(doomed) < 10:
            for key in doomed:
                self._delete(key)

    def make_folder(self) -> None:
        """A key goes, and keys below its name come."""
        key = self._any()
        self._delete(key)
        for name in ("one", "two"):
            if new := self._fit(f"{key.rstrip('/')}/{name}"):
                self._put(new)

    def listing(self) -> list[dict[str, Any]]:
        """Return what boto3's paginator sees, as an inventory should have it; sorted by key."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        found = [
            {
                "external_id": item["Key"],
                "path": item["Key"],
                "kind": "file",
                "size": item["Size"],
                "modified_at": item["LastModified"],
                "version": item["ETag"].strip('"'),
            }
            for page in pages
            for item in page.get("Contents", [])
        ]
        return sorted(found, key=lambda row: row["path"])

    def _any(self) -> str:
        return self.random.choice(sorted(self.keys))

    def _folder_of(self, key: str) -> str:
        return key[: key.rfind("/") + 1]

    def _new_key(self) -> str:
        while True:
            folder = self.random.choice(["", "", self._folder_of(self._any()) if self.keys else ""])
            depth = [self.random.choice(self.names) for _ in range(self.random.choice([0, 0, 1, 2]))]
            key = folder + "/".join([*depth, f"{self.random.randrange(1000)} {self.random.choice(self.names)}"])
            if fitting := self._fit(key):
                return fitting

    def _fit(self, key: str) -> str | None:
        """Return the key if the server can hold it beside the others."""
        if key in self.keys or not key or len(key.encode()) > 1024:
            return None
        if self.any_key:
            return key
        segments = key.split("/")
        above = ["/".join(segments[:n]) for n in range(1, len(segments))]
        # rclone's file store takes names that look the same for one, where one of them is a folder.
        files = {_look(known) for known in self.keys}
        twins = any(_look(a) in files or self.folders.get(_look(a), a) != a for a in above)
        return None if twins or _look(key) in self.folders or not all(segments) else key

    def _put(self, key: str, content: bytes | None = None) -> None:
        body = self.random.randbytes(self.random.choice([0, 1, 10, 1000])) if content is None else content
        self.client.put_object(Bucket=self.bucket, Key=key, Body=body)
        self.keys.add(key)
        self.folders |= {_look(key[:at]): key[:at] for at, char in enumerate(key) if char == "/"}

    def _get(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def _delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.bucket, Key=key)
        self.keys.discard(key)

    def _move(self, key: str, new: str) -> None:
        self._put(new, self._get(key))
        self._delete(key)


def _look(key: str) -> str:
    return unicodedata.normalize("NFC", key)

"""The stores of the demo, used as a person would use them: not through our connectors."""

import os
from pathlib import Path
from typing import Any, Protocol

from filesync_dagster.cli.demo.servers import ACCESS_KEY_ID

BUCKET = "engineering"

Listing = list[tuple[str, int | None]]
"""The path and the size of every file. Two files may have one path; what has no bytes of its own has no size."""


class Store(Protocol):
    """A place with files. Paths are relative and have `/` between their parts."""

    removal: str  # what was done to a file that was deleted, as people of this store say

    def put(self, path: str, content: str) -> None:
        """Write a file, new or not."""

    def move(self, old: str, new: str) -> None:
        """Give a file another path."""

    def move_folder(self, old: str, new: str) -> None:
        """Give a folder another path."""

    def delete(self, path: str) -> None:
        """Remove a file, in the way of the store: for good, or into its trash."""

    def listing(self) -> Listing:
        """Return every file that a person sees."""


class Folder:
    """A folder of this machine."""

    removal = "deleted"

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def put(self, path: str, content: str) -> None:
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode())

    def move(self, old: str, new: str) -> None:
        target = self._root / new
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._root / old).rename(target)

    def move_folder(self, old: str, new: str) -> None:
        self.move(old, new)

    def delete(self, path: str) -> None:
        (self._root / path).unlink()

    def listing(self) -> Listing:
        return [
            (file.relative_to(self._root).as_posix(), file.stat().st_size)
            for folder, _, names in os.walk(self._root)
            for file in (Path(folder, name) for name in names)
        ]


class Bucket:
    """A bucket of an S3 server."""

    removal = "deleted"

    def __init__(self, endpoint_url: str, secret: str) -> None:
        import boto3
        from botocore.config import Config

        # The addressing style of a server without a domain; no instance metadata, no profile of the user's.
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}),
        )

    def put(self, path: str, content: str) -> None:
        self._client.put_object(Bucket=BUCKET, Key=path, Body=content.encode())

    def move(self, old: str, new: str) -> None:
        self._client.copy_object(Bucket=BUCKET, Key=new, CopySource={"Bucket": BUCKET, "Key": old})
        self.delete(old)

    def move_folder(self, old: str, new: str) -> None:
        for path, _ in self.listing():  # a bucket has no folders: each object moves
            if path.startswith(f"{old}/"):
                self.move(path, f"{new}{path.removeprefix(old)}")

    def delete(self, path: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=path)

    def listing(self) -> Listing:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return [(entry["Key"], entry["Size"]) for page in pages for entry in page.get("Contents", [])]

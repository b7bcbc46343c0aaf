"""The stores of the demo, used as a person would use them: not through our connectors."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from filesync_dagster.cli.demo.servers import ACCESS_KEY_ID
from filesync_dagster.core.errors import ServiceError

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


@contextmanager
def translate_errors(where: object) -> Iterator[None]:
    """Raise ServiceError for what a store of this machine, or its client, does not do."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (OSError, BotoCoreError, ClientError) as error:
        raise ServiceError(f"{where} did not do it: {' '.join(str(error).split())}.") from error


class Folder:
    """A folder of this machine."""

    removal = "deleted"

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)

    def put(self, path: str, content: str) -> None:
        with translate_errors(self._root):
            file = self._root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode())

    def move(self, old: str, new: str) -> None:
        with translate_errors(self._root):
            target = self._root / new
            target.parent.mkdir(parents=True, exist_ok=True)
            (self._root / old).rename(target)

    def move_folder(self, old: str, new: str) -> None:
        self.move(old, new)

    def delete(self, path: str) -> None:
        with translate_errors(self._root):
            (self._root / path).unlink()

    def listing(self) -> Listing:
        with translate_errors(self._root):
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

        self._url = endpoint_url
        # The addressing style of a server without a domain; no instance metadata, no profile of the user's.
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint_url,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=secret,
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}, connect_timeout=5),
        )

    def put(self, path: str, content: str) -> None:
        with translate_errors(self._url):
            self._client.put_object(Bucket=BUCKET, Key=path, Body=content.encode())

    def move(self, old: str, new: str) -> None:
        with translate_errors(self._url):
            self._client.copy_object(Bucket=BUCKET, Key=new, CopySource={"Bucket": BUCKET, "Key": old})
            self.delete(old)

    def move_folder(self, old: str, new: str) -> None:
        for path, _ in self.listing():  # a bucket has no folders: each object moves
            if path.startswith(f"{old}/"):
                self.move(path, f"{new}{path.removeprefix(old)}")

    def delete(self, path: str) -> None:
        with translate_errors(self._url):
            self._client.delete_object(Bucket=BUCKET, Key=path)

    def listing(self) -> Listing:
        with translate_errors(self._url):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
            return [(entry["Key"], entry["Size"]) for page in pages for entry in page.get("Contents", [])]

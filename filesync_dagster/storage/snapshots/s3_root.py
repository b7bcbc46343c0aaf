"""Stored files below a prefix of a bucket, by boto3."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from filesync_dagster.core.errors import NotWritable, StorageError
from filesync_dagster.storage.durable import make_folder
from filesync_dagster.storage.snapshots.roots import scratch_name

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REFUSED = frozenset(
    {"401", "403", "AccessDenied", "ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch"}
)
EXISTS = frozenset({"412", "409", "PreconditionFailed", "ConditionalRequestConflict"})
ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})


class S3Root:
    """A `Root` (see there) in S3 or a store like it. Its URIs leave the query of its URL out.

    Not pyarrow.fs: its uploads carry trailing checksums, which S3-compatible stores refuse and no option turns off,
    and an upload that failed half-way is completed when its stream is closed.
    """

    def __init__(self, url: str, scratch: Path, options: Mapping[str, Any]) -> None:
        parts = urlsplit(url)
        self._bucket = parts.netloc
        self._prefix = f"{parts.path.strip('/')}/".lstrip("/")
        self._base = f"s3://{self._bucket}/{self._prefix}"
        self._said = dict(parse_qsl(parts.query))
        self._scratch = scratch
        self._options = dict(options)

    @cached_property
    def _client(self) -> "S3Client":
        import boto3.session
        from botocore.config import Config

        override = self._said.get("endpoint_override")
        if override and "://" not in override:
            override = f"{self._said.get('scheme', 'https')}://{override}"
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 5},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if override else "auto"},
        )
        given = {"endpoint_url": override, "region_name": self._said.get("region"), "config": config}
        # Of a session of its own: that of all, which boto3.client() takes, keeps the credentials that it found first.
        client: S3Client = boto3.session.Session().client("s3", **{**given, **self._options})
        return client

    def uri(self, key: str) -> str:  # noqa: D102  # the protocol says it
        return self._base + key

    def key(self, uri: str) -> str | None:  # noqa: D102  # the protocol says it
        return uri.removeprefix(self._base) if uri.startswith(self._base) else None

    def scratch(self, key: str) -> Path:  # noqa: D102  # the protocol says it
        make_folder(self._scratch)
        return self._scratch / scratch_name(Path(key).name)

    def put(self, written: Path, key: str) -> None:
        """Upload a file. An object appears when its upload is complete; one that fails is aborted."""
        with self._errors(key):
            self._client.upload_file(str(written), self._bucket, self._prefix + key)

    def create(self, key: str, text: str) -> None:
        """Store a small object unless there is one. A store that knows no conditions is asked first."""
        if self.exists(key):
            return
        with self._errors(key), suppress(FileExistsError):
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=text.encode(), IfNoneMatch="*")

    def read(self, key: str) -> str:  # noqa: D102  # the protocol says it
        with self._errors(key):
            return self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)["Body"].read().decode()

    def get(self, key: str, to: Path) -> None:  # noqa: D102  # the protocol says it
        with self._errors(key):
            self._client.download_file(self._bucket, self._prefix + key, str(to))

    def exists(self, key: str) -> bool:  # noqa: D102  # the protocol says it
        try:
            with self._errors(key):
                self._client.head_object(Bucket=self._bucket, Key=self._prefix + key)
        except FileNotFoundError:
            return False
        return True

    def delete(self, key: str) -> None:  # noqa: D102  # the protocol says it
        with self._errors(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def move(self, key: str, to: str) -> None:
        """Copy an object, inside the store, then delete it."""
        with suppress(FileNotFoundError), self._errors(key):
            self._client.copy({"Bucket": self._bucket, "Key": self._prefix + key}, self._bucket, self._prefix + to)
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    def folders(self, folder: str) -> list[str]:  # noqa: D102  # the protocol says it
        prefix = f"{self._prefix}{folder}/"
        with self._errors(folder):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
        return sorted(name.removeprefix(prefix).rstrip("/") for name in found)

    def walk(self, folder: str) -> Iterator[tuple[str, float]]:  # noqa: D102  # the protocol says it
        with self._errors(folder):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=f"{self._prefix}{folder}/"
            )
            for page in pages:
                for item in page.get("Contents", []):
                    yield item["Key"].removeprefix(self._prefix), time.time() - item["LastModified"].timestamp()

    def check(self) -> None:
        """Look into the bucket: that tells whether it is there, and whether it lets us in. It is never full."""
        with self._errors(""):
            self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)

    @contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Translate what boto3 raises. FileNotFoundError: there is no such object; FileExistsError: there is one."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

        at = self.uri(key)
        try:
            yield
        except NoCredentialsError as exc:
            raise NotWritable(
                f"There are no credentials for {at}.",
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile.",
            ) from exc
        except (BotoCoreError, Boto3Error, ClientError) as exc:
            cause = exc.__context__ or exc if isinstance(exc, Boto3Error) else exc  # theirs names our scratch file
            code = cause.response.get("Error", {}).get("Code", "") if isinstance(cause, ClientError) else ""
            if code in EXISTS:
                raise FileExistsError(at) from exc
            if code in ABSENT:
                raise FileNotFoundError(at) from exc
            if code in REFUSED:
                raise NotWritable(
                    f"The store refused access to {at}: {str(cause).rstrip('.')}.",
                    hint="Check its credentials and permissions.",
                ) from exc
            raise StorageError(
                f"The store did not do what was asked of {at}: {str(cause).rstrip('.')}.",
                hint="Check snapshot_root, then run it again.",
            ) from exc

"""A bucket as a place of the contract suite."""

import uuid
from contextlib import contextmanager

from filesync_dagster.connectors.s3 import CONNECTOR, S3Details
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.testing import IMPATIENT, FaultPlan
from filesync_dagster_tests.connectors.s3 import faulty_server

# No control characters: rclone shows those of files as pictures of them (U+2401 for U+0001).
FILE_NAMES = (
    " leading and trailing ",
    "-dash",
    "~$lock.docx",
    "quote\"'`$(x)",
    "back\\slash",
    "\\x41 looks escaped",
    "\\xff looks more so",
    "\\x5cxff most",
    "per%cent+plus&amp<tag>",
    "per%25cent%2Bplus",
    "a b+c%20d",
    "question?#hash;semi=colon",
    "ünïcödé/日本語/😀.txt",
    "\uffee halfwidth",  # above the surrogates: UTF-16 order would put it behind the emoji
    "nfc-é",
    "nfc-e\u0301",
    "case",
    "CASE",
    "...",
    "sort/x",
    "sort-x",
    "sort.x",
    "sort0x",
    "a" * 255,
)

KEYS = (
    *FILE_NAMES,
    "control\x01\x7f",  # not \n: the routes of moto know no line feed
    "a//b",
    "a///b",
    "/lead",
    "//",
    "trail/",
    "a/../b",
    "../x",
    "./y",
    "cr\rhere",
    "tab\there",
    "é" * 512,  # 1,024 bytes
)


class S3Place:
    """A bucket of one of the test servers, below an optional prefix."""

    connector = CONNECTOR

    def __init__(self, server, hostile_names, **details):
        self.hostile_names = hostile_names
        self.server = server
        self.bucket = server.bucket()
        self._client = server.client()
        self._details = details
        self._prefix = details.get("prefix", "")

    def write(self, path, content):
        if self.server.root is not None:  # a file that appears in the served folder is an object: much quicker
            file = self.server.root / self.bucket / (self._prefix + path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            return
        self._client.put_object(Bucket=self.bucket, Key=self._prefix + path, Body=content)

    overwrite = write

    def rename(self, old, new):
        if self.server.root is not None:
            folder = self.server.root / self.bucket
            (folder / (self._prefix + old)).rename(folder / (self._prefix + new))
            return
        source = {"Bucket": self.bucket, "Key": self._prefix + old}
        self._client.copy_object(Bucket=self.bucket, Key=self._prefix + new, CopySource=source)
        self.delete(old)

    def delete(self, path):
        if self.server.root is not None:
            (self.server.root / self.bucket / (self._prefix + path)).unlink()
            return
        self._client.delete_object(Bucket=self.bucket, Key=self._prefix + path)

    def open(self, meter, page_size=10):
        details = self.server.details(self.bucket, page_size=page_size, **self._details)
        return S3Source(S3Details(**details), meter, policy=IMPATIENT)

    def open_missing(self, meter):
        return S3Source(S3Details(**self.server.details(f"missing-{uuid.uuid4().hex}")), meter, policy=IMPATIENT)


class FaultyS3Place(S3Place):
    """A bucket behind a proxy in which contents go wrong on demand."""

    faults = faulty_server.FAULTS - {faulty_server.Fault.EXPIRE_TOKEN}  # a fixed key never does
    content_operation = faulty_server.OPERATION

    def __init__(self, server, address, plan, **details):
        super().__init__(server, FILE_NAMES, endpoint_url=address, **details)
        self.plan = plan


@contextmanager
def faulty_place(server, **details):
    """Yield a place behind a proxy of its own; `requests` are the headers of each GET of an object."""
    plan, requests = FaultPlan(), []
    with faulty_server.faulty_server(server.endpoint_url, plan, requests) as address:
        place = FaultyS3Place(server, address, plan, **details)
        place.requests = requests
        yield place

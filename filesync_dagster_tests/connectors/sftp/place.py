"""A folder of an SFTP server as a place of the contract suite."""

import os
import uuid

from filesync_dagster.connectors.sftp import CONNECTOR, SftpDetails, open_sftp
from filesync_dagster.core.model import Meter
from filesync_dagster.testing import IMPATIENT
from filesync_dagster_tests.connectors.sftp.server import FAULTS, PASSWORD, READ, USER

NAMES = (
    " leading and trailing ", "-dash", "~$lock.dwg", "quote\"'`$(x)", "back\\slash", "\\x41 looks escaped",
    "per%cent+plus", "question?#hash;semi=colon", "ünïcödé/日本語/😀.txt", "nfc-é",
    "nfc-e\u0301", "case", "CASE", "...",
    "new\nline", "tab\there", "control\x01\x7f", "a" * 255,
)  # fmt: skip


class SftpPlace:
    """A folder of a server, whose files are written beside it."""

    connector = CONNECTOR
    hostile_names = NAMES
    content_operation = READ
    faults = FAULTS

    def __init__(self, server, **details):
        self.server = server
        self.folder = server.root / f"place {uuid.uuid4().hex[:8]}"
        self.folder.mkdir()
        self.plan = server.plan
        self.plan.clear()
        self.details = details
        self.seconds = 1_700_000_000

    def write(self, path, content):
        """Write at a time of its own: the protocol tells seconds, and nothing else of a change that keeps the size."""
        where = self.folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content)
        self.seconds += 1
        os.utime(where, (self.seconds, self.seconds))

    overwrite = write

    def rename(self, old, new):
        (self.folder / new).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / old).rename(self.folder / new)

    def delete(self, path):
        (self.folder / path).unlink()

    def open(self, meter, page_size=10):
        return self.opened(meter, page_size=page_size)

    def open_missing(self, meter):
        return self.opened(meter, path="/missing")

    def reopen(self):
        return self.open(Meter())

    def opened(self, meter, prune=None, **details):
        usual = {
            "host": "127.0.0.1", "port": self.server.port, "username": USER, "password": PASSWORD,
            "host_key": self.server.host_key, "path": f"/{self.folder.name}", "read_timeout": 0.5,
        }  # fmt: skip
        given = {**usual, **self.details, **details}
        details = SftpDetails(**{name: value for name, value in given.items() if value is not None})
        return open_sftp(details, meter, prune=prune, policy=IMPATIENT)


class RclonePlace(SftpPlace):
    """A folder of rclone's server, in which nothing goes wrong on demand."""

    faults = frozenset()
    hostile_names = tuple(name for name in NAMES if name.isprintable())  # it has pictures for control characters

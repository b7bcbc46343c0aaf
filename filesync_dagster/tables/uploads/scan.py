"""Virus scans: what looks at a file before anybody reads it, and clamd, spoken to in its own words."""

import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from filesync_dagster.tables.uploads.errors import UploadError

SCAN_TIMEOUT_SECONDS = 60.0
BYTES_PER_SECOND = 10 << 20
"""The slowest that a scan of a large file may be; a small one has the time above."""

CHUNK_BYTES = 1 << 18
ANSWER_MAX_BYTES = 4096
_FOUND: Final = re.compile(r"stream: (.{1,200}) FOUND")


class ScanHook(Protocol):
    """Looks at a file."""

    def scan(self, path: Path) -> None:
        """Return if nothing is wrong with a file. Raises UploadError: "infected", or "scanner" when nobody can tell."""
        ...


@dataclass(frozen=True)
class ClamdScan:
    """Asks clamd at `tcp://host:port` or `unix:/path`. Whatever it does not call clean is not taken."""

    address: str
    timeout_seconds: float = SCAN_TIMEOUT_SECONDS

    def scan(self, path: Path) -> None:
        """Send a file with INSTREAM."""
        try:
            answer = self._ask(path)
        except (OSError, ValueError) as error:
            raise _unknown("The virus scanner is not to be had.") from error
        if answer == "stream: OK":
            return
        if found := _FOUND.fullmatch(answer):
            name = re.sub(r"[^\w.:/ -]", "_", found[1])
            raise UploadError(f"The virus scanner found {name}.", code="infected", field="file")
        raise _unknown("The virus scanner did not say whether the file is clean.")

    def _ask(self, path: Path) -> str:
        seconds = max(self.timeout_seconds, path.stat().st_size / BYTES_PER_SECOND) if self.timeout_seconds else 0
        deadline = time.monotonic() + seconds
        with self._connect(deadline) as connection, path.open("rb") as file:
            try:
                _send(connection, b"zINSTREAM\0", deadline)
                while block := file.read(CHUNK_BYTES):
                    _send(connection, len(block).to_bytes(4, "big") + block, deadline)
                _send(connection, bytes(4), deadline)
            except (BrokenPipeError, ConnectionResetError):
                pass  # it has heard enough, and may have said why
            return _receive(connection, deadline)

    def _connect(self, deadline: float) -> socket.socket:
        parts = urlsplit(self.address)
        if parts.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(_left(deadline))
                connection.connect(parts.path)
            except BaseException:
                connection.close()
                raise
            return connection
        return socket.create_connection((parts.hostname or "", parts.port or 3310), _left(deadline))


def _unknown(message: str) -> UploadError:
    return UploadError(message, hint="Nothing is taken that was not looked at. Try again later.", code="scanner")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _send(connection: socket.socket, data: bytes, deadline: float) -> None:
    connection.settimeout(_left(deadline))
    connection.sendall(data)


def _receive(connection: socket.socket, deadline: float) -> str:
    answer = b""
    while not answer.endswith((b"\0", b"\n")):
        connection.settimeout(_left(deadline))
        block = connection.recv(ANSWER_MAX_BYTES)
        answer += block
        if not block or len(answer) > ANSWER_MAX_BYTES:
            break
    return answer.rstrip(b"\0\n").decode("utf-8", "replace")

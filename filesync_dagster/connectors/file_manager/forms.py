"""The forms that are sent to a file manager: their bytes, made while they are sent."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from filesync_dagster.core.errors import ContentMismatch

DEFAULT_TYPE: Final = "application/octet-stream"


class UploadForm:
    """A form of multipart/form-data (RFC 7578) whose last part is a file. `size` None: told when it ends."""

    def __init__(self, fields: Mapping[str, str], filename: str, file_type: str, size: int | None) -> None:
        boundary = f"filesync-{secrets.token_hex(16)}"
        self._size = size
        parts = [f"--{boundary}\r\n{_disposition(name)}\r\n\r\n{value}\r\n" for name, value in fields.items()]
        file_part = f'--{boundary}\r\n{_disposition("file")}; filename="{_quoted(filename)}"\r\n'
        self._head = f"{''.join(parts)}{file_part}Content-Type: {file_type}\r\n\r\n".encode()
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self.headers = {"content-type": f"multipart/form-data; boundary={boundary}"}
        if size is not None:
            self.headers["content-length"] = str(len(self._head) + size + len(self._tail))
        self.sent = False
        """Whether all of it was handed over."""

    def whole(self, content: bytes) -> bytes:
        """Return all of it, for a content that fits into memory."""
        return b"".join((self._head, content, self._tail))

    def blocks(self, content: Iterable[bytes]) -> Iterator[bytes]:
        """Yield it, with the content of the file as that comes.

        What raises, or has another size than was told, ends it before its last line: no server takes that for a form.
        """
        yield self._head
        size = 0
        for block in content:
            size += len(block)
            yield block
        if self._size is not None and size != self._size:
            raise ContentMismatch(f"{size:,} of {self._size:,} bytes came.")
        self.sent = True
        yield self._tail


def header_text(text: str, default: str) -> str:
    """Return a text as the value of a header; the default for one that cannot be one.

    >>> header_text("text/plain", "x"), header_text("text/pläin", "x"), header_text("", "x")
    ('text/plain', 'x', 'x')
    """
    return text if text.isascii() and text.isprintable() and text.strip() else default


def _disposition(name: str) -> str:
    return f'Content-Disposition: form-data; name="{_quoted(name)}"'


def _quoted(name: str) -> str:
    """Return a name within quotes as browsers do (HTML, multipart form data)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")

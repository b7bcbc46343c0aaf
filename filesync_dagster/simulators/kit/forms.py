"""Forms as they are sent over HTTP, read as they come: fields are kept, files are handed on block by block."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import parse_qsl, unquote_to_bytes

MAX_FIELD_BYTES: Final = 1 << 20
MAX_HEADER_BYTES: Final = 16 << 10
MAX_PARTS: Final = 1000
MAX_BODY_BYTES: Final = 8 << 20
"""Of a form without a file."""

OPTION: Final = re.compile(r';\s*([\w*-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^;]*)')


class BrokenForm(Exception):
    """A body that is no form, or not all of one."""


class FileSink(Protocol):
    """What takes the content of a file part."""

    def write(self, block: bytes) -> object:
        """Take some of it."""
        ...


@dataclass(frozen=True, slots=True)
class FilePart:
    """What a form says of a file that comes next."""

    name: str
    filename: str
    content_type: str


class FormReader(Protocol):
    """Reads a form. `fields` are those that came so far; of one that came twice, the last."""

    fields: dict[str, str]

    def feed(self, data: bytes) -> None:
        """Take what came. Raises BrokenForm."""
        ...

    def finish(self) -> None:
        """Take note that no more comes. Raises BrokenForm when the form is not whole."""
        ...


def form_reader(content_type: str, open_file: Callable[[FilePart], FileSink]) -> FormReader:
    """Return what reads a body of this content type; `open_file` is asked where the content of each file goes."""
    kind, options = header_options(content_type)
    if kind == "multipart/form-data":
        boundary = options.get("boundary", "")
        if not boundary:
            raise BrokenForm("Missing boundary in multipart.")
        return MultipartReader(boundary.encode("latin-1"), open_file)
    return EncodedReader() if kind == "application/x-www-form-urlencoded" else NoForm()


def header_options(value: str) -> tuple[str, dict[str, str]]:
    r"""Return what a header says, in small letters, and its options by name.

    >>> header_options('Form-Data; name="a\\"b"; filename*=utf-8\'\'x%20y')
    ('form-data', {'name': 'a"b', 'filename': 'x y'})
    """
    kind, _, rest = value.partition(";")
    options = {}
    for name, found in OPTION.findall(f";{rest}"):
        text = re.sub(r"\\([\\\"])", r"\1", found[1:-1]) if found[:1] == '"' else found.strip()
        if name.endswith("*"):
            text = unquote_to_bytes(text.split("'", 2)[-1]).decode("utf-8", "replace")
        options[name.lower().rstrip("*")] = text
    return kind.strip().lower(), options


class NoForm:
    """A body of another kind: it has no fields."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def feed(self, data: bytes) -> None:
        """Take what came, and keep nothing."""

    def finish(self) -> None:
        """Take note that no more comes."""


class EncodedReader:
    """Reads a form that is encoded like the query of an address."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self._body = bytearray()

    def feed(self, data: bytes) -> None:
        """Take what came. Raises BrokenForm for a form that is too large."""
        self._body += data
        if len(self._body) > MAX_BODY_BYTES:
            raise BrokenForm("The form is too large.")

    def finish(self) -> None:
        """Read the fields."""
        self.fields = dict(parse_qsl(self._body.decode("latin-1"), keep_blank_values=True))


class MultipartReader:
    """Reads multipart/form-data (RFC 7578) with bounded memory."""

    def __init__(self, boundary: bytes, open_file: Callable[[FilePart], FileSink]) -> None:
        self.fields: dict[str, str] = {}
        self._delimiter = b"\r\n--" + boundary
        self._open_file = open_file
        self._buffer = bytearray(b"\r\n")  # so that the first delimiter is like the others
        self._steps = self._read()
        self._over = False
        next(self._steps)

    def feed(self, data: bytes) -> None:
        """Take what came. Raises BrokenForm; what `open_file` and its sinks raise passes through."""
        if not self._over:
            self._buffer += data
            self._over = next(self._steps, True)

    def finish(self) -> None:
        """Raise BrokenForm when the last delimiter did not come."""
        if not self._over:
            raise BrokenForm("The form ends in the middle.")

    def _read(self) -> Iterator[bool]:
        """Read part after part; yield False where more must come first."""
        yield from self._until_delimiter(lambda _: None)
        for _ in range(MAX_PARTS):
            while len(self._buffer) < 2:  # noqa: PLR2004 - "--" or the end of a line
                yield False
            if self._buffer[:2] == b"--":
                return
            yield from self._part()
        raise BrokenForm(f"The form has more than {MAX_PARTS:,} parts.")

    def _part(self) -> Iterator[bool]:
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEADER_BYTES:
                raise BrokenForm("A part has too many headers.")
            yield False
        headers = _headers(bytes(self._buffer[:end]))
        del self._buffer[: end + 4]
        kind, options = header_options(headers.get("content-disposition", ""))
        if kind != "form-data" or "name" not in options:
            raise BrokenForm('The Content-Disposition header field "name" must be provided.')
        if "filename" in options:
            part = FilePart(options["name"], options["filename"], headers.get("content-type", ""))
            sink = self._open_file(part)
            yield from self._until_delimiter(sink.write)
            return
        value = _FieldValue()
        yield from self._until_delimiter(value.write)
        self.fields[options["name"]] = value.text()

    def _until_delimiter(self, write: Callable[[bytes], object]) -> Iterator[bool]:
        """Hand on what comes before the next delimiter, and take that away."""
        length = len(self._delimiter)
        while (end := self._buffer.find(self._delimiter)) < 0:
            certain = len(self._buffer) - length + 1  # the rest may be the beginning of a delimiter
            if certain > 0:
                write(bytes(self._buffer[:certain]))
                del self._buffer[:certain]
            yield False
        if end:
            write(bytes(self._buffer[:end]))
        del self._buffer[: end + length]


class _FieldValue:
    """The text of one field."""

    def __init__(self) -> None:
        self._value = bytearray()

    def write(self, block: bytes) -> None:
        self._value += block
        if len(self._value) > MAX_FIELD_BYTES:
            raise BrokenForm(f"Field exceeded maximum size of {MAX_FIELD_BYTES // 1024}KB.")

    def text(self) -> str:
        """Return it as UTF-8, which is what is sent, or as Latin-1, which anything is."""
        try:
            return self._value.decode()
        except UnicodeDecodeError:
            return self._value.decode("latin-1")


def _headers(block: bytes) -> dict[str, str]:
    try:
        text = block.decode()
    except UnicodeDecodeError:
        text = block.decode("latin-1")
    lines = [line.partition(":") for line in text.split("\r\n") if line.strip()]
    return {name.strip().lower(): value.strip() for name, _, value in lines}

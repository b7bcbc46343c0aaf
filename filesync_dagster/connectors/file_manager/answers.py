"""What a file manager answered, and whether it can be believed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from filesync_dagster.connectors.rest.answers import Answer, parse_object
from filesync_dagster.connectors.rest.errors import ASK_LATER, BadRequest, ErrorTable, Meaning, error_for
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    DestinationFull,
    Foreign,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
)

TOLD_MAX_LETTERS: Final = 300
"""Of what a server says, that are told."""

CHECK_TOKEN: Final = "Check the token: the server wants another one, or one at all."  # noqa: S105 - a sentence
CHECK_ADDRESS: Final = "Check base_url: something answers there that is no file manager, or not one of this protocol."
TOO_LARGE: Final = "Set max_file_size, so that such files are not sent, or let the server take larger ones."
REFUSED: Final = "The server does not take this. Its log may tell more."
INTERNAL_SERVER_ERROR: Final = 500

STATUSES: Final[Mapping[int | tuple[str, int], Meaning]] = {
    400: (BadRequest, REFUSED),
    401: (AuthenticationFailed, CHECK_TOKEN),
    403: (AccessDenied, "Give the token the right to write there."),
    404: (NotFound, ""),
    405: (ProtocolViolation, CHECK_ADDRESS),
    409: (Foreign, ""),
    413: (ProtocolViolation, TOO_LARGE),
    422: (BadRequest, REFUSED),
    425: (TemporarilyDown, ASK_LATER),
    500: (TemporarilyDown, REFUSED),  # often what others answer with 400: see FileManagerApi
    507: (DestinationFull, "Make room at the server."),
}
TABLE: Final = ErrorTable({}, STATUSES, CHECK_ADDRESS)


@dataclass(frozen=True, slots=True)
class SaveAnswer:
    """A good answer of `saveToDisk`."""

    internal_id: str | None
    size: int | None
    metadata: Mapping[str, Any]

    @property
    def stored_sha256(self) -> str | None:
        """The hash of what the server has, if it tells one."""
        told = self.metadata.get("stored_sha256")
        return told.lower() if isinstance(told, str) and len(told) == 64 else None  # noqa: PLR2004 - hexadecimal digits


def refusal_error(answer: httpx.Response, where: str) -> SourceError:
    """Return the error for an answer that refuses, with what it says."""
    message = _shorten(_detail_of(answer.content))
    return error_for(where, answer.status_code, TABLE, message=message, retry_after=answer.headers.get("retry-after"))


def read_document(answer: httpx.Response, where: str) -> Answer:
    """Return the object of a good answer. Raises TemporarilyDown for one that was cut off, else ProtocolViolation."""
    if answer.content.lstrip()[:1] == b"<":
        told = _shorten(_text(answer.content))
        raise ProtocolViolation(f"{where} was answered by a web page: {told}", hint=CHECK_ADDRESS)
    return parse_object(answer.content, where, CHECK_ADDRESS)


def read_save_answer(document: Answer, where: str, operation: str, path: str, size: int | None) -> SaveAnswer:
    """Return what was answered to an operation on a path, of which `size` bytes were sent. Raises ProtocolViolation."""
    wrong = _wrong(document, operation, path, size)
    if wrong:
        raise ProtocolViolation(
            f"{where} was answered by something else than asked for: {wrong}. It said {_shorten(json.dumps(document))}",
            hint=REFUSED,
        )
    identity, metadata = document.get("internal_id"), document.get("metadata")
    return SaveAnswer(
        str(identity) if isinstance(identity, str | int) else None,
        whole_number(document.get("size")),
        metadata if isinstance(metadata, dict) else {},
    )


def same_path(one: str, other: str) -> bool:
    """Tell whether two paths are the same: one leading slash does not count."""
    return one.removeprefix("/") == other.removeprefix("/")


def whole_number(value: object) -> int | None:
    """Return a number as some servers send it, also as text; None for what is none.

    >>> whole_number(5), whole_number("5"), whole_number(5.5), whole_number(True)
    (5, 5, None, None)
    """
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _wrong(document: Answer, operation: str, path: str, size: int | None) -> str | None:
    status, told_path = document.get("status"), document.get("file_path")
    if not isinstance(status, str) or status.lower() != "success":
        return f"its status is {_shorten(repr(status))}"
    if not isinstance(told_path, str) or not same_path(told_path, path):
        return f"it is about {_shorten(repr(told_path))}"
    if document.get("operation", operation) != operation:
        return f"it tells of the operation {_shorten(repr(document['operation']))}"
    told_size = document.get("size")
    if told_size is not None and whole_number(told_size) is None:
        return f"its size is {_shorten(repr(told_size))}"
    if size is not None and told_size is not None and whole_number(told_size) != size:
        return f"it has {whole_number(told_size):,} bytes, and {size:,} were sent"
    return None


def _detail_of(body: bytes) -> str:
    """Return what an error says: its `detail`, which is a text or a list of problems, or the beginning of it all."""
    try:
        detail = json.loads(body)["detail"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return _text(body)
    if not isinstance(detail, list):
        return detail if isinstance(detail, str) else json.dumps(detail)
    return "; ".join(_problem(one) for one in detail)


def _problem(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    where = problem.get("loc")
    names = [str(name) for name in where if name not in {"body", "query"}] if isinstance(where, list) else []
    return ": ".join([*([".".join(names)] if names else []), str(problem.get("msg"))])


def _text(body: bytes) -> str:
    return body[: 4 * TOLD_MAX_LETTERS].decode("utf-8", "replace")


def _shorten(text: str) -> str:
    """Return a text as it fits into a sentence."""
    line = " ".join(text.split())
    return line if len(line) <= TOLD_MAX_LETTERS else f"{line[:TOLD_MAX_LETTERS]}…"

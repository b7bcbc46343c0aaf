"""Where the next page of an answer begins: a text that the client hands back as it is.

Every list that may be long comes in pages: `{"items": […], "next_cursor": "…"}`, with `limit` and `cursor` in the query
and null behind the last page. A cursor names the last item of a page, not its number: what changes between two
pages neither repeats an item nor skips one.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from filesync_dagster.core.clock import in_utc
from filesync_dagster.core.errors import FilesyncError

DEFAULT_LIMIT, MAX_LIMIT = 100, 1000


class InvalidQuery(FilesyncError):
    """A question that cannot be understood."""


class PageQuery(BaseModel):
    """Which page. A slip of the pen must not mean "everything": unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAX_LIMIT, description="Items of the page.")
    cursor: Annotated[str, Field(min_length=1, max_length=10_000)] | None = Field(
        default=None, description="`next_cursor` of the page before; the first page without it."
    )


def encode_cursor(*values: str | int) -> str:
    """Return a cursor."""
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def decode_cursor(text: str | None, *types: type[str | int]) -> list[Any] | None:
    """Return what is in a cursor: values of these types; None without one. Raises InvalidQuery."""
    if text is None:
        return None
    try:
        values = json.loads(base64.urlsafe_b64decode(text.encode() + b"=" * (-len(text) % 4)))
    except ValueError:
        values = None
    if not isinstance(values, list) or [type(value) for value in values] != list(types) or not _fits(values):
        raise InvalidQuery("The cursor is none of this list.", hint="Hand back `next_cursor` as it came.")
    return values


def _fits(values: list[Any]) -> bool:
    """Tell whether a database can be asked about these values."""
    return all(abs(value) < 2**63 if isinstance(value, int) else _is_storable(value) for value in values)


def _is_storable(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def moment_of(text: str) -> datetime:
    """Return the moment in a cursor, in UTC. Raises InvalidQuery."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidQuery("The cursor is none of this list.", hint="Hand back `next_cursor` as it came.")
    return in_utc(found)

"""What the details of every store over HTTP are made of: seconds, addresses, secrets that are JSON. Pure: no I/O."""

import json
from collections.abc import Callable
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import Field

Seconds = Annotated[float, Field(gt=0, le=3600)]


def address_parts(value: str) -> SplitResult | None:
    """Return the parts of an address of HTTP, None where it is none, or holds a password."""
    try:
        parts = urlsplit(value)
        readable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if readable and not parts.username and not parts.fragment else None


def address_like(example: str) -> Callable[[str], str]:
    """Return a validator of addresses: of those without a query, and without a slash at their end.

    >>> address_like("https://api.example.com")("http://host:8080/")
    'http://host:8080'
    """

    def check_address(value: str) -> str:
        parts = address_parts(value)
        if parts is None or parts.query:
            raise ValueError(f"this is not an address such as {example}")  # the value might hold a password
        return value.rstrip("/")

    return check_address


def as_json_text(value: object) -> object:
    """Return JSON that was pasted into YAML, where it is a mapping, as text again."""
    return json.dumps(value) if isinstance(value, dict) else value

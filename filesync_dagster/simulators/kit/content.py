"""The content of a file as a provider sends it: all of it, or the part that a Range asks for."""

import re
from collections.abc import Mapping
from typing import Final

from filesync_dagster.simulators.kit.wire import Answer, Request

RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


def answer_content(request: Request, content: bytes, headers: Mapping[str, str]) -> Answer | None:
    """Return a content, 200 or 206; None for a range that it does not have. What is no range counts as none (RFC 9110).

    >>> answer_content(Request("GET", "/", headers={"range": "bytes=1-2"}), b"abcd", {}).body
    b'bc'
    """
    told = {"accept-ranges": "bytes", **headers}
    asked = RANGE.fullmatch(request.headers.get("range", "").strip())
    if asked is None or not (asked[1] or asked[2]):
        return Answer(200, content, told)
    size = len(content)
    if asked[1]:
        start, end = int(asked[1]), min(int(asked[2]) + 1 if asked[2] else size, size)
    else:
        start, end = max(0, size - int(asked[2])), size
    if start >= size or end <= start:
        return None
    return Answer(206, content[start:end], {**told, "content-range": f"bytes {start}-{end - 1}/{size}"})


def generate_content(size: int, seed: str) -> bytes:
    """Return bytes that are the same for the same size and seed."""
    line = f"{seed}\n".encode()
    return (line * (size // len(line) + 1))[:size]

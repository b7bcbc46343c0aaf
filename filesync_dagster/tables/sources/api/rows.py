"""Rows in the answers of an API, as lines of JSON: every number with the digits that it came with."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.sources.refusals import refusal

MARK: Final = secrets.token_hex(8)
"""What numbers are wrapped in while they are texts; nobody outside knows it."""

NUMBER: Final = re.compile(rf'"{MARK}([-+0-9.eE]+){MARK}"')
CHECK_FORMAT: Final = "Check the path, and whether the answer is JSON."


def parse_answer(body: bytes, what: str) -> Any:
    """Return the JSON of an answer. Numbers with a point are wrapped texts, so that they keep their digits."""
    try:
        return json.loads(body, parse_float=lambda text: f"{MARK}{text}{MARK}")
    except (ValueError, RecursionError):
        is_page = body.lstrip()[:1] == b"<"
        said = "a web page in place of JSON" if is_page else "an answer that is no JSON"
        message = f"{what} sent {said}."
        raise refusal("protocol", what, field="base_url", message=message, hint=CHECK_FORMAT) from None


def rows_in(answer: Any, data_key: str, what: str, field: str) -> list[Any]:
    """Return the rows of an answer: the list at a key with dots. Raises SourceRefused where there is none."""
    found = answer if isinstance(answer, list) and data_key in {"", "data"} else value_at(answer, data_key)
    if found is None and isinstance(answer, dict) and _has_key(answer, data_key):
        return []
    if isinstance(found, dict) and not data_key:
        return [found]
    if not isinstance(found, list):
        keys = ", ".join(list(answer)[:10]) if isinstance(answer, dict) else "none"
        raise SourceRefused(
            f"{what} sent an answer that has no list {data_key!r}.",
            hint=f"Its names are: {keys}." if keys else "",
            code="bad_config",
            field=field,
        )
    return found


def value_at(answer: Any, key: str) -> Any:
    """Return what is at a key with dots; None where nothing is."""
    found = answer
    for part in key.split(".") if key else ():
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def lines_of(rows: Sequence[Any]) -> bytes:
    """Return rows as lines of JSON; one that is no object is the value of a column `value`."""
    objects = (row if isinstance(row, dict) else {"value": row} for row in rows)
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in objects)
    return NUMBER.sub(r"\1", text).encode("utf-8", "surrogatepass")


def plain_text(value: Any) -> str | None:
    """Return a cursor as it is sent; None where there is no further page."""
    if value is None or value is False or value == "":
        return None
    return str(value).replace(MARK, "")


def _has_key(answer: Mapping[str, Any], key: str) -> bool:
    parts = key.split(".")
    above = value_at(answer, ".".join(parts[:-1]))
    return isinstance(above, Mapping) and parts[-1] in above

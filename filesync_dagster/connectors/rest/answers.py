"""What a JSON answer must hold. Absent is not empty: something else may have answered."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import orjson

from filesync_dagster.connectors.rest.errors import ASK_LATER
from filesync_dagster.core.errors import ProtocolViolation, TemporarilyDown

Answer: TypeAlias = dict[str, Any]

REPORT = "The store changed something, or this is an error of ours: please report it."


def parse_object(body: bytes, where: str, hint: str = REPORT) -> Answer:
    """Return the JSON object that a body is. Raises TemporarilyDown for what is no JSON, else ProtocolViolation."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise TemporarilyDown(f"{where} sent an answer that cannot be read ({exc}).", hint=ASK_LATER) from exc
    if not isinstance(answer, dict):
        raise ProtocolViolation(f"{where} sent an answer of another kind than was asked for.", hint=hint)
    return answer


def list_in(answer: Mapping[str, Any], name: str, where: str, hint: str = REPORT) -> list[Answer]:
    """Return a list of objects that an answer must have. Raises ProtocolViolation."""
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ProtocolViolation(f"{where} sent an answer without {name}.", hint=hint)
    return found


def text_in(answer: Mapping[str, Any], name: str, where: str, hint: str = REPORT) -> str:
    """Return a text that an answer must have. Raises ProtocolViolation."""
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        raise ProtocolViolation(f"{where} sent an answer without {name}.", hint=hint)
    return found

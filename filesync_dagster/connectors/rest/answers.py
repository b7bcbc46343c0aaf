"""What a JSON answer must hold. Absent is not empty: something else may have answered."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import orjson

from filesync_dagster.connectors.rest.errors import ASK_LATER, CHECK_PORTAL
from filesync_dagster.core.errors import ProtocolViolation, TemporarilyDown

Answer: TypeAlias = dict[str, Any]

REPORT = "The store changed something, or this is an error of ours: please report it."


def parse_json(body: bytes, where: str) -> object:
    """Return what the JSON of a body says. Raises TemporarilyDown for what is no JSON.

    Halves of surrogate pairs are taken, as Python's parser does: one odd name is no reason to lose a page.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        try:
            found: object = json.loads(body)
        except (ValueError, RecursionError):
            is_page = body.lstrip()[:1] == b"<"
            raise TemporarilyDown(
                f"{where} sent {'a web page' if is_page else f'an answer that cannot be read ({exc})'}.",
                hint=CHECK_PORTAL if is_page else ASK_LATER,
            ) from exc
    return found


def parse_object(body: bytes, where: str, hint: str = REPORT) -> Answer:
    """Return the JSON object that a body is. Raises TemporarilyDown for what is no JSON, else ProtocolViolation."""
    answer = parse_json(body, where)
    if not isinstance(answer, dict):
        raise ProtocolViolation(f"{where} sent an answer of another kind than was asked for.", hint=hint)
    return answer


def list_in(answer: Mapping[str, Any], name: str, where: str, hint: str = REPORT) -> list[Answer]:
    """Return a list of objects that an answer must have. Raises ProtocolViolation."""
    found = answer.get(name)
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ProtocolViolation(f"{where} sent an answer without {name}.", hint=hint)
    return found


def ids_in(entries: Iterable[Mapping[str, Any]], *names: str) -> list[str]:
    """Return what tells entries of a page from others: the values that they have under names, as text."""
    return [str([entry.get(name) for name in names or ("id",)]) for entry in entries]


def text_in(answer: Mapping[str, Any], name: str, where: str, hint: str = REPORT) -> str:
    """Return a text that an answer must have. Raises ProtocolViolation."""
    found = answer.get(name)
    if not isinstance(found, str) or not found:
        raise ProtocolViolation(f"{where} sent an answer without {name}.", hint=hint)
    return found

"""The `fields` parameter: `nextPageToken,files(id,owners/emailAddress)` selects what an answer holds.

A mask is a tree: the name of a field to the mask of what is below it, or to None, which is everything.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from filesync_dagster.simulators.google_drive.discovery import schema
from filesync_dagster.simulators.google_drive.problems import DriveRefusal, unknown_field

Mask: TypeAlias = Mapping[str, "Mask"] | None

EVERYTHING: Final = None
_TOKEN = re.compile(r"[^,()/\s]+|[,()/]")


@lru_cache(maxsize=512)
def parse_mask(text: str, name: str) -> Mask:
    """Return the mask of an answer of the schema `name`; raise Refusal for one that it does not have."""
    tokens = _TOKEN.findall(text)
    mask: Mask = {}
    position = 0
    try:
        mask, position = _selection(tokens, 0)
    except IndexError:
        raise unknown_field(text) from None
    if position != len(tokens) or not tokens:
        raise unknown_field(text)
    return _checked(mask, schema(name))


def _selection(tokens: list[str], at: int) -> tuple[Mask, int]:
    """Parse `a,b/c,d(e)` from a position up to the end or a closing bracket."""
    found: Mask = {}
    while True:
        path, below, at = _path(tokens, at)
        one: Mask = below
        for part in reversed(path):
            one = {part: one}
        found = _merged(found, one)
        if at == len(tokens) or tokens[at] == ")":
            return found, at
        if tokens[at] != ",":
            raise IndexError
        at += 1


def _path(tokens: list[str], at: int) -> tuple[list[str], Mask, int]:
    path = []
    while True:
        if tokens[at] in ",()/":
            raise IndexError
        path.append(tokens[at])
        at += 1
        if at == len(tokens) or tokens[at] != "/":
            break
        at += 1
    if at < len(tokens) and tokens[at] == "(":
        below, at = _selection(tokens, at + 1)
        if tokens[at] != ")":
            raise IndexError
        return path, below, at + 1
    return path, EVERYTHING, at


def _merged(one: Mask, other: Mask) -> Mask:
    if one is None or other is None:
        return EVERYTHING
    together = dict(one)
    for name, mask in other.items():
        together[name] = _merged(together[name], mask) if name in together else mask
    return together


def _checked(mask: Mask, described: Mapping[str, Any]) -> Mask:
    """Return the mask with `*` resolved; raise Refusal if it names what is not described."""
    described = _resolved(described)
    if mask is None or "additionalProperties" in described:
        return mask
    properties = described.get("properties")
    if properties is None:
        raise unknown_field(next(iter(mask)))
    star = mask.get("*", {})
    if star is None:
        return EVERYTHING
    checked: dict[str, Mask] = {}
    for name, below in mask.items():
        if name == "*":
            checked |= {every: _checked(star, properties[every]) for every in _with(star, properties)}
        elif name in properties:
            checked[name] = _checked(below, properties[name])
        else:
            raise unknown_field(name)
    return checked


def _with(star: Mask, properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield the properties below which a `*/x` finds something."""
    for name, described in properties.items():
        try:
            _checked(star, described)
        except DriveRefusal:
            continue
        yield name


def _resolved(described: Mapping[str, Any]) -> Mapping[str, Any]:
    while True:
        if "$ref" in described:
            described = schema(described["$ref"])
        elif described.get("type") == "array":
            described = described["items"]
        else:
            return described


def below(mask: Mask, name: str) -> Mask:
    """Return the mask of a field that the mask selects."""
    return EVERYTHING if mask is None else mask[name]


def selects(mask: Mask, name: str) -> bool:
    """Tell whether the mask selects a field, all or some of it."""
    return mask is None or name in mask


def apply_mask(value: Any, mask: Mask) -> Any:
    """Return what the mask selects of a value."""
    if mask is None:
        return value
    if isinstance(value, list):
        return [apply_mask(one, mask) for one in value]
    return {name: apply_mask(value[name], inner) for name, inner in mask.items() if name in value}

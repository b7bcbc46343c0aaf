"""Values of JSON, exactly: numbers keep their digits, and what Python writes that is no JSON is told."""

import json
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import orjson


class DuplicateKey(ValueError):
    """An object that has a key twice: which of the values is meant cannot be told."""


class TooDeep(ValueError):
    """Lists and objects in each other, deeper than anybody means."""


class LoneSurrogate(ValueError):
    """Half of a letter, which no text in UTF-8 has."""


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(text: str) -> Any:
    """Return the value of a text: whole numbers as int, others as Decimal (NaN and Infinity, too).

    Raises ValueError: DuplicateKey, TooDeep, LoneSurrogate, or json.JSONDecodeError.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise TooDeep("it is nested too deeply") from None
    if _SURROGATE.search(text):
        _check_letters(value)
    return value


def _check_letters(value: Any) -> None:
    """Raise LoneSurrogate for a text that is none."""
    try:
        json.dumps(value, default=str, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise LoneSurrogate("an escape stands for half of a letter") from None


def json_text(value: Any) -> str:
    """Return a value as compact JSON. Dates are ISO; numbers that JSON would round are texts."""
    return orjson.dumps(value, default=_other, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_SORT_KEYS).decode()


def _other(value: Any) -> Any:
    if isinstance(value, Decimal):
        number = float(value)
        return number if Decimal(repr(number)) == value else str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, timedelta | date | datetime | time | int):
        return str(value)
    if isinstance(value, tuple):
        return list(value)
    raise TypeError(f"{type(value).__name__} is no value of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKey(f"an object has the key {key[:80]!r} twice")
            seen.add(key)
    return found


def _number(text: str) -> Decimal:
    return Decimal(text)


def _constant(text: str) -> Decimal:
    return Decimal({"NaN": "NaN", "Infinity": "Infinity", "-Infinity": "-Infinity"}[text])


def _whole(text: str) -> "int | Decimal":
    return int(text) if len(text) < 4000 else Decimal(text)  # int() refuses more digits


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_float=_number, parse_int=_whole, parse_constant=_constant)

"""What is wrong with a value, as a person says it: pydantic's errors in words of ours."""

from collections.abc import Callable, Mapping
from typing import Any

Context = Mapping[str, Any]

MAPPING = "must be a mapping (`key: value`)"

SENTENCES: dict[str, str | Callable[[Context], str]] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "byte_size": "must be a size such as 512MB",
    "byte_size_unit": "must be a size such as 512MB",
    "date_from_datetime_inexact": "must be a date such as 2026-01-31",
    "date_from_datetime_parsing": "must be a date such as 2026-01-31",
    "date_parsing": "must be a date such as 2026-01-31",
    "date_type": "must be a date such as 2026-01-31",
    "datetime_from_date_parsing": "must be a time such as 2026-01-31T08:00:00Z",
    "datetime_parsing": "must be a time such as 2026-01-31T08:00:00Z",
    "datetime_type": "must be a time such as 2026-01-31T08:00:00Z",
    "dict_type": MAPPING,
    "enum": lambda context: f"must be one of {_one_of(context)}",
    "extra_forbidden": "is no known name",
    "finite_number": "must be a number that is not infinite",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "frozenset_type": "must be a list",
    "greater_than": lambda context: f"must be more than {context['gt']}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller number",
    "int_type": "must be a whole number",
    "iterable_type": "must be a list",
    "less_than": lambda context: f"must be less than {context['lt']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "list_type": "must be a list",
    "literal_error": lambda context: f"must be one of {_one_of(context)}",
    "missing": "is required",
    "model_attributes_type": MAPPING,
    "model_type": MAPPING,
    "set_type": "must be a list",
    "string_pattern_mismatch": "has a character that cannot be there, or is not of the form that it needs",
    "string_sub_type": "must be text",
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
    "string_too_short": lambda context: _at_least(context, "characters", "must not be empty"),
    "string_type": "must be text; put it in quotes",
    "string_unicode": "must be text",
    "too_long": lambda context: f"must have at most {context['max_length']} entries",
    "too_short": lambda context: _at_least(context, "entries", "must not be empty"),
    "tuple_type": "must be a list",
}
"""By pydantic's name of an error."""


def sentence_of(problem: Mapping[str, Any]) -> str:
    """Return one of pydantic's errors as a sentence without its subject; what our own validators say, as said."""
    kind = problem["type"]
    if kind in {"value_error", "assertion_error"}:
        message = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
        return message[:1].lower() + message[1:]
    known = SENTENCES.get(kind, "is not what is expected here")
    return known if isinstance(known, str) else known(problem.get("ctx", {}))


def _one_of(context: Context) -> str:
    """Return what may be written, as the docs write it.

    >>> _one_of({"expected": "'interval', 'cron' or 'manual'"})
    'interval, cron, manual'
    """
    return str(context["expected"]).replace("'", "").replace(" or ", ", ")


def _at_least(context: Context, what: str, empty: str) -> str:
    return empty if context["min_length"] == 1 else f"must have at least {context['min_length']} {what}"

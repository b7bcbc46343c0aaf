"""What may be asked: the query parameters of each operation, paging, and filters with their comparisons."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from filesync_dagster.simulators.autodesk.refusals import bad_input

PAGE_LIMIT = 200
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "": lambda value, wanted: value == wanted,
    "eq": lambda value, wanted: value == wanted,
    "lt": lambda value, wanted: value < wanted,
    "le": lambda value, wanted: value <= wanted,
    "ge": lambda value, wanted: value >= wanted,
    "gt": lambda value, wanted: value > wanted,
    "starts": lambda value, wanted: str(value).startswith(str(wanted)),
    "ends": lambda value, wanted: str(value).endswith(str(wanted)),
    "contains": lambda value, wanted: str(wanted) in str(value),
}
TIMES = frozenset({"createTime", "lastModifiedTime", "lastModifiedTimeRollup", "reservedTime"})
_FILTER = re.compile(r"filter\[(?P<field>[\w.]+)\](?:-(?P<comparison>[a-z]+))?")
_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(?:(\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,7}))?)?)?)?)?)?)?(Z|[+-]\d\d:\d\d)?"
)
_ROLLUP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7}Z)?")


@dataclass(frozen=True)
class Filter:
    """One condition: the field has any of the values, or compares with one of them so."""

    field: str
    comparison: str
    values: tuple[str, ...]

    def holds(self, resource: dict[str, Any]) -> bool:
        """Return whether a resource fits."""
        value = field_value(resource, self.field)
        if value is None:
            return False
        compare = COMPARISONS[self.comparison]
        return any(compare(_comparable(self.field, value), self._wanted(wanted, value)) for wanted in self.values)

    def _wanted(self, wanted: str, value: object) -> object:
        if isinstance(value, bool):
            return wanted == "true"
        if isinstance(value, int | float):
            return _number(wanted)
        return moment(wanted) if self.field in TIMES else wanted


@dataclass(frozen=True)
class Question:
    """A query that is well formed."""

    filters: tuple[Filter, ...] = ()
    number: int = 0
    limit: int = PAGE_LIMIT
    flags: frozenset[str] = frozenset()
    copy_from: str | None = None

    def holds(self, resource: dict[str, Any]) -> bool:
        """Return whether a resource fits all filters."""
        return all(condition.holds(resource) for condition in self.filters)

    def wants(self, field: str, value: str) -> bool:
        """Return whether a filter names this value of a field."""
        return any(value in condition.values for condition in self.filters if condition.field == field)

    def links(self, url: str, query: Sequence[tuple[str, str]], *, more: bool) -> dict[str, Any]:
        """Return the links of a page. Only a page without `next` is the last one."""

        def to(number: int) -> dict[str, str]:
            pairs = [("page[number]", str(number)), *(pair for pair in query if pair[0] != "page[number]")]
            return {"href": f"{url}?{'&'.join(f'{quote(name)}={quote(value)}' for name, value in pairs)}"}

        found = {"self": to(self.number)}
        if self.number:
            found |= {"first": to(0), "prev": to(self.number - 1)}
        if more:
            found["next"] = to(self.number + 1)
        return found


@dataclass(frozen=True)
class Parameters:
    """What an operation may be asked. A field that ends in `*` stands for all that begin so."""

    fields: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    paged: bool = False
    limited: bool = True
    copies: bool = False

    def read(self, query: Sequence[tuple[str, str]]) -> Question:
        """Read a query. Raises Refusal for what the operation does not know."""
        filters: dict[tuple[str, str], tuple[str, ...]] = {}
        number, limit, flags, copy_from = 0, PAGE_LIMIT, set(), None
        for name, value in query:
            if self.paged and name == "page[number]":
                number = _whole(value, "page number", 0, None)
            elif self.paged and self.limited and name == "page[limit]":
                limit = _whole(value, "limit", 1, PAGE_LIMIT)
            elif name in self.flags:
                flags |= {name} if _boolean(name, value) else set()
            elif self.copies and name == "copyFrom":
                copy_from = value
            else:
                key = self._field(name)
                filters[key] = filters.get(key, ()) + tuple(value.split(","))
        conditions = tuple(_checked(Filter(*key, values)) for key, values in filters.items())
        return Question(conditions, number, limit, frozenset(flags), copy_from)

    def _field(self, name: str) -> tuple[str, str]:
        parts = _FILTER.fullmatch(name)
        if parts is None:
            raise bad_input(f"The query parameter {name} is invalid.")
        field, comparison = parts["field"].removeprefix("attributes."), parts["comparison"] or ""
        if not any(field == known or (known.endswith("*") and field.startswith(known[:-1])) for known in self.fields):
            raise bad_input(f"The filter {name} is invalid.")
        if comparison not in COMPARISONS:
            raise bad_input(f"The comparison type {comparison} of {name} is invalid.")
        return field, comparison


def field_value(resource: dict[str, Any], field: str) -> Any:
    """Return a field of a resource by the name that a filter gives it: an attribute, or its type or id."""
    if field in {"type", "id"}:
        return resource[field]
    value: Any = resource["attributes"]
    for part in field.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def moment(text: str) -> datetime:
    """Return a date-time in one of Autodesk's forms, from a year to ten millionths of a second. UTC if it says nothing.

    >>> moment("2026-01") < moment("2026-01-01T00:00:00.0000001") <= moment("2026-01-01T08:00+07:59")
    False
    """
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise bad_input(f"The date-time {text} is invalid.")
    *whole, fraction, zone = parts.groups()
    year, month, day, hour, minute, second = (
        int(part) if part else least for part, least in zip(whole, (1, 1, 1, 0, 0, 0), strict=True)
    )
    try:
        at = datetime(year, month, day, hour, minute, second, int(f"{fraction or 0:0<7}"[:6]), tzinfo=UTC)
    except ValueError as error:
        raise bad_input(f"The date-time {text} is invalid.") from error
    if zone and zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
        at -= offset if zone[0] == "+" else -offset
    return at


def _comparable(field: str, value: Any) -> Any:
    return moment(value) if field in TIMES else value


def _checked(condition: Filter) -> Filter:
    for value in condition.values if condition.field in TIMES else ():
        if condition.field == "lastModifiedTimeRollup" and not _ROLLUP.fullmatch(value):
            raise bad_input(f"The lastModifiedTimeRollup {value} is invalid.")
        moment(value)
    if condition.field == "type" and not set(condition.values) <= {"folders", "items", "versions"}:
        raise bad_input("The filter[type] is invalid.")
    return condition


def _whole(text: str, what: str, least: int, most: int | None) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or int(text) < least or (most is not None and int(text) > most):
        raise bad_input(f"The {what} value is invalid.")
    return int(text)


def _boolean(name: str, text: str) -> bool:
    if text not in {"true", "false"}:
        raise bad_input(f"The value of {name} is invalid.")
    return text == "true"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise bad_input(f"{text} is no number.") from error

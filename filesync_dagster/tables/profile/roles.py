"""What a column is for, by its values and its name; a name alone never decides."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pyarrow as pa

from filesync_dagster.tables.model import Role, TableColumn
from filesync_dagster.tables.profile.masks import numbered_format
from filesync_dagster.tables.profile.people import person_kind
from filesync_dagster.tables.profile.values import is_bytes, is_number, is_temporal, is_text

CATEGORY_COUNT = 50
CATEGORY_SHARE = 0.05
SENTENCE_COUNT = 20  # distinct texts of many words that somebody chose from, and did not write
TEXT_LETTERS = 40
TEXT_WORDS_COUNT = 4.0
JSON_SHARE = 0.95

KEY_NAME = re.compile(r"(^|_)(id|key|code|no|nr|num|number|uuid|guid|pk|isbn|iban|sku|ean)$")
IDENTIFIERS = {"uuid"}
"""Kinds of persons' data that are keys of rows where they are unique: nobody is known by them elsewhere."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PRIVATE = ("top", "min", "max", "quantiles", "mean", "sd")


def plain_name(name: str) -> str:
    """Return a name in small letters and underscores: "EmployeeID", "employee id" and "employee-id" are one."""
    return re.sub(r"[^0-9a-zäöüß]+", "_", _CAMEL.sub("_", name).lower()).strip("_")


@dataclass(frozen=True)
class ColumnFacts:
    """What is known of a column: its statistics, and some of its values as texts."""

    column: TableColumn
    table: str
    stats: Mapping[str, Any]
    sample: Sequence[str]

    @property
    def filled(self) -> int:
        """How many rows have a value."""
        return int(self.stats["count"] - self.stats["nulls"])

    @property
    def is_unique(self) -> bool:
        """Whether every row has a value of its own; of an estimate, not known to be so."""
        known = self.stats.get("distinct_exact", True)
        return bool(known and self.filled > 1 and self.filled == self.stats["count"] == self.stats["distinct"])


def with_role(facts: ColumnFacts) -> TableColumn:
    """Return the column with role, kind of person, format and statistics."""
    role, kind = _role(facts)
    stats = dict(facts.stats)
    if role is Role.PERSON:  # statistics go where rows do not
        stats = {name: value for name, value in stats.items() if name not in _PRIVATE}
    written = facts.column.format or _format(facts)
    return replace(facts.column, role=role, person_kind=kind, format=written, stats=stats)


def _role(facts: ColumnFacts) -> tuple[Role, str | None]:
    kind, names = facts.column.type, (plain_name(facts.column.name), plain_name(facts.table))
    if is_bytes(kind):
        return Role.BINARY, None
    if facts.stats["distinct"] <= 1:
        return Role.CONSTANT, None
    if (person := person_kind(*names, kind, facts.sample)) is not None:
        is_key = facts.is_unique and person in IDENTIFIERS
        return (Role.KEY, None) if is_key else (Role.PERSON, person)
    return Role.KEY if _is_key(facts) else _kind_of_values(facts), None


def _kind_of_values(facts: ColumnFacts) -> Role:
    kind = facts.column.type
    if is_temporal(kind):
        return Role.DATETIME
    if is_text(kind) and _is_json(facts.sample):
        return Role.JSON
    return Role.CATEGORY if _is_category(facts) else Role.NUMBER if is_number(kind) else Role.TEXT


def _is_key(facts: ColumnFacts) -> bool:
    """Tell whether a column names its rows: unique, and called so or in their order."""
    kind = facts.column.type
    if not facts.is_unique or pa.types.is_floating(kind) or is_temporal(kind) or pa.types.is_boolean(kind):
        return False
    if pa.types.is_decimal(kind) and facts.stats.get("decimals", 0):
        return False
    is_short = not is_text(kind) or facts.stats["length_max"] <= TEXT_LETTERS
    is_called = KEY_NAME.search(plain_name(facts.column.name)) is not None
    is_counted = pa.types.is_integer(kind) and facts.stats.get("order") == "rising" and facts.column.position == 0
    return is_short and (is_called or is_counted)


def _is_json(sample: Sequence[str]) -> bool:
    """Tell whether texts are JSON objects or lists."""
    candidates = [text for text in sample if text[:1] in {"{", "["}]
    if not sample or len(candidates) < JSON_SHARE * len(sample):
        return False
    return sum(_is_parsed(text) for text in candidates) >= JSON_SHARE * len(sample)


def _is_parsed(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _is_category(facts: ColumnFacts) -> bool:
    """Tell whether values repeat and are few; numbers only where they are whole and very few."""
    kind, distinct = facts.column.type, facts.stats["distinct"]
    if distinct >= facts.filled:
        return False
    if is_number(kind):
        is_whole = pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0)
        return bool(is_whole and distinct <= CATEGORY_COUNT and 2 * distinct <= facts.filled)
    if is_text(kind) and (facts.stats["length_mean"] > TEXT_LETTERS or facts.stats["words"] > TEXT_WORDS_COUNT):
        return bool(distinct <= SENTENCE_COUNT)
    return bool(distinct <= CATEGORY_COUNT or distinct <= CATEGORY_SHARE * facts.filled)


def _format(facts: ColumnFacts) -> str | None:
    """Return how values are written, where that says more than the type: "%.2f", "EMP-%05d"."""
    kind = facts.column.type
    if is_text(kind):
        return numbered_format(facts.sample) if facts.stats["distinct"] > CATEGORY_COUNT or facts.is_unique else None
    if (pa.types.is_decimal(kind) or pa.types.is_floating(kind)) and facts.stats.get("decimals"):
        return f"%.{kind.scale if pa.types.is_decimal(kind) else facts.stats['decimals']}f"
    return None

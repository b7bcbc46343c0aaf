"""Rules in words: `between 1 and 10`, `one of: a, b`, `must be after start_date`, `unique`, as people write them."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.tables.model import Origin, RuleKind, TableColumn, TableRule
from filesync_dagster.tables.synthetic.values import is_number

_NUMBER: Final = r"[-+]?\d[\d,_]*(?:\.\d+)?|[-+]?\.\d+"
_DAY: Final = r"\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2})?)?"
_VALUE: Final = rf"(?:[$€£]\s*)?({_DAY}|{_NUMBER})\s*%?"
_NAME: Final = r"`?([a-z_][\w.]*)`?"
_PIECE: Final = re.compile(r"[;\n•]+|(?<=[a-z0-9)\]'\"])(?<!\be\.g)(?<!\bi\.e)\.\s+(?=\S)|(?<=\w)\.$", re.IGNORECASE)
_LIST: Final = re.compile(
    r"(?:\b(?:must be |should be |is |can be )?(?:one of|either|any of|allowed(?: values?)?(?: are| is)?"
    r"|possible values(?: are)?|valid values(?: are)?|values(?: are)?|enum|options(?: are)?|in)\b)\s*[:=]?\s*"
    r"[\[({]?\s*(?P<list>[^\])}]+?)\s*[\])}]?\s*$",
    re.IGNORECASE,
)
_SEPARATOR: Final = re.compile(r"\s*(?:,|\||/|;|\bor\b|\band\b)\s*(?:or\b|and\b)?\s*", re.IGNORECASE)
_TWO_WORDS: Final = r"[\w-]+(?: [\w-]+)?"
_ASIDE: Final = re.compile(rf"\((?!e\.?g)(?P<list>{_TWO_WORDS}(?:(?:\s*[,|/]\s*(?:or )?| or ){_TWO_WORDS})+)\)\s*$")
"""What a column may be, in brackets behind its description: `Status of the order (open, paid)`."""

_VALUE_MAX_LETTERS: Final = 60
_IGNORED: Final = re.compile(
    r"\b(primary key|foreign key|references?|auto.?increment|generated|identifier|default|in the past|past date"
    r"|not (?:be )?in the future|valid|required|mandatory|not null|must not be null|cannot be null|never null"
    r"|must be present|optional|can be null|may be null|nullable|unique|distinct|no duplicates)\b",
    re.IGNORECASE,
)
_REQUIRED: Final = re.compile(
    r"\b(required|mandatory|not null|must not be null|cannot be null|never null|not be empty|must be present)\b",
    re.IGNORECASE,
)
_UNIQUE: Final = re.compile(r"\b(unique|no duplicates)\b", re.IGNORECASE)
_LENGTH: Final = re.compile(
    r"(?:length\s*(?:of|is|=|:)?\s*(\d+)|(?:exactly\s*)?(\d+)[- ](?:digits?|characters?|chars|letters)\b"
    r"|(?:max(?:imum)?\s*(?:length)?|up to|at most)\s*(\d+)\s*(?:digits?|characters?|chars|letters)?)",
    re.IGNORECASE,
)
_EXAMPLE: Final = re.compile(
    r"(?:\bformat(?:ted)?(?: as)?|\bpattern|\blike|\be\.?g\.?,?|\bfor example|\bexample)\s*[:=]?\s*"
    r"[`'\"]?([A-Za-z0-9#][A-Za-z0-9#._/\-]*[0-9#AX9])[`'\"]?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ColumnWords:
    """What words say of a column, beside rules."""

    rules: tuple[TableRule, ...] = ()
    is_required: bool = False
    is_unique: bool = False
    length: int | None = None  # of texts
    example: str | None = None  # a code of the right form: `EMP-00017`
    unread: tuple[str, ...] = ()  # pieces that nothing was made of


@dataclass(frozen=True)
class _Subject:
    """The column that words are about, and what else they may name."""

    table: str
    column: TableColumn
    names: frozenset[str]  # the columns of the table, and `parent.column`

    def rule(self, kind: RuleKind, *others: str, **more: Any) -> TableRule:
        """Return a rule about the column."""
        return TableRule(kind, self.table, (self.column.name, *others), Origin.DECLARED, **more)

    def find(self, word: str) -> str | None:
        """Return the name that a word stands for."""
        low = word.strip("`.").lower().replace(" ", "_")
        return next((name for name in sorted(self.names) if name.lower() == low and name != self.column.name), None)


def read_words(table: str, column: TableColumn, names: Iterable[str], text: str) -> ColumnWords:
    """Return what a text says of a column. `names`: the columns that it may speak of; of parents, `parent.column`."""
    about = _Subject(table, column, frozenset(names))
    found = ColumnWords()
    for piece in _pieces(text):
        found = _read_piece(about, piece, found)
    rules = tuple(_merge(found.rules))
    return replace(found, rules=rules)


def _pieces(text: str) -> list[str]:
    return [piece.strip(" \t-*.") for piece in _PIECE.split(text) if piece and piece.strip(" \t-*.")]


def _read_piece(about: _Subject, piece: str, found: ColumnWords) -> ColumnWords:
    is_text = not is_number(about.column.type) and not pa.types.is_boolean(about.column.type)
    rules = list(_between_columns(about, piece))
    rules = rules or [rule for read in _READERS if (rule := read(about, piece)) is not None][:1]
    rules = rules or list(_bounds(about, piece))
    length = _LENGTH.search(piece) if is_text else None
    example = _EXAMPLE.search(piece) if is_text else None
    is_understood = bool(rules or length or example or _IGNORED.search(piece))
    return ColumnWords(
        (*found.rules, *rules),
        found.is_required or bool(_REQUIRED.search(piece)),
        found.is_unique or bool(_UNIQUE.search(piece)),
        next((int(size) for size in length.groups() if size), None) if length else found.length,
        example[1] if example else found.example,
        found.unread if is_understood else (*found.unread, piece),
    )


def _read_list(about: _Subject, piece: str) -> TableRule | None:
    found = _LIST.search(piece) or (None if about.column.person_kind else _ASIDE.search(piece))
    if found is None or re.search(r"\bbetween\b", piece, re.IGNORECASE):
        return None
    values = [value.strip(" \t'\"`.") for value in _SEPARATOR.split(found["list"])]
    values = [value for value in values if value]
    if not values or any(len(value) > _VALUE_MAX_LETTERS for value in values):
        return None
    if is_number(about.column.type):
        numbers = [_value(about, value) for value in values]
        if any(number is None for number in numbers):
            return None
        return about.rule(RuleKind.ALLOWED, value=numbers)
    if pa.types.is_boolean(about.column.type) or (len(values) == 1 and " in " in f" {piece.lower()} "):
        return None
    return about.rule(RuleKind.ALLOWED, value=list(dict.fromkeys(values)))


def _read_calculation(about: _Subject, piece: str) -> TableRule | None:
    signs = (
        (RuleKind.SUM, r"\+|\bplus\b|\band\b"),
        (RuleKind.DIFFERENCE, r"-|\bminus\b"),
        (RuleKind.PRODUCT, r"\*|\u00d7|\btimes\b|\bmultiplied by\b|\bx\b"),
    )
    words = {RuleKind.SUM: r"\bsum of\b|=|\bequals?\b|\bis\b", RuleKind.PRODUCT: r"\bproduct of\b|=|\bequals?\b|\bis\b"}
    for kind, sign in signs:
        begin = words.get(kind, r"\bdifference of\b|=|\bequals?\b|\bis\b|\bbetween\b")
        for found in re.finditer(rf"(?:{begin}|^)\s*\(?{_NAME}\s*(?:{sign})\s*{_NAME}", piece, re.IGNORECASE):
            left, right = about.find(found[1]), about.find(found[2])
            if left and right and is_number(about.column.type) and not pa.types.is_temporal(about.column.type):
                decimals = about.column.type.scale if pa.types.is_decimal(about.column.type) else None
                more = {"value": decimals} if kind is RuleKind.PRODUCT and decimals is not None else {}
                return about.rule(kind, left, right, **more)
    return None


_COMPARISONS: Final = (
    ("<=", r"on or before|not after|no later than|at most|not exceed|not be after|<=|≤|less than or equal to|up to"),
    (
        ">=",
        r"on or after|not before|no earlier than|at least|not be before|>=|≥|greater than or equal to|same or after",
    ),
    ("<", r"before|earlier than|less than|lower than|smaller than|below|<"),
    (">", r"after|later than|greater than|higher than|larger than|more than|above|>"),
)


def _read_comparison(about: _Subject, piece: str) -> TableRule | None:
    for sign, words in _COMPARISONS:
        for found in re.finditer(rf"(?:{words})\s*(?:or equal to\s*)?(?:the\s+)?{_NAME}", piece, re.IGNORECASE):
            other = about.find(found[1])
            if other is not None and is_number(about.column.type):
                or_equal = len(sign) == 1 and "or equal" in found[0].lower()
                return about.rule(RuleKind.COMPARE, other, operator=f"{sign}=" if or_equal else sign)
    return None


def _between_columns(about: _Subject, piece: str) -> Iterable[TableRule]:
    found = re.search(rf"\bbetween\s+{_NAME}\s+and\s+{_NAME}", piece, re.IGNORECASE)
    ends = (about.find(found[1]), about.find(found[2])) if found and is_number(about.column.type) else (None, None)
    for other, sign in zip(ends, (">=", "<="), strict=True):
        if other is not None:
            yield about.rule(RuleKind.COMPARE, other, operator=sign)


_READERS: Final[tuple[Callable[[_Subject, str], TableRule | None], ...]] = (
    _read_calculation,
    _read_comparison,
    _read_list,
)

_BETWEEN: Final = re.compile(
    rf"(?:\bbetween\b|\bfrom\b|\brange(?:s)?\b(?:\s*(?:of|is|from|between))?|\bin\b)?\s*[:=]?\s*[\[(]?\s*"
    rf"{_VALUE}\s*(?:and|to|\u2013|\u2014|-|\.\.+|,|until)\s*{_VALUE}",
    re.IGNORECASE,
)
_LEAST: Final = re.compile(
    rf"(?:>=|≥|\bat least|\bmin(?:imum)?(?:\s+(?:of|is|value))?|\bnot (?:be )?(?:less|lower|smaller) than"
    rf"|\bno (?:less|lower) than|\bfrom|\bgreater than or equal to|\bon or after|\bsince)\s*[:=]?\s*{_VALUE}",
    re.IGNORECASE,
)
_MOST: Final = re.compile(
    rf"(?:<=|≤|\bat most|\bmax(?:imum)?(?:\s+(?:of|is|value))?|\bnot (?:be )?(?:more|greater|higher) than|\bup to"
    rf"|\bno (?:more|greater|higher) than|\bnot exceed|\bcannot exceed|\bless than or equal to|\buntil"
    rf"|\bon or before)\s*[:=]?\s*{_VALUE}",
    re.IGNORECASE,
)
_ABOVE: Final = re.compile(
    rf"(?:>(?!=)|(?<!not )\b(?:greater|more|higher|larger|older) than(?! or)|\babove|\bafter|\bover)\s*{_VALUE}",
    re.IGNORECASE,
)
_BELOW: Final = re.compile(
    rf"(?:<(?!=)|(?<!not )(?<!no )\b(?:less|lower|smaller|younger) than(?! or)|\bbelow|\bbefore|\bunder)\s*{_VALUE}",
    re.IGNORECASE,
)


def _bounds(about: _Subject, piece: str) -> Iterable[TableRule]:
    """Yield what a piece says of how large values are."""
    if not is_number(about.column.type):
        return
    is_percent = re.search(r"\bpercent(age)?\b", piece, re.IGNORECASE) is not None
    if (found := _BETWEEN.search(piece)) and (low := _value(about, found[1])) is not None:
        high = _value(about, found[2])
        if high is not None and not _is_less(high, low):
            yield about.rule(RuleKind.RANGE, value={"min": low, "max": high})
            return
    yield from _one_sided(about, piece)
    if re.search(
        r"\bnon-?\s?negative|\b(?:can)?not (?:be )?negative|\bzero or (?:more|positive)", piece, re.IGNORECASE
    ):
        yield about.rule(RuleKind.RANGE, value={"min": 0})
    elif re.search(r"\bpositive\b|\bgreater than zero\b|\bmore than zero\b", piece, re.IGNORECASE):
        yield about.rule(RuleKind.COMPARE, operator=">", value=0)
    elif re.search(r"\bnegative\b", piece, re.IGNORECASE):
        yield about.rule(RuleKind.COMPARE, operator="<", value=0)
    elif is_percent:
        yield about.rule(RuleKind.RANGE, value={"min": 0, "max": 100})


def _one_sided(about: _Subject, piece: str) -> Iterable[TableRule]:
    bounds: dict[str, Any] = {}
    for key, pattern in (("min", _LEAST), ("max", _MOST)):
        if (found := pattern.search(piece)) and (value := _value(about, found[1])) is not None:
            bounds[key] = value
    if bounds:
        yield about.rule(RuleKind.RANGE, value=bounds)
    for sign, pattern in ((">", _ABOVE), ("<", _BELOW)):
        if (found := pattern.search(piece)) and (value := _value(about, found[1])) is not None:
            yield about.rule(RuleKind.COMPARE, operator=sign, value=value)


def _value(about: _Subject, text: str) -> int | float | str | None:
    """Return a value of the column's kind; None of what is none."""
    text = text.strip()
    if pa.types.is_date(about.column.type) or pa.types.is_timestamp(about.column.type):
        if re.fullmatch(r"\d{4}", text):
            return f"{text}-01-01"
        try:
            date.fromisoformat(text[:10])
        except ValueError:
            return None
        return text
    if re.fullmatch(_DAY, text) or pa.types.is_temporal(about.column.type):
        return None
    plain = text.replace(",", "").replace("_", "")
    if re.fullmatch(_NUMBER, plain) is None:
        return None
    return float(plain) if "." in plain else int(plain)


def _is_less(one: Any, other: Any) -> bool:
    return isinstance(one, str) == isinstance(other, str) and bool(one < other)


def _merge(rules: Iterable[TableRule]) -> list[TableRule]:
    """Return each rule once; ranges of one column become one."""
    found: list[TableRule] = []
    for rule in rules:
        at = next((i for i, one in enumerate(found) if one.kind is rule.kind is RuleKind.RANGE), None)
        if at is not None:
            found[at] = replace(found[at], value={**found[at].value, **rule.value})
        elif rule not in found:
            found.append(rule)
    return found

"""Forms that a text can have when it is a value: what it must look like, as a pattern, and its value, as SQL.

A form takes a text only as a whole, and only if its value says all that the text says. `{x}` stands for the text. The
patterns are RE2's, so their time is bounded.
"""

import re
from dataclasses import dataclass

import pyarrow as pa

SIGNED = "-?"
INTEGER = r"0|-?[1-9][0-9]*"
"""No leading zero and no plus: what has them is a code, of which a number would lose a part."""

POINT = r"-?(?:0|[1-9][0-9]*)?\.[0-9]+"
COMMA = r"-?(?:0|[1-9][0-9]*),[0-9]+"
EXPONENT = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[eE][-+]?[0-9]{1,3}"
GROUPED_COMMA = r"-?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?"  # 1,234.50
GROUPED_POINT = r"-?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]+)?"  # 1.234,50
GROUPED_SPACE = r"-?[1-9][0-9]{0,2}(?:[ '’  ][0-9]{3})+(?:[.,][0-9]+)?"
SHORT_INTEGER = r"0|-?[1-9][0-9]{0,2}"

COMMA_DECIMAL_PROOF = (
    r"-?(?:0|[1-9][0-9]*),(?:[0-9]{1,2}|[0-9]{4,})|-?0,[0-9]+|-?[1-9][0-9]{3,},[0-9]+"
    r"|-?[1-9][0-9]{0,2}(?:\.[0-9]{3})+,[0-9]+|-?[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}"
)
"""What only a decimal comma, or points between thousands, can have written."""

COMMA_GROUP_PROOF = r"-?[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}(?:\.[0-9]+)?|-?[1-9][0-9]{0,2}(?:,[0-9]{3})+\.[0-9]+"
"""What only commas between thousands can have written."""

LONE_POINT_GROUP = r"-?[1-9][0-9]{0,2}\.[0-9]{3}"
"""1.234: a thousand in a file with decimal commas, or not."""

_DAY = r"(?:0[1-9]|[12][0-9]|3[01])"
_MONTH = r"(?:0[1-9]|1[0-2])"
_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
_FINE_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)?"
_OFFSET = r"(?:Z|[-+](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)"
ISO_DATE = f"{_YEAR}-{_MONTH}-{_DAY}"
ISO_STAMP = f"{_YEAR}-{_MONTH}-{_DAY}[ T]{_CLOCK}"
ISO_ZONED = f"{ISO_STAMP} ?{_OFFSET}"
CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6})?)?"
STAMP_FORMAT = "%Y-%m-%d %H:%M:%S"
FINE = f"{_YEAR}-{_MONTH}-{_DAY}[ T]{_FINE_CLOCK}|{ISO_DATE}"
"""Moments with nanoseconds."""

_FREE_CLOCK = r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]"
_NUMBERED = r"[0-3]?[0-9]{sep}[0-3]?[0-9]{sep}" + _YEAR.replace("{", "{{").replace("}", "}}")
SHORT_DATE = re.compile(r"[0-3]?[0-9]([-./])[0-3]?[0-9]\1[0-9]{2}")
SHORT_EXAMPLES = "%d.%m.%y, %m/%d/%y or %y-%m-%d"
JSON = r"(?s)\s*[\[{].*[\]}]\s*"


@dataclass(frozen=True)
class ValueForm:
    """One way to write values of one type."""

    name: str
    type: pa.DataType
    sql_type: str  # DuckDB's
    pattern: str
    value: str  # SQL over {x}: NULL where it is no value after all
    format: str | None = None  # what the schema says of how values are written
    swapped: str | None = None  # of dates: the name of the form that reads day and month the other way


PLAIN = {
    "point": "{x}",
    "comma": "replace(replace({x}, '.', ''), ',', '.')",
    "us": "replace({x}, ',', '')",
    "space": "replace(regexp_replace({x}, '[ ''’  ]', '', 'g'), ',', '.')",
}
"""A number of a style as SQL that has only a point in it."""

_PATTERNS = {
    "point": f"{INTEGER}|{POINT}",
    "comma": f"{INTEGER}|{COMMA}|{GROUPED_POINT}",
    "us": f"{INTEGER}|{POINT}|{GROUPED_COMMA}",
    "space": f"{INTEGER}|{POINT}|{COMMA}|{GROUPED_SPACE}",
}
_SHAPES = {"point": None, "comma": "1.234,5", "us": "1,234.5", "space": "1 234,5"}


def decimal(style: str, precision: int, scale: int) -> ValueForm:
    """Return the form of decimal numbers of a style (a key of PLAIN), none with more decimals than the scale."""
    sql_type = f"DECIMAL({precision}, {scale})"
    longest = rf"-?[0-9]*(?:\.[0-9]{{1,{scale}}})?" if scale else "-?[0-9]*"
    plain = PLAIN[style]
    # A cast rounds what has more decimals.
    value = f"CASE WHEN regexp_full_match({plain}, '{longest}') THEN TRY_CAST({plain} AS {sql_type}) END"
    shape = _SHAPES[style] or (f"%.{scale}f" if scale else "%d")
    return ValueForm(style, pa.decimal128(precision, scale), sql_type, _PATTERNS[style], value, shape)


INTEGERS = ValueForm("integer", pa.int64(), "BIGINT", INTEGER, "TRY_CAST({x} AS BIGINT)")
LONG_INTEGERS = ValueForm("long", pa.decimal128(38, 0), "DECIMAL(38, 0)", INTEGER, "TRY_CAST({x} AS DECIMAL(38, 0))")


def _double() -> ValueForm:
    """Return the form of numbers with exponents, each of which a double holds in all of its digits."""
    digits = "regexp_replace(regexp_replace({x}, '[eE].*|[-.]', '', 'g'), '^0+|0+$', '', 'g')"
    printed = "regexp_replace(regexp_replace(format('{{:.{n}e}}', {v}), 'e.*|[-.]', '', 'g'), '0+$', '')"
    number = "TRY_CAST({x} AS DOUBLE)"
    exact = (
        f"length({digits}) <= 15 OR {printed.format(n=15, v=number)} = {digits}"
        f" OR {printed.format(n=16, v=number)} = {digits}"
    )
    # What is not 0 does not become 0, nor lose digits where doubles end.
    tiny = f"length({digits}) > 0 AND abs({number}) < 2.3e-308"
    value = f"CASE WHEN isfinite({number}) AND NOT ({tiny}) AND ({exact}) THEN {number} END"
    return ValueForm("double", pa.float64(), "DOUBLE", f"{INTEGER}|{POINT}|{EXPONENT}", value)


DOUBLES = _double()


def _style(style: str) -> ValueForm:
    """Return the form of numbers of a style, however many digits they have: to count with."""
    return ValueForm(style, pa.string(), "VARCHAR", _PATTERNS[style], "{x}")


NUMBERS = (INTEGERS, LONG_INTEGERS, DOUBLES, *(_style(style) for style in PLAIN))


def boolean(true: str, false: str) -> ValueForm:
    """Return the form of a pair of words."""
    value = f"CASE lower({{x}}) WHEN '{true}' THEN true WHEN '{false}' THEN false END"
    return ValueForm(f"boolean {true}/{false}", pa.bool_(), "BOOLEAN", f"(?i:{true}|{false})", value, f"{true}/{false}")


BOOLEAN_FORMS = tuple(
    boolean(*pair)
    for pair in (
        ("true", "false"),
        ("yes", "no"),
        ("y", "n"),
        ("t", "f"),
        ("ja", "nein"),
        ("j", "n"),
        ("oui", "non"),
        ("sí", "no"),
        ("si", "no"),
        ("wahr", "falsch"),
        ("vrai", "faux"),
    )
)

JSON_TEXT = ValueForm("json", pa.string(), "VARCHAR", JSON, "CASE WHEN json_valid({x}) THEN {x} END")


def _dates() -> tuple[ValueForm, ...]:
    day, stamp, moment = pa.date32(), pa.timestamp("us"), pa.timestamp("us", tz="UTC")
    forms = [
        ValueForm("date", day, "DATE", ISO_DATE, "TRY_CAST({x} AS DATE)", "%Y-%m-%d"),
        ValueForm("stamp", stamp, "TIMESTAMP", f"{ISO_STAMP}|{ISO_DATE}", "TRY_CAST({x} AS TIMESTAMP)", STAMP_FORMAT),
        ValueForm("zoned", moment, "TIMESTAMPTZ", ISO_ZONED, "TRY_CAST({x} AS TIMESTAMPTZ)", f"{STAMP_FORMAT}%z"),
        ValueForm("fine", pa.timestamp("ns"), "TIMESTAMP_NS", FINE, "TRY_CAST({x} AS TIMESTAMP_NS)", STAMP_FORMAT),
        ValueForm("time", pa.time64("us"), "TIME", CLOCK, "TRY_CAST({x} AS TIME)", "%H:%M:%S"),
    ]  # fmt: skip
    for sep in "/.":
        escaped = sep.replace(".", r"\.")
        forms.append(_strptime(f"%Y{sep}%m{sep}%d", f"{_YEAR}{escaped}[01]?[0-9]{escaped}[0-3]?[0-9]"))
    for sep in "/.-":
        escaped = sep.replace(".", r"\.")
        forms += _numbered(sep, _NUMBERED.format(sep=escaped))
    short, full = (
        r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)",
        (r"(?i:january|february|march|april|may|june|july|august|september|october|november|december)"),
    )
    for sep in "- ":
        forms.append(_strptime(f"%d{sep}%b{sep}%Y", f"[0-3]?[0-9]{sep}{short}{sep}{_YEAR}"))
        forms.append(_strptime(f"%d{sep}%B{sep}%Y", f"[0-3]?[0-9]{sep}{full}{sep}{_YEAR}"))
    forms.append(_strptime("%b %d, %Y", f"{short} [0-3]?[0-9], {_YEAR}"))
    forms.append(_strptime("%B %d, %Y", f"{full} [0-3]?[0-9], {_YEAR}"))
    return tuple(forms)


def _numbered(sep: str, pattern: str) -> list[ValueForm]:
    """Return the forms of dates whose day and month are numbers, in both orders."""
    clocks = {
        "": "",
        " %H:%M": f" {_FREE_CLOCK}",
        " %H:%M:%S": f" {_FREE_CLOCK}:[0-5][0-9]",
        " %I:%M %p": " (?:0?[1-9]|1[0-2]):[0-5][0-9] (?i:[ap]m)",
        " %I:%M:%S %p": " (?:0?[1-9]|1[0-2]):[0-5][0-9]:[0-5][0-9] (?i:[ap]m)",
    }
    forms = []
    for clock, clock_pattern in clocks.items():
        day_first, month_first = f"%d{sep}%m{sep}%Y{clock}", f"%m{sep}%d{sep}%Y{clock}"
        forms.append(_strptime(day_first, pattern + clock_pattern, month_first))
        forms.append(_strptime(month_first, pattern + clock_pattern, day_first))
    return forms


def _strptime(date_format: str, pattern: str, swapped: str | None = None) -> ValueForm:
    has_clock = "%M" in date_format
    kind, sql_type = (pa.timestamp("us"), "TIMESTAMP") if has_clock else (pa.date32(), "DATE")
    value = f"CAST(try_strptime({{x}}, '{date_format}') AS {sql_type})"
    return ValueForm(date_format, kind, sql_type, pattern, value, date_format, swapped)


DATES = _dates()


def _short_dates() -> tuple[ValueForm, ...]:
    """Return the forms of dates with years of two digits, 69 to 99 in the last century: only for who declares them."""
    pattern = r"[0-3]?[0-9]{sep}[0-3]?[0-9]{sep}[0-9]{{2}}"
    return tuple(
        _strptime(order.replace("/", sep), pattern.format(sep=re.escape(sep)))
        for sep in "/.-"
        for order in ("%d/%m/%y", "%m/%d/%y", "%y/%m/%d")
    )


SHORT_DATES = _short_dates()


def matches(form: ValueForm, text: str) -> str:
    """Return the SQL condition that a text has the form, and a value."""
    quoted = form.pattern.replace("'", "''")
    return f"(regexp_full_match({text}, '{quoted}') AND ({form.value.replace('{x}', text)}) IS NOT NULL)"

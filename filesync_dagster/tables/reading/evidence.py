"""TypeEvidence for the types of text columns: how many of their values have which form, counted by DuckDB."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from filesync_dagster.storage.snapshots.engine import literal
from filesync_dagster.tables.reading import value_forms as forms
from filesync_dagster.tables.reading.value_forms import ValueForm, matches

NULL_WORDS = ("NA", "N/A", "n/a", "#N/A", "-", "nan", "NaN", "null", "NULL", "None", "\\N")
"""Words that stand for nothing in a column whose other values have a type; in text they are text."""

SAMPLE_VALUES = 200
FIRST_ROWS = 400
_COLUMNS_AT_ONCE = 40

STYLES = ("us", "comma", "space")
_WIDE = 38


@dataclass(frozen=True)
class TypeEvidence:
    """What was counted of a column: `values` are those that are neither NULL, nor empty, nor a word for nothing."""

    values: int
    empty: int  # quoted empty texts
    missing: int  # NULLs
    words: Mapping[str, int]  # for nothing, with how often they stand there
    spaced: int  # values with spaces around them
    fits: Mapping[str, int]  # by the name of a form
    facts: Mapping[str, Any]

    @property
    def word_count(self) -> int:
        """How many values are words for nothing."""
        return sum(self.words.values())

    def has_all(self, name: str) -> bool:
        """Tell whether all values have a form."""
        return self.values > 0 and self.fits.get(name, -1) == self.values

    def has_both(self, form: ValueForm) -> bool:
        """Tell whether all values are one of two words, and both are there."""
        return self.has_all(form.name) and bool(self.facts.get(f"both {form.name}"))

    def with_more(self, more: "TypeEvidence") -> "TypeEvidence":
        """Return the same with what was counted besides."""
        return replace(self, fits={**self.fits, **more.fits}, facts={**self.facts, **more.facts})


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def words_sql(text: str) -> str:
    """Return the SQL condition that a text is a word for nothing."""
    return f"{text} IN ({', '.join(literal(word) for word in NULL_WORDS)})"


def trim_sql(column: str) -> str:
    """Return the SQL of a column without spaces around its values."""
    return f"trim({column}, ' \t\u00a0')"


def candidate_forms(values: Iterable[str]) -> tuple[ValueForm, ...]:
    """Return the forms that all these values look like; of no values, none."""
    texts = {value.strip(" \t\u00a0") for value in values}
    texts = {text for text in texts if text and text not in NULL_WORDS}
    if not texts:
        return ()
    return tuple(form for form in _ALL if all(_python_pattern(form).fullmatch(text) for text in texts))


def gather(
    con: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, Sequence[ValueForm]]
) -> dict[str, TypeEvidence]:
    """Return the evidence for columns of a relation, each for the forms that are still possible."""
    found: dict[str, TypeEvidence] = {}
    names = list(columns)
    for start in range(0, len(names), _COLUMNS_AT_ONCE):
        some = names[start : start + _COLUMNS_AT_ONCE]
        queries = {name: _aggregates(name, columns[name]) for name in some}
        selected = ", ".join(sql for one in queries.values() for sql in one.values())
        row = con.execute(f"SELECT {selected} FROM {relation}").fetchone()
        assert row is not None, "aggregates give one row"
        values = iter(row)
        counted = {name: {key: next(values) for key in queries[name]} for name in some}
        words = _words(con, relation, [name for name in some if counted[name]["words"]])
        for name in some:
            found[name] = _evidence(counted[name], words.get(name, {}), columns[name])
    return found


def _words(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> dict[str, dict[str, int]]:
    """Return the words for nothing in columns that have some, with how often; most have none, and counting is dear."""
    texts = [trim_sql(identifier(name)) for name in columns]
    selected = ", ".join(f"histogram({x}) FILTER ({words_sql(x)})" for x in texts)
    row = con.execute(f"SELECT {selected} FROM {relation}").fetchone() if columns else ()
    return dict(zip(columns, row or (), strict=True))


def first_values(con: duckdb.DuckDBPyConnection, relation: str, columns: Sequence[str]) -> dict[str, list[str]]:
    """Return the first values of columns that are something, looked for in all columns at once as far as that goes."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(columns), _COLUMNS_AT_ONCE):
        some = columns[start : start + _COLUMNS_AT_ONCE]
        texts = ", ".join(trim_sql(identifier(name)) for name in some)
        rows = con.execute(f"SELECT {texts} FROM {relation} LIMIT {FIRST_ROWS}").fetchall()
        for number, name in enumerate(some):
            values = [row[number] for row in rows if row[number] and row[number] not in NULL_WORDS]
            is_enough = len(values) >= SAMPLE_VALUES or len(rows) < FIRST_ROWS
            found[name] = values[:SAMPLE_VALUES] if is_enough else _first_values_of(con, relation, name)
    return found


def _first_values_of(con: duckdb.DuckDBPyConnection, relation: str, column: str) -> list[str]:
    x = trim_sql(identifier(column))
    query = f"SELECT {x} FROM {relation} WHERE {x} <> '' AND NOT {words_sql(x)} LIMIT {SAMPLE_VALUES}"
    return [value for (value,) in con.execute(query).fetchall()]


def _aggregates(name: str, candidates: Sequence[ValueForm]) -> dict[str, str]:
    """Return the aggregates over a column, by what they count."""
    s = identifier(name)
    x = trim_sql(s)
    some = f"{x} <> '' AND NOT {words_sql(x)}"
    found = {
        "rows": "count(*)",
        "filled": f"count({s})",
        "empty": f"count(*) FILTER ({x} = '')",
        "words": f"count(*) FILTER ({words_sql(x)})",
        "spaced": f"count(*) FILTER ({s} <> {x} AND {some})",
    }
    for form in candidates:
        found[f"fit {form.name}"] = f"count(*) FILTER ({some} AND {matches(form, x)})"
        if form.name.startswith("boolean"):
            true, false = str(form.format).split("/")
            found[f"both {form.name}"] = (
                f"bool_or(lower({x}) = {literal(true)}) AND bool_or(lower({x}) = {literal(false)})"
            )
    return found | _number_facts(x, some, {form.name for form in candidates})


def _number_facts(x: str, some: str, names: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    if "point" in names:
        found |= {"points": _count(x, forms.POINT), "lone points": _count(x, forms.LONE_POINT_GROUP)}
    if names & set(STYLES):
        found |= {
            "comma proof": _count(x, forms.COMMA_DECIMAL_PROOF),
            "group proof": _count(x, forms.COMMA_GROUP_PROOF),
            "spaced proof": _count(
                x, f"{forms.COMMA_DECIMAL_PROOF}|-?[1-9][0-9]{{0,2}}(?:[ '’\u00a0\u202f][0-9]{{3}})+,[0-9]+"
            ),
            "commas": f"count(*) FILTER (contains({x}, ','))",
            "dots": f"count(*) FILTER (contains({x}, '.'))",
        }
    for style in ("point", *STYLES):
        if style in names:
            plain = forms.PLAIN[style].replace("{x}", x)
            whole = f"ltrim(regexp_extract({plain}, '^-?([0-9]*)', 1), '0')"
            found[f"digits {style}"] = f"max(length({whole})) FILTER ({some})"
            found[f"scale {style}"] = rf"max(length(regexp_extract({plain}, '\.([0-9]+)$', 1))) FILTER ({some})"
    return found


def _count(x: str, pattern: str) -> str:
    return f"count(*) FILTER (regexp_full_match({x}, {literal(pattern)}))"


def _evidence(row: Mapping[str, Any], words: Mapping[str, int], candidates: Sequence[ValueForm]) -> TypeEvidence:
    filled = int(row["filled"])
    return TypeEvidence(
        values=filled - int(row["empty"]) - sum(words.values()),
        empty=int(row["empty"]),
        missing=int(row["rows"]) - filled,
        words=words,
        spaced=int(row["spaced"]),
        fits={form.name: int(row[f"fit {form.name}"]) for form in candidates},
        facts={key: value for key, value in row.items() if key.startswith(_FACTS)},
    )


_FACTS = (
    "both",
    "comma proof",
    "group proof",
    "points",
    "lone points",
    "spaced proof",
    "commas",
    "dots",
    "digits",
    "scale",
)
_ALL: tuple[ValueForm, ...] = (*forms.BOOLEAN_FORMS, *forms.NUMBERS, *forms.DATES, forms.JSON_TEXT)
_PATTERNS: dict[str, re.Pattern[str]] = {}


def _python_pattern(form: ValueForm) -> re.Pattern[str]:
    pattern = _PATTERNS.get(form.pattern)
    if pattern is None:
        pattern = _PATTERNS[form.pattern] = re.compile(form.pattern)
    return pattern

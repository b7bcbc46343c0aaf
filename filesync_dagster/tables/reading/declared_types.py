"""Types that a person declares for columns, and why a column cannot have one."""

import re
from collections.abc import Collection, Mapping, Sequence

import duckdb

from filesync_dagster.core.errors import UnreadableTable
from filesync_dagster.tables.reading import value_forms as forms
from filesync_dagster.tables.reading.column_types import TypeDecision
from filesync_dagster.tables.reading.evidence import identifier, trim_sql
from filesync_dagster.tables.reading.value_forms import ValueForm, matches

EXAMPLES = 5
_DECIMAL = re.compile(
    r"(?:decimal|numeric)\s*\(\s*(\d{1,2})\s*(?:,\s*(\d{1,2})\s*)?(?:,\s*(point|comma|us|space)\s*)?\)"
)
_NAMES = "text, integer, decimal(10,2), double, boolean, date, timestamp, timestamptz, time, json"
_PLAIN: Mapping[str, ValueForm | None] = {
    "text": None,
    "string": None,
    "varchar": None,
    "integer": forms.INTEGERS,
    "int": forms.INTEGERS,
    "bigint": forms.INTEGERS,
    "double": forms.DOUBLES,
    "float": forms.DOUBLES,
    "boolean": forms.boolean("true", "false"),
    "json": forms.JSON_TEXT,
    **{name: next(form for form in forms.DATES if form.name == wanted) for name, wanted in (
        ("date", "date"), ("timestamp", "stamp"), ("timestamptz", "zoned"), ("time", "time"),
    )},
}  # fmt: skip
"""The forms of declared types; the pattern of an integer refuses leading zeros, which a number would lose."""


def check_columns(types: Mapping[str, str], names: Collection[str], *, ignore_unknown: bool) -> None:
    """Raise UnreadableTable for declared types of columns that are not there."""
    for name in types:
        if name not in names and not ignore_unknown:
            raise UnreadableTable(f"There is no column {name!r} to have a type.", code="unknown_column", field="types")


def declare(
    decisions: Sequence[TypeDecision], types: Mapping[str, str], *, ignore_unknown: bool = False
) -> tuple[TypeDecision, ...]:
    """Return decisions with the types that a person says. Raises UnreadableTable for columns or types that are none."""
    check_columns(types, {decision.name for decision in decisions}, ignore_unknown=ignore_unknown)
    return tuple(
        _declared(decision.name, types[decision.name]) if decision.name in types else decision for decision in decisions
    )


def _declared(name: str, wanted: str) -> TypeDecision:
    form = form_of(wanted)
    if form is None:
        return TypeDecision(name)
    return TypeDecision(name, form, trim=True, empty_is_null=True)


def form_of(wanted: str) -> ValueForm | None:
    """Return the form of a declared type; None is text. Raises UnreadableTable."""
    text = wanted.strip()
    if text.lower() in _PLAIN:
        return _PLAIN[text.lower()]
    if found := _DECIMAL.fullmatch(text.lower()):
        precision, scale = int(found[1]), int(found[2] or 0)
        if 1 <= precision <= 38 and scale <= precision:
            return forms.decimal(found[3] or "point", precision, scale)
    for form in (*forms.DATES, *forms.SHORT_DATES):
        if text == form.name:
            return form
    raise UnreadableTable(
        f"{wanted!r} is no type of a column.",
        hint=f"Say one of {_NAMES}, or how dates are written, such as %d.%m.%Y.",
        code="unknown_type",
        field="types",
    )


def explain_violation(
    con: duckdb.DuckDBPyConnection, relation: str, decision: TypeDecision, wanted: str
) -> UnreadableTable:
    """Return the error for a column that has values which are none of its declared type, with examples."""
    assert decision.form is not None, "every value is a text"
    s = identifier(decision.name)
    x = trim_sql(s)
    wrong = f"{s} IS NOT NULL AND {x} <> '' AND NOT coalesce({matches(decision.form, x)}, false)"
    query = f"SELECT {s}, count(*) FROM {relation} WHERE {wrong} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {EXAMPLES}"
    found = con.execute(query).fetchall()
    count = con.execute(f"SELECT count(*) FROM {relation} WHERE {wrong}").fetchone()
    examples = ", ".join(repr(value[:40]) for value, _ in found)
    return UnreadableTable(
        f"{count[0] if count else 'Some'} values of {decision.name!r} are no {wanted}: {examples}.",
        hint="Declare text, or correct the file.",
        code="type_does_not_fit",
        field="types",
    )

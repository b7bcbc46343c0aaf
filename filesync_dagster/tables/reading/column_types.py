"""Types of text columns: found from a sample, and used only where every row has them.

A type that a sample suggests is verified by the query that writes the rows: `value_sql` fails at the first text that
is no value of the type, and the type is then found anew from all rows. So no row is ever read as what it is not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa

from filesync_dagster.storage.snapshots.engine import literal
from filesync_dagster.tables.model import Role, TableColumn, TableWarning
from filesync_dagster.tables.reading import value_forms as forms
from filesync_dagster.tables.reading.evidence import (
    TypeEvidence,
    candidate_forms,
    first_values,
    gather,
    identifier,
    trim_sql,
    words_sql,
)
from filesync_dagster.tables.reading.value_forms import ValueForm, matches

WORD_SHARE = 0.05
"""As many values at most may be words for nothing, where a column has a type."""

WHOLE = ("integer", "long")
PLAIN = ("point", "double")
"""Forms of numbers that settle which type a column has, so that nothing else need be counted."""

VIOLATION = "filesync: a text without its type in column "
_EXACT_DIGITS = 38
_SHORT_DIGITS = 18
"""Decimal numbers of so many digits are 64 bits in DuckDB, and a type that does not change with each row."""


@dataclass(frozen=True)
class TypeDecision:
    """The type of a column: a form of values, or text where that is None."""

    name: str
    form: ValueForm | None = None
    trim: bool = False
    words_are_null: bool = False
    empty_is_null: bool = False
    is_certain: bool = True  # False: all rows must be looked at, for a sample does not tell
    warnings: tuple[TableWarning, ...] = field(default=())
    has_comma: bool = False  # decimal commas: points in other columns may stand between thousands
    has_lone_points: bool = False  # all its points could

    @property
    def type(self) -> pa.DataType:
        """The Arrow type of the column."""
        return self.form.type if self.form else pa.string()

    def value_sql(self, number: int) -> str:
        """Return the values as SQL, which fails with VIOLATION and the number where one is no value of the type."""
        s = identifier(self.name)
        if self.form is None:
            return s
        x = trim_sql(s) if self.trim else s
        null = [f"{s} IS NULL"]
        if self.empty_is_null:
            null.append(f"{trim_sql(s)} = ''")
        if self.words_are_null:
            null.append(words_sql(trim_sql(s)))
        value = self.form.value.replace("{x}", x)
        return (
            f"CASE WHEN {' OR '.join(null)} THEN NULL WHEN {matches(self.form, x)} THEN {value}"
            f" ELSE error({literal(f'{VIOLATION}{number}.')}) END"
        )

    def column(self, position: int, description: str | None) -> TableColumn:
        """Return the column of the schema."""
        is_json = self.form is not None and self.form.name == "json"
        return TableColumn(
            self.name,
            self.type,
            position,
            role=Role.JSON if is_json else None,
            format=self.form.format if self.form else None,
            description=description,
        )


def find_types(
    con: duckdb.DuckDBPyConnection, relation: str, names: Sequence[str], *, is_all: bool
) -> tuple[TypeDecision, ...]:
    """Return the types that a relation of text columns has. `is_all`: it has all rows, and is no sample of them."""
    values = first_values(con, relation, names)
    columns = {name: candidate_forms(values[name]) for name in names}
    evidence = _climb(con, relation, columns)
    decisions = [_decide(name, columns[name], evidence[name], is_all=is_all) for name in names]
    if any(decision.has_comma for decision in decisions):
        decisions = [_doubt_points(decision, is_all=is_all) for decision in decisions]
    return tuple(_with_year_hint(decision, values[decision.name]) for decision in decisions)


def _climb(
    con: duckdb.DuckDBPyConnection, relation: str, columns: Mapping[str, Sequence[ValueForm]]
) -> dict[str, TypeEvidence]:
    """Return the evidence for columns, counted rung by rung of the ladder, as far as each has to climb."""
    left = {name: [rung for rung in _rungs(candidates) if rung] or [()] for name, candidates in columns.items()}
    found: dict[str, TypeEvidence] = {}
    while left:
        counted = gather(con, relation, {name: rungs.pop(0) for name, rungs in left.items()})
        found |= {name: found[name].with_more(one) if name in found else one for name, one in counted.items()}
        left = {name: rungs for name, rungs in left.items() if rungs and not _is_settled(found[name])}
    return found


def _rungs(candidates: Sequence[ValueForm]) -> Sequence[Sequence[ValueForm]]:
    """Return forms that a person would try first, then those that matter only where none of these holds."""
    whole = [form for form in candidates if form in forms.BOOLEAN_FORMS or form.name in WHOLE]
    plain = [form for form in candidates if form.name in PLAIN]
    return whole, plain, [form for form in candidates if form not in whole and form not in plain]


def _is_settled(evidence: TypeEvidence) -> bool:
    if not evidence.values or any(evidence.has_all(name) for name in (*WHOLE, *PLAIN)):
        return True
    return any(evidence.has_both(form) for form in forms.BOOLEAN_FORMS)


def _decide(name: str, candidates: Sequence[ValueForm], evidence: TypeEvidence, *, is_all: bool) -> TypeDecision:
    if evidence.values == 0:
        return TypeDecision(name, is_certain=is_all)
    decision = _choose(name, candidates, evidence)
    if decision.form is None:
        return replace(decision, is_certain=is_all or not (decision.warnings or _may_yet_fit(candidates, evidence)))
    words = evidence.word_count
    all_filled = evidence.values + evidence.empty + words
    if words > WORD_SHARE * all_filled or (evidence.empty and evidence.missing):
        # What is quoted and empty beside what is not there is another thing.
        return TypeDecision(name, is_certain=is_all)
    decision = replace(
        decision,
        trim=evidence.spaced > 0,
        words_are_null=words > 0,
        empty_is_null=evidence.empty > 0,
        warnings=(*decision.warnings, *_null_warnings(name, evidence)),
    )
    plain = not (words or evidence.empty or evidence.spaced or decision.warnings)
    return replace(decision, is_certain=is_all or plain)


def _may_yet_fit(candidates: Sequence[ValueForm], evidence: TypeEvidence) -> bool:
    """Tell whether more rows may give a type: the values so far have one, but do not prove it."""
    return any(evidence.has_all(form.name) for form in candidates)


def _choose(  # noqa: C901, PLR0911  # the ladder, a rung a line
    name: str, candidates: Sequence[ValueForm], evidence: TypeEvidence
) -> TypeDecision:
    fitting = {form.name: form for form in candidates if evidence.has_all(form.name)}
    for form in fitting.values():
        if form in forms.BOOLEAN_FORMS and evidence.has_both(form):
            return TypeDecision(name, form)
    if "integer" in fitting or "long" in fitting:
        return TypeDecision(name, fitting.get("integer") or fitting["long"])
    number = _number(name, fitting, evidence)
    if number is not None:
        return number
    for form in forms.DATES:
        if form.name in fitting:
            if form.swapped in fitting:
                return TypeDecision(name, warnings=(_ambiguous_dates(name, form),))
            return TypeDecision(name, form)
    if forms.JSON_TEXT.name in fitting:
        return TypeDecision(name, forms.JSON_TEXT)
    return TypeDecision(name)


def _number(name: str, fitting: Mapping[str, ValueForm], evidence: TypeEvidence) -> TypeDecision | None:
    """Return the decision on numbers that are no integers; None where these are none."""
    facts = evidence.facts
    if "point" in fitting:
        lone = facts["points"] == facts["lone points"] > 0
        exact = _exact(name, "point", evidence)
        if exact is not None:
            return replace(exact, has_lone_points=lone)
    if "double" in fitting:
        return TypeDecision(name, forms.DOUBLES)
    if "point" in fitting:
        return None  # more digits than any number holds
    style = _style(fitting, facts)
    if style == "ambiguous":
        return TypeDecision(name, warnings=(_ambiguous_numbers(name),))
    if style is None:
        return None
    decision = _exact(name, style, evidence)
    return replace(decision, has_comma=style == "comma") if decision else None


def _style(fitting: Mapping[str, ValueForm], facts: Mapping[str, int]) -> str | None:
    """Return how numbers are written that are not plain ones: "us", "comma", "space", or "ambiguous"."""
    if "us" in fitting and "comma" in fitting:
        if facts["comma proof"] and not facts["group proof"]:
            return "comma"
        return "us" if facts["group proof"] and not facts["comma proof"] else "ambiguous"
    if "us" in fitting:
        return "us"
    if "comma" in fitting:
        return "comma" if facts["comma proof"] else "ambiguous"
    if "space" in fitting:
        is_clear = not facts["commas"] or (facts["spaced proof"] and not facts["dots"])
        return "space" if is_clear else "ambiguous"
    return None


def _exact(name: str, style: str, evidence: TypeEvidence) -> TypeDecision | None:
    """Return the decimal type that holds all digits, if there is one."""
    digits, scale = evidence.facts[f"digits {style}"] or 0, evidence.facts[f"scale {style}"] or 0
    if digits + scale > _EXACT_DIGITS:
        return None
    precision = _SHORT_DIGITS if digits + scale <= _SHORT_DIGITS else _EXACT_DIGITS
    return TypeDecision(name, forms.decimal(style, precision, scale))


def _doubt_points(decision: TypeDecision, *, is_all: bool) -> TypeDecision:
    """Return text for numbers that are thousands if the points of this file are between thousands."""
    if not decision.has_lone_points:
        return decision
    return TypeDecision(decision.name, is_certain=is_all, warnings=(_ambiguous_numbers(decision.name),))


def _with_year_hint(decision: TypeDecision, values: Sequence[str]) -> TypeDecision:
    """Tell how texts become dates whose years have two digits: nothing in a file tells the century."""
    texts = [value.strip() for value in values]
    if decision.form is not None or not texts or not all(map(forms.SHORT_DATE.fullmatch, texts)):
        return decision
    message = f"These look like dates, but years of two digits are text; say which, such as {forms.SHORT_EXAMPLES}."
    hint = TableWarning("short_years", message, column=decision.name, examples=tuple(texts[:3]))
    return replace(decision, warnings=(*decision.warnings, hint))


def _null_warnings(name: str, evidence: TypeEvidence) -> list[TableWarning]:
    found = []
    if evidence.words:
        words = ", ".join(sorted(evidence.words))
        message = f"{evidence.word_count} values ({words}) were read as NULL."
        found.append(TableWarning("null_words", message, evidence.word_count, name, tuple(sorted(evidence.words))[:5]))
    if evidence.empty:
        message = f"{evidence.empty} quoted empty values were read as NULL, for the others have a type."
        found.append(TableWarning("quoted_empty", message, evidence.empty, name))
    if evidence.spaced:
        message = f"Spaces around {evidence.spaced} values were left out."
        found.append(TableWarning("spaces", message, evidence.spaced, name))
    return found


def _ambiguous_dates(name: str, form: ValueForm) -> TableWarning:
    message = (
        f"Nothing tells whether the day or the month comes first, so these are text; say {form.name} or {form.swapped}."
    )
    return TableWarning("ambiguous_dates", message, column=name)


def _ambiguous_numbers(name: str) -> TableWarning:
    message = "Nothing tells whether commas and points stand between thousands or before decimals, so these are text."
    return TableWarning("ambiguous_numbers", message, column=name)

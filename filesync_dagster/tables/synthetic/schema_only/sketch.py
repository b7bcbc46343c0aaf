"""Columns that nobody has seen rows of: what each could have, by its type, its name, and what was said of it."""

import re
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import Role, RuleKind, TableColumn, TableRule, TableSchema
from filesync_dagster.tables.synthetic.books import CategoryBook, NumberBook, book_of_values
from filesync_dagster.tables.synthetic.columns import ColumnFit, class_column, number_column
from filesync_dagster.tables.synthetic.masks import CodeMask
from filesync_dagster.tables.synthetic.options import FitOptions
from filesync_dagster.tables.synthetic.people import PersonMaker, TextMaker
from filesync_dagster.tables.synthetic.schema_only.makers import (
    BytesMaker,
    CodeMaker,
    CutMaker,
    DocumentMaker,
    MomentTextMaker,
    ThingMaker,
    mask_of_format,
    mask_of_name,
)
from filesync_dagster.tables.synthetic.schema_only.marginals import SAMPLE_ROWS, numbers_of, spread
from filesync_dagster.tables.synthetic.schema_only.vocabulary import (
    CATEGORIES,
    CODES,
    DAYS_BACK,
    FLAGS,
    MADE,
    OPTIONAL,
    PLAIN_NAMES,
    PLAIN_YEARS_BACK,
    TEXTS,
    NumberShape,
    first_match,
)
from filesync_dagster.tables.synthetic.schema_only.words import ColumnWords
from filesync_dagster.tables.synthetic.steps import COLUMN, CategoryStep, MadeStep, Maker
from filesync_dagster.tables.synthetic.trees import ValueModel, hold_donors, single_leaf
from filesync_dagster.tables.synthetic.values import ColumnValues, is_number

NULL_SHARE: Final = 0.03
OPTIONAL_NULL_SHARE: Final = 0.4
TEXT_LETTERS: Final = 160
COUNTRY_LETTERS: Final = 4
DISCRETE_COUNT: Final = 50
_WIDTH: Final = re.compile(r"char[a-z ]*\d?\((\d+)", re.IGNORECASE)
_MOMENT_NAME: Final = re.compile(r"(?:^|_)(?:date|day|at|on|time|timestamp|datum|dob|birthday)$")


@dataclass(frozen=True)
class ColumnSketch:
    """A column, and what is known of it without rows."""

    schema: TableSchema
    column: TableColumn
    rules: tuple[TableRule, ...]  # about it alone
    words: ColumnWords
    options: FitOptions
    unique: bool = False

    @property
    def name(self) -> str:
        """Its name in small letters and underscores."""
        return plain(self.column.name)

    @property
    def width(self) -> int | None:
        """How many letters there is room for; None: any number."""
        found = _WIDTH.search(self.column.sql_type or "")
        sizes = [size for size in (int(found[1]) if found else None, self.words.length) if size]
        return min(sizes, default=None)

    @property
    def null_share(self) -> float:
        """The share of rows that have no value."""
        if not self.column.nullable or self.words.is_required or self.unique or self.column.person_kind:
            return 0.0
        return OPTIONAL_NULL_SHARE if OPTIONAL.search(self.name) else NULL_SHARE

    def code_mask(self) -> CodeMask:
        """Return the form of the column's codes."""
        if self.words.example:
            return mask_of_format(self.words.example)
        is_plain = self.name in {"id", "code", "key", "number", "no", "nr", "uuid"}
        return mask_of_name(plain(self.schema.name) if is_plain else self.name, self.width)

    def fit(self) -> ColumnFit:
        """Return the column made ready, as that of a real table would be."""
        kind = self.column.type
        if is_number(kind):
            return self._number()
        if pa.types.is_boolean(kind):
            return self._classes(pa.array([False, True]), self._flag_weights())
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            return self._made(BytesMaker(kind))
        return self._text()

    def _number(self) -> ColumnFit:
        data = numbers_of(self.column, self.name, self.rules)
        null = np.zeros(len(data), dtype=bool)
        null[: round(self.null_share * len(data))] = True
        values = ColumnValues(np.random.default_rng(0).permutation(data), null)
        discrete = len(np.unique(data)) <= DISCRETE_COUNT
        book = book_of_values(values, self.column.type, 1, keep_extremes=True, discrete=discrete)
        return number_column(COLUMN + self.column.name, values, book)

    def _text(self) -> ColumnFit:
        """Return a column of text: what was said of it comes first, then its type, then its name."""
        allowed = next((rule.value for rule in self.rules if rule.kind is RuleKind.ALLOWED), None)
        if allowed:
            return self._classes(pa.array([str(value) for value in allowed]), None)
        if self.words.example:
            return self._made(CodeMaker(self.code_mask()))
        if self.column.role is Role.JSON:
            return self._made(DocumentMaker())
        if self.column.role is Role.TEXT:
            return self._sentences()
        return self._named()

    def _named(self) -> ColumnFit:
        """Return a column of what it is called."""
        kind = self.column.person_kind
        if kind == "birth_date" or _MOMENT_NAME.search(self.name):
            first, last = (first_match(self.name, DAYS_BACK) or (*PLAIN_YEARS_BACK, ""))[:2]
            return self._made(MomentTextMaker(first, last))
        if kind == "country" and (self.name.endswith(("code", "iso")) or 0 < (self.width or 0) < COUNTRY_LETTERS):
            kind = "country_code" if self.unique else None
        called = f"{singular(plain(self.schema.name))}_{self.name}" if self.name in PLAIN_NAMES else self.name
        kind = kind or first_match(called, MADE)
        values = None if kind or self.unique else first_match(called, CATEGORIES)
        if kind or values:
            return self._person(kind) if kind else self._classes(self._short(values or ()), None)
        if CODES.search(self.name):
            return self._made(CodeMaker(self.code_mask()))
        return self._sentences() if TEXTS.search(self.name) else self._made(self._cut(ThingMaker(self.unique)))

    def _short(self, values: tuple[str, ...]) -> Any:
        return pa.array([value[: self.width] for value in values]).unique()

    def _person(self, kind: str) -> ColumnFit:
        found = self._made(self._cut(PersonMaker(kind, self.options.locale, self.unique)))
        return replace(found, rank={"full_name": 3, "name": 3, "email": 4, "user_name": 4}.get(kind, 0))

    def _cut(self, maker: Maker) -> Maker:
        return maker if self.width is None else CutMaker(maker, self.width)

    def _sentences(self) -> ColumnFit:
        most = min(self.width or TEXT_LETTERS, TEXT_LETTERS)
        lengths = np.rint(spread(NumberShape(min(20, most), most, "middle"))).astype(np.int64)
        null = np.zeros(len(lengths), dtype=bool)
        null[: round(self.null_share * len(lengths))] = True
        values = ColumnValues(np.random.default_rng(0).permutation(lengths), null)
        sizes = book_of_values(values, pa.int64(), 1, keep_extremes=True, discrete=True)
        found = number_column(COLUMN + self.column.name, values, sizes)
        texts = TextMaker(self.options.locale)
        return replace(found, step=partial(_made_step, found.name, sizes, texts), is_plain=False)

    def _made(self, maker: Maker) -> ColumnFit:
        book = CategoryBook(pa.string(), pa.array([""]))
        codes = np.zeros(SAMPLE_ROWS, dtype=np.int32)
        codes[: round(self.null_share * SAMPLE_ROWS)] = -1
        name = COLUMN + self.column.name
        return replace(class_column(name, codes, book, partial(_made_step, name, book, maker)), is_plain=False)

    def _flag_weights(self) -> list[float]:
        share = first_match(self.name, FLAGS) or 0.5
        return [1 - share, share]

    def _classes(self, values: Any, weights: list[float] | None) -> ColumnFit:
        """Return a column of these values; what stands first is most frequent, where no weights say otherwise."""
        parts = np.array(weights if weights is not None else 1 / (np.arange(len(values)) + 2.0))
        counts = np.maximum(np.rint(parts / parts.sum() * SAMPLE_ROWS).astype(int), 1)
        codes = np.repeat(np.arange(len(values), dtype=np.int32), counts)
        lost = np.full(round(self.null_share * SAMPLE_ROWS), -1, dtype=np.int32)
        return plain_classes(COLUMN + self.column.name, self.column.type, values, np.concatenate((codes, lost)))


def plain_classes(name: str, kind: pa.DataType, values: Any, codes: Any) -> ColumnFit:
    """Return a column of values and the codes of its rows."""
    book = CategoryBook(kind, values.cast(kind))
    return class_column(name, codes, book, lambda model: CategoryStep(name, book, model))


def _made_step(name: str, hidden: CategoryBook | NumberBook, maker: Maker, model: ValueModel) -> MadeStep:
    return MadeStep(name, hidden, model, maker)


def drawn_freely(column: ColumnFit, values: ColumnValues | None = None) -> ValueModel:
    """Return the model of a column that depends on nothing."""
    held = column.values if values is None else values
    nothing = np.zeros((len(held), 0), dtype=np.float32)
    return ValueModel(leaves=hold_donors(single_leaf(), nothing, held, interpolates=column.interpolates))


def plain(name: str) -> str:
    """Return a name in small letters and underscores.

    >>> plain("CustomerID"), plain("firstName"), plain("Order Date")
    ('customer_id', 'first_name', 'order_date')
    """
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return re.sub(r"[^0-9a-zäöüß]+", "_", spaced.lower()).strip("_")


def singular(name: str) -> str:
    """Return what one row of a table is called: `order` of `orders`, `category` of `categories`."""
    return re.sub(r"ies$", "y", name) if name.endswith("ies") else re.sub(r"(?<=[^us])s$", "", name)

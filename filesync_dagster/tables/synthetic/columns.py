"""Columns of real tables, made ready: what kind each is, its codes, and the step that it becomes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.model import Role, TableColumn
from filesync_dagster.tables.synthetic.books import (
    CategoryBook,
    Codes,
    NumberBook,
    book_of_values,
    category_book,
)
from filesync_dagster.tables.synthetic.codes import FORM_COUNT, FormMaker, fingerprints
from filesync_dagster.tables.synthetic.families import FamilyTraits
from filesync_dagster.tables.synthetic.masks import forms
from filesync_dagster.tables.synthetic.ngrams import NgramMaker, ngram_maker
from filesync_dagster.tables.synthetic.options import FitOptions
from filesync_dagster.tables.synthetic.people import PLACES, PersonMaker, TextMaker
from filesync_dagster.tables.synthetic.steps import (
    COLUMN,
    CategoryStep,
    ColumnStep,
    ConstantStep,
    MadeStep,
    Maker,
    NumberStep,
)
from filesync_dagster.tables.synthetic.targets import class_target, rank_target
from filesync_dagster.tables.synthetic.trees import ValueModel
from filesync_dagster.tables.synthetic.values import (
    ArrowArray,
    ColumnValues,
    Floats,
    from_arrow,
    is_number,
    null_mask,
    pc,
)

CATEGORY_COUNT = 5_000
TEXT_LETTERS = 40  # longer values are sentences


@dataclass
class ColumnFit:
    """A column that a model is fitted to: what the trees of others see, and what its own leaves hold."""

    name: str
    codes: Codes
    values: ColumnValues
    nominal: bool
    step: Callable[[ValueModel], ColumnStep]
    rank: int = 0  # lower ones come about earlier
    interpolates: bool = False
    centres: Floats | None = None
    constant: ColumnStep | None = None
    is_plain: bool = True  # its values are drawn, and not made
    book: NumberBook | CategoryBook | None = None
    leads: bool = False  # conditions are about it: it comes first
    raw: ColumnValues | None = field(default=None, repr=False)  # numbers as they are, where leaves hold ranks

    @property
    def distinct(self) -> int:
        """How many different codes there are."""
        return int(self.codes.max(initial=-1)) + 1

    def target(self, rows: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
        """Return what its tree has to tell apart among some rows."""
        if self.nominal:
            return class_target(self.codes[rows], self.centres)
        return rank_target(self.values.take(rows))

    def traits(self) -> FamilyTraits:
        """Return what families have of it."""
        return (
            FamilyTraits.of_classes(self.name, self.codes)
            if self.nominal
            else FamilyTraits.of_numbers(self.name, self.values)
        )


def make_column(column: TableColumn, array: ArrowArray, options: FitOptions) -> ColumnFit:
    """Make a column of a real table ready."""
    name = COLUMN + column.name
    one = array.null_count == len(array) or pc.count_distinct(array, mode="all").as_py() == 1
    shown = array.null_count == len(array) or is_number(column.type)  # else it may be one person's
    if one and (shown or (len(array) >= options.k_min and column.role is not Role.PERSON)):
        return constant_column(name, array, column.type)
    if is_number(column.type):
        values = from_arrow(array)
        discrete = column.role is Role.CATEGORY
        book = book_of_values(
            values, column.type, options.k_min, keep_extremes=options.keep_extremes, discrete=discrete
        )
        return number_column(name, values, book)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return text_column(column, array, options)
    return category_column(name, array, options)


def text_column(column: TableColumn, array: ArrowArray, options: FitOptions) -> ColumnFit:
    """Make a column of text ready: categories, people, or sentences, which are made and never copied."""
    name = COLUMN + column.name
    distinct = pc.count_distinct(array).as_py()
    repeats = distinct <= CATEGORY_COUNT and distinct * options.k_min <= len(array) - array.null_count
    if column.role is Role.PERSON and not (repeats and column.person_kind in PLACES):
        maker = PersonMaker(column.person_kind or "name", options.locale, distinct == len(array) - array.null_count)
        book = CategoryBook(pa.string(), pa.array([""]))
        codes = np.where(null_mask(array), -1, 0).astype(np.int32)
        found = class_column(name, codes, book, lambda model: MadeStep(name, book, model, maker))
        return replace(found, rank=3 if column.person_kind in {"email", "full_name"} else 0, is_plain=False)
    lengths = pc.utf8_length(array)
    wordy = column.role is Role.TEXT or (not repeats and (pc.mean(lengths).as_py() or 0) > TEXT_LETTERS)
    if wordy and not options.copy_text:
        numbers = from_arrow(lengths)
        sizes = book_of_values(numbers, pa.int64(), options.k_min, keep_extremes=False, discrete=True)
        texts = TextMaker(options.locale)
        found = number_column(name, numbers, sizes)
        return replace(found, step=lambda model: MadeStep(name, sizes, model, texts), is_plain=False)
    return category_column(name, array, options if not wordy else replace(options, keep_rare=True))


def constant_column(name: str, array: ArrowArray, kind: pa.DataType) -> ColumnFit:
    """Make a column of one value ready."""
    value = array[:1] if len(array) else pa.array([None], kind)
    step = ConstantStep(name, value)
    none = ColumnValues(np.zeros(len(array), dtype=np.int64), np.zeros(len(array), dtype=bool))
    return ColumnFit(name, np.zeros(len(array), np.int32), none, nominal=True, step=lambda model: step, constant=step)


def number_column(name: str, values: ColumnValues, book: NumberBook, rank: int = 1) -> ColumnFit:
    """Make a column of numbers ready."""
    clipped = ColumnValues(book.clip(values.data), values.null)
    held = ColumnValues(book.ranks(clipped.data), values.null) if book.is_continuous else clipped
    temporal = pa.types.is_temporal(book.type)
    return ColumnFit(
        name,
        book.encode(clipped),
        held,
        nominal=False,
        step=lambda model: NumberStep(name, book, model),
        rank=rank if temporal else rank + 1,
        interpolates=book.is_continuous,
        raw=values,
        book=book,
    )


def category_column(name: str, array: ArrowArray, options: FitOptions) -> ColumnFit:
    """Make a column of categories ready."""
    book = category_book(array, options.k_min, keep_rare=options.keep_rare)
    rare = _rare_maker(book, array, options.k_min) if book.has_other else None
    codes = book.encode(array)
    return class_column(name, codes, book, lambda model: CategoryStep(name, book, model, rare))


def text_category(
    name: str, array: ArrowArray, own: ArrowArray, options: FitOptions
) -> tuple[ColumnFit, CategoryBook, Maker | None]:
    """Make texts ready that are a part of a value: their classes are those of `own`, which lacks what is NULL."""
    book = category_book(own, options.k_min, keep_rare=options.keep_rare)
    rare = _rare_maker(book, own, options.k_min) if book.has_other else None
    return class_column(name, book.encode(array), book, lambda model: CategoryStep(name, book, model)), book, rare


def document_step_column(step: ColumnStep, shapes: Codes) -> ColumnFit:
    """Make a column ready that is put together from hidden ones, which come about before it."""
    none = ColumnValues(np.zeros(len(shapes), dtype=np.int64), shapes < 0)
    return ColumnFit(
        step.name, shapes, none, nominal=True, step=lambda model: step, rank=9, constant=step, is_plain=False
    )


def class_column(
    name: str, codes: Codes, book: CategoryBook, step: Callable[[ValueModel], ColumnStep], centres: Floats | None = None
) -> ColumnFit:
    """Make a column of classes ready."""
    held = ColumnValues(codes, codes < 0)
    return ColumnFit(name, codes, held, nominal=True, step=step, centres=centres, book=book)


def _rare_maker(book: CategoryBook, array: ArrowArray, k_min: int) -> FormMaker | NgramMaker:
    kept: set[Any] = set(book.values.to_pylist())
    rare = [value for value in pc.unique(array.drop_null()).to_pylist() if value not in kept]
    if len(rare) > CATEGORY_COUNT and (found := ngram_maker(rare, k_min)) is not None:
        return found
    return FormMaker(forms(rare, FORM_COUNT), fingerprints([*rare, *map(str, kept)]))

"""Steps: how one column of a draft comes about. Each has a `name`, and `draw` that fills the draft."""

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from filesync_dagster.tables.synthetic.books import CategoryBook, Codes, NumberBook
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.trees import ValueModel
from filesync_dagster.tables.synthetic.values import ArrowArray, ColumnValues, pc

COLUMN = "c:"
"""What precedes the name of a column of the table itself; names of what is hidden have other letters."""


class ColumnStep(Protocol):
    """How a column comes about."""

    @property
    def name(self) -> str:
        """What is drawn: `c:amount`."""
        ...

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Fill the column in a draft."""
        ...


class Maker(Protocol):
    """Makes values to show of what was drawn: codes, or lengths."""

    def make(self, drawn: Codes, draft: RowDraft, random: np.random.Generator) -> ArrowArray:
        """Return the values; a code of -1 is NULL."""
        ...


def column_of(name: str) -> str | None:
    """Return the column that a step fills, if any shows."""
    return name.removeprefix(COLUMN) if name.startswith(COLUMN) else None


def draw_number(model: ValueModel, book: NumberBook, draft: RowDraft, random: np.random.Generator) -> ColumnValues:
    """Draw numbers: values of the leaves, or between two of them."""
    drawn = model.draw(draft.codes, draft.rows, random)
    if model.leaves.interpolates:
        drawn = ColumnValues(book.at_ranks(np.asarray(drawn.data, dtype=np.float64)), drawn.null)
    return replace(drawn, data=book.clip(drawn.data)) if len(book.edges) or book.low != book.high else drawn


@dataclass(frozen=True)
class NumberStep:
    """A column of numbers or moments."""

    name: str
    book: NumberBook
    model: ValueModel

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Draw its numbers."""
        put_number(draft, self.name, self.book, draw_number(self.model, self.book, draft, random))


def put_number(draft: RowDraft, name: str, book: NumberBook, values: ColumnValues) -> None:
    """Put the numbers of a column into a draft."""
    draft.codes[name] = book.encode(values)
    column = column_of(name)
    draft.values[column or name] = values
    if column is not None:
        draft.arrays[column] = book.decode(values)


@dataclass(frozen=True)
class CategoryStep:
    """A column of categories; its rare values are made, never copied."""

    name: str
    book: CategoryBook
    model: ValueModel
    rare: Maker | None = None

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Draw its categories."""
        drawn = self.model.draw(draft.codes, draft.rows, random)
        self.put(draft, np.where(drawn.null, -1, drawn.data).astype(np.int32), random)

    def put(self, draft: RowDraft, codes: Codes, random: np.random.Generator) -> None:
        """Put codes into a draft, and what they mean."""
        draft.codes[self.name] = codes
        column = column_of(self.name)
        if column is None:
            return
        shown = self.book.decode(codes)
        if self.rare is not None and self.book.has_other:
            made = self.rare.make(np.where(codes == len(self.book.values), 0, -1).astype(np.int32), draft, random)
            shown = pc.coalesce(shown, made)
        draft.arrays[column] = shown


@dataclass(frozen=True)
class MadeStep:
    """A column whose values are made: people, texts, codes. Drawn is whether there is one, and how long it is."""

    name: str
    hidden: CategoryBook | NumberBook
    model: ValueModel
    maker: Maker

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Draw what is hidden, and make values of it."""
        if isinstance(self.hidden, NumberBook):
            numbers = draw_number(self.model, self.hidden, draft, random)
            draft.codes[self.name] = self.hidden.encode(numbers)
            drawn = np.where(numbers.null, -1, numbers.data).astype(np.int32)
        else:
            classes = self.model.draw(draft.codes, draft.rows, random)
            drawn = np.where(classes.null, -1, classes.data).astype(np.int32)
            draft.codes[self.name] = drawn
        column = column_of(self.name)
        assert column is not None
        draft.arrays[column] = self.maker.make(drawn, draft, random)


@dataclass(frozen=True)
class ConstantStep:
    """A column that has one value, or NULL alone."""

    name: str
    value: ArrowArray  # of length 1

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Repeat it."""
        column = column_of(self.name)
        assert column is not None
        draft.arrays[column] = self.value.take(pa.array(np.zeros(draft.rows, dtype=np.int32)))
        draft.codes[self.name] = np.zeros(draft.rows, dtype=np.int32)

"""Columns of JSON: a shape that several real values have, and leaves that are drawn like columns of their own.

What is at most two keys deep is modelled with the other columns of the row; what is deeper, or in lists, is drawn from
what there is at its path. Shapes that fewer than `k_min` rows have are nobody's: their keys are not shown.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import orjson
import pyarrow as pa

from filesync_dagster.tables.model import TableColumn
from filesync_dagster.tables.synthetic.books import CategoryBook, NumberBook, book_of_values
from filesync_dagster.tables.synthetic.columns import (
    ColumnFit,
    class_column,
    document_step_column,
    number_column,
    text_category,
)
from filesync_dagster.tables.synthetic.draft import RowDraft
from filesync_dagster.tables.synthetic.options import FitOptions
from filesync_dagster.tables.synthetic.steps import COLUMN, CategoryStep, Maker
from filesync_dagster.tables.synthetic.trees import FloatMatrix, ValueModel, hold_donors, single_leaf
from filesync_dagster.tables.synthetic.values import ArrowArray, ColumnValues, from_arrow

HIDDEN = "j:"
"""What precedes the name of what a column of JSON is made of."""

MODELLED_KEYS_COUNT = 2
MODELLED_COUNT = 24
NUMBER, TEXT, TRUTH = "n", "t", "b"
SEPARATOR = "\x1f"  # between the keys of a path
IN_LIST = "\x1e"

Leaves: TypeAlias = dict[tuple[str, str], list[tuple[int, Any]]]
"""By path and kind: the rows and values of leaves."""


@dataclass(frozen=True)
class DocumentLeaf:
    """The leaves at a path: their book, and all of their values; `hidden` is the column that models them."""

    kind: str
    book: NumberBook | CategoryBook
    values: ValueModel
    hidden: str | None = None
    rare: Maker | None = None

    def show(self, drawn: ColumnValues, draft: RowDraft, random: np.random.Generator) -> list[Any]:
        """Return drawn values as JSON has them."""
        if isinstance(self.book, NumberBook):
            return list(self.book.decode(replace(drawn, data=self.book.clip(drawn.data))).to_pylist())
        codes = np.where(drawn.null, -1, drawn.data).astype(np.int32)
        shown = self.book.decode(codes).to_pylist()
        if self.rare is not None:
            other = np.where(codes == len(self.book.values), 0, -1).astype(np.int32)
            some = replace_rows(draft, len(codes))
            made = self.rare.make(other, some, random).to_pylist()
            shown = [mine if mine is not None else theirs for mine, theirs in zip(shown, made, strict=True)]
        return list(shown)

    def sample(self, count: int, draft: RowDraft, random: np.random.Generator) -> list[Any]:
        """Return so many of its values, whatever row they were in."""
        drawn = self.values.draw({}, count, random)
        if isinstance(self.book, NumberBook) and self.values.leaves.interpolates:
            drawn = replace(drawn, data=self.book.at_ranks(np.asarray(drawn.data, dtype=np.float64)))
        return self.show(drawn, draft, random)


def replace_rows(draft: RowDraft, count: int) -> RowDraft:
    """Return a draft of as many rows as there are values."""
    return draft if draft.rows == count else RowDraft(np.arange(count), {})


@dataclass(frozen=True)
class DocumentStep:
    """A column of JSON: put together from a shape and leaves."""

    name: str
    shapes: tuple[str, ...]
    leaves: Mapping[str, DocumentLeaf]  # by path and kind

    def draw(self, draft: RowDraft, random: np.random.Generator) -> None:
        """Put it together."""
        column = self.name.removeprefix(COLUMN)
        codes = draft.codes[HIDDEN + column]
        shapes = [json.loads(shape) for shape in self.shapes]
        counts = np.bincount(codes[codes >= 0], minlength=len(shapes))
        needs: Counter[str] = Counter()
        for shape, count in zip(shapes, counts.tolist(), strict=True):
            for path in paths_of(shape):
                needs[path] += count
        loose = {path: iter(self.leaves[path].sample(count, draft, random)) for path, count in sorted(needs.items())}
        bound = {
            path: self.leaves[path].show(_hidden_values(draft, hidden), draft, random)
            for path in sorted(needs)
            if (hidden := self.leaves[path].hidden) is not None
        }

        def fill(shape: Any, path: str, row: int) -> Any:
            if isinstance(shape, dict):
                return {key: fill(each, _below(path, key), row) for key, each in shape.items()}
            if isinstance(shape, list):
                return [fill(each, path + IN_LIST, row) for each in shape]
            if shape is None:
                return None
            full = shape + path
            other = next(loose[full])
            mine = bound[full][row] if full in bound else None
            return other if mine is None else mine

        texts = [None if code < 0 else text_of(fill(shapes[code], "", row)) for row, code in enumerate(codes.tolist())]
        draft.arrays[column] = pa.array(texts, pa.string())


def _hidden_values(draft: RowDraft, hidden: str) -> ColumnValues:
    if hidden in draft.values:
        return draft.values[hidden]
    codes = draft.codes[hidden]
    return ColumnValues(codes, codes < 0)


def text_of(value: Any) -> str:
    """Return a value as compact JSON."""
    return orjson.dumps(value).decode()


def _below(path: str, key: str) -> str:
    return path + SEPARATOR + key


def paths_of(shape: Any, path: str = "") -> Iterator[str]:
    """Yield the kind and path of each leaf of a shape, as often as it is there."""
    if isinstance(shape, dict):
        for key, each in shape.items():
            yield from paths_of(each, _below(path, key))
    elif isinstance(shape, list):
        for each in shape:
            yield from paths_of(each, path + IN_LIST)
    elif shape is not None:
        yield shape + path


def shape_of(value: Any) -> Any:
    """Return a value with the kind of each leaf in its place."""
    if isinstance(value, dict):
        return {key: shape_of(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [shape_of(each) for each in value]
    if value is None:
        return None
    return TRUTH if isinstance(value, bool) else NUMBER if isinstance(value, int | float) else TEXT


def _leaves_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key in sorted(value):
            yield from _leaves_of(value[key], _below(path, key))
    elif isinstance(value, list):
        for each in value:
            yield from _leaves_of(each, path + IN_LIST)
    elif value is not None:
        yield shape_of(value) + path, value


def document_columns(column: TableColumn, array: ArrowArray, options: FitOptions) -> list[ColumnFit] | None:
    """Make a column of JSON ready: its shape, its leaves, and itself; None where no shape is of several rows."""
    values = [_parsed(text) for text in array.to_pylist()]
    shapes = [None if value is None else text_of(shape_of(value)) for value in values]
    counts = Counter(shape for shape in shapes if shape is not None)
    known = tuple(sorted(shape for shape, count in counts.items() if count >= options.k_min or options.keep_rare))
    if not known:
        return None
    place = {shape: number for number, shape in enumerate(known)}
    common = place[max(known, key=lambda shape: counts[shape])]
    codes = np.array([-1 if shape is None else place.get(shape, common) for shape in shapes], dtype=np.int32)
    book = CategoryBook(pa.string(), pa.array(known))
    hidden = HIDDEN + column.name
    found = [class_column(hidden, codes, book, lambda model: CategoryStep(hidden, book, model))]
    rows: dict[str, list[tuple[int, Any]]] = {}
    for row, (value, shape) in enumerate(zip(values, shapes, strict=True)):
        if shape in place:
            for path, leaf in _leaves_of(value):
                rows.setdefault(path, []).append((row, leaf))
    leaves = {}
    modelled = _modelled(rows)
    for path, items in sorted(rows.items()):
        fit, leaves[path] = _leaf(f"{hidden}{path[1:]}", path, items, len(values), options, path in modelled)
        if path in modelled:
            found.append(fit)
    step = DocumentStep(COLUMN + column.name, known, leaves)
    return [*found, document_step_column(step, codes)]


def _parsed(text: str | None) -> Any:
    """Return the value of a text; of what is no JSON, and of the lone null, nothing."""
    if text is None:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _modelled(rows: Mapping[str, Sequence[Any]]) -> set[str]:
    """Return the paths that are columns of their own: the most frequent ones that are two keys deep at most."""
    flat = [path for path in rows if IN_LIST not in path and path[0] and path.count(SEPARATOR) <= MODELLED_KEYS_COUNT]
    return set(sorted(flat, key=lambda path: (-len(rows[path]), path))[:MODELLED_COUNT])


def _leaf(  # noqa: PLR0917 - where it is, and what is there
    name: str, path: str, items: Sequence[tuple[int, Any]], count: int, options: FitOptions, is_modelled: bool
) -> tuple[ColumnFit, DocumentLeaf]:
    """Return the column of the leaves at a path, with NULL where there is none, and what they are shown as."""
    kind = path[0]
    own = _leaf_array(kind, [value for _, value in items])
    places = np.full(count, -1, dtype=np.int64)
    if is_modelled:
        places[[row for row, _ in items]] = np.arange(len(items))
    whole = own.take(pa.array(places, mask=places < 0))
    rare: Maker | None = None
    if kind == NUMBER:
        book = book_of_values(from_arrow(own), own.type, options.k_min, keep_extremes=options.keep_extremes)
        fit, alone = (number_column(name, from_arrow(one), book) for one in (whole, own))
        return fit, DocumentLeaf(kind, book, _donors(alone), name if is_modelled else None)
    fit, classes, rare = text_category(name, whole, own, options)
    own_codes = classes.encode(own)
    alone = class_column(name, own_codes, classes, fit.step)
    return fit, DocumentLeaf(kind, classes, _donors(alone), name if is_modelled else None, rare)


def _leaf_array(kind: str, values: list[Any]) -> ArrowArray:
    if kind == NUMBER:
        whole = all(isinstance(value, int) and abs(value) < 2**62 for value in values)
        return pa.array(values if whole else [float(value) for value in values], pa.int64() if whole else pa.float64())
    return pa.array(values, pa.bool_() if kind == TRUTH else pa.string())


def _donors(column: ColumnFit) -> ValueModel:
    """Return the model of a single leaf that holds all values of a column."""
    nothing: FloatMatrix = np.empty((len(column.values), 0), dtype=np.float32)
    tree = single_leaf()
    return ValueModel(leaves=hold_donors(tree, nothing, column.values, interpolates=column.interpolates))

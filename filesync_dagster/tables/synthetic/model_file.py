"""Models as files: a ZIP of a description in JSON and of arrays, which runs nothing when it is read.

What it says is made of the classes that are listed here and of nothing else; trees, which are walked without a check,
are checked when they are read. A model holds real values in its leaves: guard its file like the data.
"""

import base64
import binascii
import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from filesync_dagster.core.errors import LimitReached, TableError, UnreadableTable
from filesync_dagster.tables.model import RuleKind, TableRelation, TableRule, TableSchema
from filesync_dagster.tables.synthetic import (
    books,
    codes,
    documents,
    identity,
    keys,
    masks,
    ngrams,
    people,
    rule_steps,
    steps,
    trees,
)
from filesync_dagster.tables.synthetic.model import ENGINE, ENGINE_VERSION, LinkFacts, Model, TableModel
from filesync_dagster.tables.synthetic.options import FitOptions
from filesync_dagster.tables.synthetic.orphans import OrphanKeys
from filesync_dagster.tables.synthetic.relations import Link, LinkUse, TablePlan
from filesync_dagster.tables.synthetic.schema_only import makers
from filesync_dagster.tables.synthetic.trees import SplitTree, ValueModel

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMAT: Final = "filesync-model-1"
DESCRIPTION: Final = "model.json"
UNPACKED_MAX_BYTES: Final = 8 * 2**30
ENTRIES_MAX_COUNT: Final = 1_000_000

_CLASSES: Final[Mapping[str, type]] = {
    one.__name__: one
    for one in (
        *(Model, TableModel, LinkFacts, FitOptions, TablePlan, Link, OrphanKeys),
        *(
            books.NumberBook,
            books.CategoryBook,
            codes.FormMaker,
            documents.DocumentStep,
            documents.DocumentLeaf,
            ngrams.NgramMaker,
            identity.CountStep,
            masks.CodeMask,
        ),
        *(keys.CountedKeys, keys.SparseKeys, keys.MaskedKeys, keys.UuidKeys, people.PersonMaker, people.TextMaker),
        *(trees.TreeInput, trees.DonorLeaves, SplitTree, ValueModel),
        *(steps.NumberStep, steps.CategoryStep, steps.MadeStep, steps.ConstantStep),
        *(rule_steps.BoundedStep, rule_steps.ComputedStep, rule_steps.LookupStep, rule_steps.FollowStep),
        *(rule_steps.SharedStep, rule_steps.SequenceStep),
        *(makers.ThingMaker, makers.CodeMaker, makers.MomentTextMaker, makers.DocumentMaker, makers.BytesMaker),
        makers.CutMaker,
    )
}
_TOLD: Final[Mapping[str, Any]] = {one.__name__: one for one in (TableSchema, TableRelation, TableRule)}
_WORDS: Final[Mapping[str, type[StrEnum]]] = {"RuleKind": RuleKind, "LinkUse": LinkUse}


def save_model(model: Model, path: Path) -> None:
    """Write a model to a file, in place of the one that was there once all of it is written."""
    if model.learner is not None:
        raise TableError("A model of the engine mostlyai cannot be kept.", code="unsupported", field="save_model")
    draft = path.with_name(f".{path.name}.draft")
    try:
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            told = _Writer(file).value(model)
            head = {"format": FORMAT, "engine": ENGINE, "engine_version": ENGINE_VERSION, "model": told}
            file.writestr(DESCRIPTION, json.dumps(head, separators=(",", ":")))
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def load_model(path: Path) -> Model:
    """Read a model that `save_model` wrote. Raises UnreadableTable for anything else, LimitReached for too much."""
    with _refuse_damage(path), zipfile.ZipFile(path) as file:
        entries = file.infolist()
        if len(entries) > ENTRIES_MAX_COUNT or sum(entry.file_size for entry in entries) > UNPACKED_MAX_BYTES:
            raise LimitReached(f"The model {path.name} unpacks to more than may be.", code="limit", field="model")
        head = json.loads(file.read(DESCRIPTION))
        if (head["format"], head["engine"], head["engine_version"]) != (FORMAT, ENGINE, ENGINE_VERSION):
            raise UnreadableTable(
                f"The model {path.name} is of {head['engine']} {head['engine_version']} ({head['format']}); "
                f"this is {ENGINE} {ENGINE_VERSION} ({FORMAT}).",
                hint="Fit it again.",
                code="other_version",
                field="model",
            )
        found = _Reader(file).value(head["model"])
        if not isinstance(found, Model):
            raise TypeError(type(found).__name__)
        return found


@contextmanager
def _refuse_damage(path: Path) -> "Iterator[None]":
    try:
        yield
    except OSError as error:
        raise UnreadableTable(
            f"The model {path.name} cannot be read: {error.strerror}.", code="unreadable", field="model"
        ) from error
    except (
        *(zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RecursionError),
        *(KeyError, TypeError, ValueError, AttributeError, IndexError, pa.ArrowException, binascii.Error),
    ) as error:
        raise UnreadableTable(f"{path.name} is no model, or a damaged one.", code="no_model", field="model") from error


class _Writer:
    """Writes arrays into a file, and says the rest in JSON."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._known: dict[int, tuple[str, Any]] = {}  # arrays by their identity, and themselves, so that they stay

    def value(self, value: Any) -> Any:
        """Return a value as JSON: one that JSON does not have is an object of one name."""
        if isinstance(value, np.generic):
            return value.item()
        if value is None or (isinstance(value, bool | int | float | str) and not isinstance(value, StrEnum)):
            return value
        if isinstance(value, tuple):
            return [self.value(each) for each in value]
        return self._inner(value) or self._rows(value)

    def _inner(self, value: Any) -> Any:
        name, kind = type(value).__name__, type(value)
        if isinstance(value, StrEnum):
            return {"word": [name, value.value]}
        if isinstance(value, frozenset):
            return {"set": [self.value(each) for each in sorted(value)]}
        if isinstance(value, Mapping):
            return {"map": [[self.value(key), self.value(each)] for key, each in value.items()]}
        if _TOLD.get(name) is kind:
            return {"told": [name, value.as_json()]}
        if _CLASSES.get(name) is kind:
            return {"class": [name, {each.name: self.value(getattr(value, each.name)) for each in fields(value)}]}
        return None

    def _rows(self, value: Any) -> Any:
        if isinstance(value, pa.DataType):
            return {"type": base64.b64encode(pa.schema([pa.field("t", value)]).serialize()).decode()}
        if isinstance(value, np.ndarray):
            return {"numbers": self._store(value, "npy", _numbers_as_bytes)}
        if isinstance(value, pa.Array):
            return {"array": self._store(value, "arrow", lambda one: _rows_as_bytes(pa.table({"a": one})))}
        if isinstance(value, pa.Table):
            return {"table": self._store(value, "arrow", _rows_as_bytes)}
        raise TypeError(f"A model has a {type(value).__name__}, which no file can hold.")

    def _store(self, value: Any, suffix: str, write: Callable[[Any], bytes]) -> str:
        if id(value) not in self._known:
            name = f"{len(self._known)}.{suffix}"
            self._file.writestr(name, write(value))
            self._known[id(value)] = (name, value)
        return self._known[id(value)][0]


def _numbers_as_bytes(numbers: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, numbers, allow_pickle=False)
    return buffer.getvalue()


def _rows_as_bytes(rows: pa.Table) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_file(buffer, rows.schema) as writer:
        writer.write_table(rows)
    return buffer.getvalue()


class _Reader:
    """Reads what a `_Writer` wrote."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._known: dict[str, Any] = {}
        self._kinds: dict[str, Callable[[Any], Any]] = {
            "class": self._made,
            "told": lambda told: _TOLD[told[0]].from_json(told[1]),
            "word": lambda word: _WORDS[word[0]](word[1]),
            "map": lambda pairs: {self.value(key): self.value(each) for key, each in pairs},
            "set": lambda values: frozenset(self.value(values)),
            "type": lambda text: pa.ipc.read_schema(pa.py_buffer(base64.b64decode(text))).field(0).type,
            "numbers": lambda name: self._stored(name, _numbers_of),
            "array": lambda name: self._stored(name, _array_of),
            "table": lambda name: self._stored(name, _rows_of),
        }

    def value(self, told: Any) -> Any:
        """Return the value that JSON says."""
        if isinstance(told, list):
            return tuple(self.value(each) for each in told)
        if not isinstance(told, dict):
            return told
        ((kind, value),) = told.items()
        return self._kinds[kind](value)

    def _made(self, told: Any) -> Any:
        name, parts = told
        found = _CLASSES[name](**{part: self.value(each) for part, each in parts.items()})
        if isinstance(found, ValueModel):
            _check_tree(found)
        return found

    def _stored(self, name: str, read: Callable[[bytes], Any]) -> Any:
        if name not in self._known:
            self._known[name] = read(self._file.read(name))
        return self._known[name]


def _numbers_of(data: bytes) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = np.load(io.BytesIO(data), allow_pickle=False)
    return found


def _rows_of(data: bytes) -> pa.Table:
    rows = pa.ipc.open_file(data).read_all()
    rows.validate(full=True)
    return rows


def _array_of(data: bytes) -> Any:
    rows = _rows_of(data)
    return rows.column(0).combine_chunks() if rows.num_rows else pa.array([], rows.schema.field(0).type)


def _check_tree(model: ValueModel) -> None:
    """Raise ValueError unless each way through a tree ends in a leaf, and looks at what is there."""
    tree, count = model.tree, len(model.tree.left)
    arrays = (tree.left, tree.right, tree.feature, tree.threshold)
    kinds = (np.int64, np.int64, np.int64, np.float64)
    if not count or any(one.shape != (count,) or one.dtype != kind for one, kind in zip(arrays, kinds, strict=True)):
        raise ValueError("a tree of another form")
    inner = tree.left >= 0
    places = np.flatnonzero(inner)
    below = np.concatenate((tree.left[inner] - places, tree.right[inner] - places))
    seen, columns = tree.feature[inner], len(model.inputs) + (model.blend is not None)
    if np.any(tree.right[~inner] >= 0) or np.any(below <= 0) or max(tree.left.max(), tree.right.max()) >= count:
        raise ValueError("a tree whose branches lead nowhere")
    if np.any((seen < 0) | (seen >= columns)):
        raise ValueError("a tree that looks at what is not there")

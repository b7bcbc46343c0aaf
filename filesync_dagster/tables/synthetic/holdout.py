"""Rows that fitting does not see: a fifth of the parents with all that belongs to them, to tell memory from likeness.

A table follows its finest relation, so that families stay together, unless the parent is a mere list of a few rows;
such lists are no secret of anybody and stay whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from filesync_dagster.tables.model import DataSet, Table, TableRelation
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, ReportSeed
from filesync_dagster.tables.synthetic.measures.rows import row_batches

FOLD_COUNT = 5
"""A holdout is one of so many parts: a fifth."""

MIN_SPLIT_ROWS = 100
"""Tables with fewer rows stay whole: a fifth of them would say nothing."""

Folds = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Holdout:
    """The rows that a model is fitted on, and those that it must not see, of the tables that were split."""

    training: DataSet
    holdout: DataSet


def fold_rows(real: LinkedTables, seed: ReportSeed) -> dict[str, Folds]:
    """Return the fold of each row of the tables that are split: that of its parent, or drawn by chance."""
    followed = {table.name: _followed(real, table.name) for table in real.data_set.tables}
    found: dict[str, Folds] = {}
    for table in _parents_first(followed, real):
        count, number = real.counts[table], followed[table]
        drawn = seed.generator("folds", table).permutation(count) % FOLD_COUNT
        if number is None:
            if count >= MIN_SPLIT_ROWS:
                found[table] = drawn
            continue
        link = real.links[number]
        above = found[real.data_set.relations[number].parent]
        found[table] = np.where(link < 0, drawn, above[np.maximum(link, 0)]) if len(above) else drawn
    return found


def _followed(real: LinkedTables, table: str) -> int | None:
    """Return the relation that divides a table into most families, if they are enough to be dealt out."""
    best: tuple[int, int] | None = None
    for number, relation in enumerate(real.data_set.relations):
        if relation.child != table or relation.parent == table or real.counts[relation.parent] < MIN_SPLIT_ROWS:
            continue
        link = real.links[number]
        families = len(np.unique(link[link >= 0]))
        if families >= MIN_SPLIT_ROWS and (best is None or families > best[0]):
            best = (families, number)
    return None if best is None else best[1]


def _parents_first(followed: dict[str, int | None], real: LinkedTables) -> list[str]:
    """Return all tables, each after the one that it follows; of those that go round in a circle the first is free."""
    order: list[str] = []

    def visit(table: str, path: tuple[str, ...]) -> None:
        number = followed[table]
        parent = None if number is None else real.data_set.relations[number].parent
        if parent in path:
            followed[table] = parent = None
        if parent is not None and parent not in order:
            visit(parent, (*path, table))
        if table not in order:
            order.append(table)

    for table in followed:
        visit(table, (table,))
    return order


def split(data_set: DataSet, folder: Path, *, seed: int = 0, fold: int = 0) -> Holdout:
    """Write the rows of a data set apart from one fold of them, and that fold. The same seed gives the same folds.

    A row that names a parent in the holdout by another relation than the one that it follows names none in the
    training; where it must name one, it is left out.
    """
    relations = tuple(relation for relation in data_set.relations if relation.holds)
    real = LinkedTables.load(data_set, relations)
    folds = fold_rows(real, ReportSeed(seed))
    kept = {
        table.name: folds[table.name] != fold if table.name in folds else np.ones(real.counts[table.name], dtype=bool)
        for table in data_set.tables
    }
    while _leave_out_orphans(real, kept):
        pass  # who was left out may be somebody's parent
    training, holdout = [], []
    for table in data_set.tables:
        lost = _lost_parents(real, table, kept).columns
        training.append(_write(table, folder / "training", kept[table.name], lost))
        if table.name in folds:
            holdout.append(_write(table, folder / "holdout", folds[table.name] == fold, {}))
    return Holdout(replace(data_set, tables=tuple(training)), DataSet(tuple(holdout), data_set.relations))


def _leave_out_orphans(real: LinkedTables, kept: dict[str, Mask]) -> bool:
    """Leave out the rows that must have a parent that is left out, and tell whether there were any."""
    found = False
    for table in real.data_set.tables:
        orphans = _lost_parents(real, table, kept).required & kept[table.name]
        kept[table.name] = kept[table.name] & ~orphans
        found |= bool(orphans.any())
    return found


@dataclass(frozen=True)
class LostParents:
    """Rows whose parent is in the holdout: those that must have one, and by column those that need not."""

    required: Mask
    columns: Mapping[str, Mask]


def _lost_parents(real: LinkedTables, table: Table, kept: Mapping[str, Mask]) -> LostParents:
    required = np.zeros(real.counts[table.name], dtype=bool)
    columns: dict[str, Mask] = {}
    for number, relation in enumerate(real.data_set.relations):
        if relation.child != table.name or not real.counts[relation.parent]:
            continue
        link = real.links[number]
        gone = (link >= 0) & ~kept[relation.parent][np.maximum(link, 0)]
        if _may_be_null(table, relation):
            columns |= {name: columns.get(name, np.zeros_like(gone)) | gone for name in relation.child_columns}
        else:
            required |= gone
    return LostParents(required, columns)


def _may_be_null(table: Table, relation: TableRelation) -> bool:
    keys = {name for key in (table.schema.primary_key, *table.schema.unique_keys) for name in key}
    return not keys.intersection(relation.child_columns) and all(
        table.schema.column(name).nullable for name in relation.child_columns
    )


def _write(table: Table, folder: Path, kept: Mask, without: Mapping[str, Mask]) -> Table:
    """Write some rows of a table, without the values of some columns in some of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = int(kept.sum())
    schema = replace(table.schema, row_count=rows, content_hash=None)
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    with pq.ParquetWriter(path, schema.arrow(), compression="zstd") as writer:
        for batch in _some_rows(table, kept, without):
            writer.write_batch(batch.cast(schema.arrow()))
    return Table(schema, (path,))


def _some_rows(table: Table, kept: Mask, without: Mapping[str, Mask]) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in row_batches(table, table.schema.names):
        rows = slice(first, first + batch.num_rows)
        first += batch.num_rows
        for name, gone in without.items():
            place = batch.schema.get_field_index(name)
            values: Any = batch.column(place)
            without_gone = pc.if_else(pa.array(gone[rows]), pa.scalar(None, values.type), values)
            batch = batch.set_column(place, batch.schema.field(place), without_gone)  # noqa: PLW2901  # the same rows
        yield batch.filter(pa.array(kept[rows]))

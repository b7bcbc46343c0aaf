"""The state of a generation: what of each table stays in memory while others look at it."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from filesync_dagster.tables.model import TableSchema, TableWarning
from filesync_dagster.tables.synthetic.draft import RowDraft, random_at
from filesync_dagster.tables.synthetic.model import Model
from filesync_dagster.tables.synthetic.options import GenerateRequest, Watch
from filesync_dagster.tables.synthetic.real import ORPHAN
from filesync_dagster.tables.synthetic.relations import Link
from filesync_dagster.tables.synthetic.values import AnyArray, ArrowArray, Ints, pc

SMALL_CODES = 2**15


@dataclass
class TableState:
    """A generated table, as others see it."""

    rows: int
    codes: dict[str, AnyArray] = field(default_factory=dict)
    arrays: dict[str, ArrowArray] = field(default_factory=dict)  # keys, and what rules of others speak of
    parents: dict[int, Ints] = field(default_factory=dict)
    pool_rows: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # what rows are made of, by POOL_ROW
    orphans: dict[int, dict[str, ArrowArray]] = field(default_factory=dict)  # keys that lead nowhere, of a link


@dataclass
class Generation:
    """A generation in progress."""

    model: Model
    request: GenerateRequest
    folder: Path
    watch: Watch
    states: dict[str, TableState] = field(default_factory=dict)
    warnings: dict[str, list[TableWarning]] = field(default_factory=dict)

    def random(self, *place: str | int) -> np.random.Generator:
        """Return the generator of a place."""
        assert self.request.seed is not None
        return random_at(self.request.seed, *place)

    def warn(self, table: str, code: str, message: str, count: int = 1) -> None:
        """Note what a table lacks."""
        self.warnings.setdefault(table, []).append(TableWarning(code, message, count))

    def codes(self, table: str, name: str, rows: Ints) -> NDArray[np.int32]:
        """Return the codes of rows, of the table or, as `r3:…`, of the parent by link 3; -1 where there is none."""
        state = self.states[table]
        if name.startswith("r"):
            head, _, rest = name.partition(":")
            link = self.model.plan.links[int(head[1:])]
            above = state.parents[link.number]
            found = above[np.maximum(rows, 0)] if len(above) else np.full(len(rows), -1)
            return self.codes(link.parent, rest, np.where(rows >= 0, found, -1))
        known = state.codes[name]
        if not len(known):
            return np.full(len(rows), -1, dtype=np.int32)
        return np.where(rows >= 0, known[np.maximum(rows, 0)], -1).astype(np.int32)

    def read_context(self, draft: RowDraft, names: tuple[str, ...]) -> None:
        """Put codes of parents into a draft."""
        for name in names:
            if name not in draft.codes and name.startswith("r"):
                head, _, rest = name.partition(":")
                link = self.model.plan.links[int(head[1:])]
                draft.codes[name] = self.codes(link.parent, rest, draft.parents[link.number])

    def parent_values(self, link: Link, column: str, rows: Ints) -> ArrowArray:
        """Return the values of a column of a link's parents; NULL where there is none."""
        known = self.states[link.parent].arrays[column]
        if not len(known):
            return pa.array([None] * len(rows), known.type)
        return known.take(pa.array(np.maximum(rows, 0), mask=rows < 0))

    def foreign_keys(self, link: Link, rows: Ints) -> dict[str, ArrowArray]:
        """Return the columns of a child that name these rows of a link's parents: keys, of nobody for orphans."""
        child = self.model.tables[link.child].schema
        nobody, lost = self.states[link.child].orphans.get(link.number), rows <= ORPHAN
        found = {}
        for mine, theirs in zip(link.relation.child_columns, link.relation.parent_columns, strict=True):
            keys = self.parent_values(link, theirs, rows)
            if nobody is not None and lost.any():
                keys = pc.replace_with_mask(keys, pa.array(lost), nobody[theirs].take(pa.array(ORPHAN - rows[lost])))
            found[mine] = keys.cast(child.column(mine).type)
        return found

    def make_orphan_keys(self, link: Link, parents: Ints) -> None:
        """Make the keys that lead nowhere and that rows name by a link."""
        keys, count = self.model.links[link.number].orphan_keys, ORPHAN + 1 - int(parents.min(initial=0))
        if keys is None or count <= 0:
            return
        known = {name: self.states[link.parent].arrays[name] for name in link.relation.parent_columns}
        random = self.random(link.child, "orphans", link.number)
        self.states[link.child].orphans[link.number] = keys.make(known, count, self.request.key_start, random)


def small_codes(codes: AnyArray) -> AnyArray:
    """Return codes in two bytes each, where they fit."""
    return codes.astype(np.int16) if codes.max(initial=0) < SMALL_CODES else codes


def file_name(table: str, schemas: tuple[str, ...]) -> str:
    """Return the name of a table's file: the table's own, as far as files can be called so, and no other table's."""
    safe = ["".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name) for name in schemas]
    place = schemas.index(table)
    mine = safe[place]
    twice = [i for i, name in enumerate(safe) if name.lower() == mine.lower()]
    return f"{mine}.parquet" if len(twice) == 1 else f"{mine}_{twice.index(place) + 1}.parquet"


def output_schema(work: Generation, schema: TableSchema) -> TableSchema:
    """Return the schema of a synthetic table."""
    return TableSchema(
        schema.name,
        schema.source,
        schema.columns,
        primary_key=schema.primary_key,
        primary_key_origin=schema.primary_key_origin,
        unique_keys=schema.unique_keys,
        checks=schema.checks,
        description=schema.description,
        row_count=work.states[schema.name].rows,
        warnings=tuple(work.warnings.get(schema.name, ())),
    )

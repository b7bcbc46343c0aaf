"""What the engine learns and draws: the hidden values of our columns, and which children are of which parents."""

import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.synthetic.options import Watch
from filesync_dagster.tables.synthetic.peers.mostlyai.process import run_worker
from filesync_dagster.tables.synthetic.peers.pool import Pool, PooledModel, pooled_model
from filesync_dagster.tables.synthetic.peers.value_codes import ValueCoding, coding_of, unreadable_answer
from filesync_dagster.tables.synthetic.values import ArrowArray, ColumnValues, Ints

KEY: Final = "key"
NOTHING: Final = "nothing"
"""A column of one value, for tables that have nothing else to learn: the engine wants one."""

ANALYSIS_SHARE: Final = 0.1
"""Of the privacy budget of a table, for what the engine counts before it trains."""


@dataclass(frozen=True)
class EngineSettings:
    """How the engine is run, and what it may cost: time, and privacy."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    max_epochs: int = 100
    max_minutes: float = 30.0  # of the training of each table
    epsilon: float | None = None  # of all tables together
    delta: float = 1e-5


@dataclass(frozen=True)
class LearnedColumn:
    """A column that the engine learns. `seen`: children look at it."""

    id: str
    name: str
    coding: ValueCoding
    array: ArrowArray
    seen: bool

    @property
    def is_learned(self) -> bool:
        """Whether there is anything to learn."""
        return not self.coding.is_constant


@dataclass
class LearnedTable:
    """A table that the engine learns."""

    id: str
    rows: int
    columns: list[LearnedColumn] = field(default_factory=list)
    is_kept: bool = False
    parent: str | None = None
    parents: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))  # rows of the parent, below 0 for none

    @property
    def learned(self) -> list[LearnedColumn]:
        """The columns that are told to the engine."""
        return [column for column in self.columns if column.is_learned]

    def frame(self) -> dict[str, ArrowArray]:
        """Return its columns as the engine gets them."""
        found = {column.id: column.array for column in self.learned}
        return found or {self.id + NOTHING: pa.array(["0"] * self.rows)}

    def kinds(self) -> dict[str, str]:
        """Return what kinds its columns are of."""
        return {column.id: column.coding.kind for column in self.learned} or {self.id + NOTHING: "category"}

    def context_columns(self) -> list[str]:
        """Return the columns that its children look at."""
        return [column.id for column in self.learned if column.seen] or [next(iter(self.kinds()))]


class Learner:
    """A model of the engine: it is told columns, then trained, then it draws rows into its pool, as often as asked."""

    def __init__(self, settings: EngineSettings, seed: int) -> None:
        self.settings = settings
        self.pool = Pool()
        self.epsilon: float | None = None  # what the training cost, of all tables together
        self._seed = seed
        self._folder = Path(tempfile.mkdtemp(prefix="filesync-mostlyai-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)  # it has real rows
        self._tables: dict[str, LearnedTable] = {}

    @property
    def delta(self) -> float | None:
        """The δ of all tables together."""
        return None if self.epsilon is None else self.settings.delta * self._trained_count()

    def add_table(self, name: str, rows: int, *, is_kept: bool = False) -> None:
        """Begin a table; its parent is there already."""
        self._tables[name] = LearnedTable(f"t{len(self._tables)}", rows, is_kept=is_kept)

    def add_parents(self, name: str, parent: str, rows: Ints) -> None:
        """Say which rows of the primary parent the rows of a table name."""
        self._tables[name].parent, self._tables[name].parents = parent, rows

    def learn(
        self, table: str, name: str, values: ColumnValues, among: Ints | None, *, nominal: bool, interpolates: bool
    ) -> PooledModel:
        """Add a column; return what draws it. `among`: only of these rows there are values."""
        if among is not None:
            lost = np.ones(len(values), dtype=bool)
            lost[among] = False
            values = ColumnValues(values.data, values.null | lost)
        coding = coding_of(values, nominal=nominal, interpolates=interpolates)
        mine = self._tables[table]
        column = f"{mine.id}v{len(mine.columns)}"
        array: ArrowArray = pa.nulls(len(values)) if coding.is_constant else coding.encode(values)
        mine.columns.append(LearnedColumn(column, name, coding, array, seen=name.startswith("c:")))
        fills = among is not None and not values.null[among].any()
        return pooled_model(self.pool, table, column, coding, interpolates=interpolates, fills=fills)

    def count(self, table: str, child: str) -> PooledModel:
        """Return what draws how many children a row of a table has."""
        coding = ValueCoding(np.zeros(1, dtype=np.int64), nullable=False)
        return pooled_model(self.pool, table, f"n:{child}", coding, interpolates=False)

    def draw_zeros(self, table: str) -> PooledModel:
        """Return what draws zeros: of what only trees look at."""
        return self.count(table, "")

    def train(self, watch: Watch) -> None:
        """Train a model of each table. Raises TableError, Cancelled."""
        for table in self._tables.values():
            self._write(f"{table.id}.parquet", self._training_rows(table))
            if table.parent is not None:
                self._write(f"{table.id}.context.parquet", self._context_rows(table))
        job = {
            **self._job("train", {}),
            "max_epochs": self.settings.max_epochs,
            "max_minutes": self.settings.max_minutes,
            "privacy": self._privacy() or None,
        }
        answers = run_worker(self.settings.command, job, self._folder, watch, self.settings.environment)
        if self.settings.epsilon is not None:
            spent = [one.get("epsilon") for one in answers if one["event"] == "trained"]
            known = [float(one) for one in spent if isinstance(one, int | float)]
            if len(known) != self._trained_count():
                raise TableError(
                    f"No model of each table can be trained within ε={self.settings.epsilon:g}.",
                    hint="Allow a larger ε, or leave out tables.",
                    code="privacy_budget",
                    field="engine_options.epsilon",
                )
            self.epsilon = sum(known)

    def draw(self, rows: Mapping[str, int], seed: int, watch: Watch) -> None:
        """Draw rows into the pool. `rows`: of each table without a primary parent. Raises TableError, Cancelled."""
        job = {**self._job("sample", rows), "seed": seed}
        run_worker(self.settings.command, job, self._folder, watch, self.settings.environment)
        for name, table in self._tables.items():
            self._take(name, table)
        for name, table in self._tables.items():
            if table.parent is not None:
                counts = ColumnValues(self.pool.counts[name], np.zeros(self.pool.rows[table.parent], dtype=bool))
                self.pool.columns[table.parent][f"n:{name}"] = counts

    def _trained_count(self) -> int:
        return sum(map(self._is_trained, self._tables.values()))

    def _is_trained(self, table: LearnedTable) -> bool:
        if table.is_kept or not table.rows:
            return False
        return bool(table.learned) if table.parent is None else bool(np.any(table.parents >= 0))

    def _privacy(self) -> dict[str, Any]:
        epsilon = self.settings.epsilon
        if epsilon is None:
            return {}
        mine = epsilon / max(self._trained_count(), 1)
        return {
            "max_epsilon": mine,  # with what the analysis costs, as in what it tells afterwards
            "delta": self.settings.delta,
            "value_protection_epsilon": mine * ANALYSIS_SHARE,
        }

    def _job(self, action: str, rows: Mapping[str, int]) -> dict[str, Any]:
        tables = [self._table_job(name, table, rows.get(name, 0)) for name, table in self._tables.items()]
        return {"action": action, "folder": str(self._folder), "seed": self._seed, "tables": tables}

    def _table_job(self, name: str, table: LearnedTable, rows: int) -> dict[str, Any]:
        context = None
        if table.parent is not None:
            above = self._tables[table.parent]
            context = {
                "table": above.id,
                "data": f"{table.id}.context.parquet",
                "columns": dict(self._context_kinds(table)),
            }
        return {
            "name": name,
            "id": table.id,
            "data": f"{table.id}.parquet",
            "out": f"{table.id}.out.parquet",
            "columns": table.kinds(),
            "context": context,
            "trained": self._is_trained(table),
            "known": table.is_kept,
            "rows": rows,
        }

    def _training_rows(self, table: LearnedTable) -> dict[str, ArrowArray]:
        frame = table.frame()
        if table.parent is None:
            return frame
        here = np.flatnonzero(table.parents >= 0)
        return {KEY: pa.array(table.parents[here]), **{name: one.take(pa.array(here)) for name, one in frame.items()}}

    def _context_rows(self, table: LearnedTable) -> dict[str, ArrowArray]:
        """Return what children look at: of their parents, and of the parents of these."""
        assert table.parent is not None
        above = self._tables[table.parent]
        found: dict[str, ArrowArray] = {KEY: pa.array(np.arange(above.rows))}
        rows: Ints = np.arange(above.rows)
        for one in self._ancestors(table):
            frame = one.frame()
            index: ArrowArray = pa.array(np.maximum(rows, 0), mask=rows < 0)
            for name in one.context_columns():
                found[name] = frame[name].take(index) if one.rows else pa.nulls(len(rows), frame[name].type)
            if one.parent is not None:
                rows = np.where(rows >= 0, one.parents[np.maximum(rows, 0)], -1) if one.rows else rows
        return found

    def _context_kinds(self, table: LearnedTable) -> Iterator[tuple[str, str]]:
        for one in self._ancestors(table):
            kinds = one.kinds()
            yield from ((name, kinds[name]) for name in one.context_columns())

    def _ancestors(self, table: LearnedTable) -> Iterator[LearnedTable]:
        while table.parent is not None:
            table = self._tables[table.parent]
            yield table

    def _write(self, name: str, columns: Mapping[str, ArrowArray]) -> None:
        pq.write_table(pa.table(dict(columns)), self._folder / name)

    def _take(self, name: str, table: LearnedTable) -> None:
        """Read what was drawn of a table."""
        source = f"{table.id}.parquet" if table.is_kept else f"{table.id}.out.parquet"
        try:
            drawn = pq.read_table(self._folder / source)
            found = {column.id: drawn.column(column.id).combine_chunks() for column in table.learned}
            keys = drawn.column(KEY).to_numpy() if table.parent is not None else ()
        except (OSError, pa.ArrowException, KeyError) as error:
            raise unreadable_answer(f"those of {name} are not there") from error
        self.pool.rows[name] = drawn.num_rows
        self.pool.columns[name] = {column.id: column.coding.decode(found[column.id]) for column in table.learned}
        if table.parent is not None:
            self.pool.counts[name] = _count(keys, self.pool.rows[table.parent])


def _count(keys: Any, parents: int) -> Ints:
    """Return how many rows each parent has. Raises TableError where rows are of nobody, or out of order."""
    found = np.asarray(keys, dtype=np.int64)
    if len(found) and (found[0] < 0 or found[-1] >= parents or np.any(np.diff(found) < 0)):
        raise unreadable_answer("children have parents that are not there")
    return np.bincount(found, minlength=parents).astype(np.int64)

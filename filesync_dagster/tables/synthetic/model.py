"""A fitted model: everything that a generation needs, and no row of the real tables but what leaves hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from filesync_dagster.tables.model import TableRule, TableSchema
from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.keys import KeyMaker
from filesync_dagster.tables.synthetic.options import FitOptions
from filesync_dagster.tables.synthetic.orphans import OrphanKeys
from filesync_dagster.tables.synthetic.peers.pool import POOL_ROW, Pool
from filesync_dagster.tables.synthetic.relations import LinkUse, TablePlan
from filesync_dagster.tables.synthetic.steps import ColumnStep

if TYPE_CHECKING:
    from filesync_dagster.tables.synthetic.peers.mostlyai.learner import Learner

ENGINE = "core"
ENGINE_VERSION = "1"


@dataclass(frozen=True)
class LinkFacts:
    """What is known of the real rows of a relation."""

    parentless: float = 0.0  # rows that name no parent, for each row that does
    orphans: float = 0.0  # the share of all rows that name a parent that is not there
    single: bool = False  # a parent has one child at most
    nullable: bool = True
    own_root: bool = False  # of a table's own: the topmost rows name themselves
    orphan_keys: OrphanKeys | None = None  # what rows name that keep a parent that is not there
    within: int | None = None  # a late one leads to a child by this link: the captain plays in the team


@dataclass(frozen=True)
class TableModel:
    """How the rows of a table come about: keys, then column after column."""

    schema: TableSchema
    rows: int
    steps: tuple[ColumnStep, ...]
    group_count: int = 0  # so many first steps draw groups of parents, which are found before the rest is drawn
    keys: Mapping[str, KeyMaker] = field(default_factory=dict)
    later: tuple[ColumnStep, ...] = ()  # what is counted once all else is there
    checks: tuple[TableRule, ...] = ()  # rules that rows are drawn again for
    distinct: tuple[tuple[str, ...], ...] = ()  # columns that no two rows share, and that are drawn
    distinct_links: tuple[tuple[int, ...], ...] = ()  # parents that no two rows share
    one_block: bool = False
    outside: Mapping[int, tuple[str, ...]] = field(default_factory=dict)  # columns of a link's parents, for rules
    kept: pa.Table | None = None
    kept_codes: Mapping[str, Codes] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """Models of the tables of a data set, and of their relations."""

    plan: TablePlan
    tables: Mapping[str, TableModel]
    links: Mapping[int, LinkFacts]
    options: FitOptions
    rules: tuple[TableRule, ...] = ()
    warnings: tuple[str, ...] = ()
    schema_only: bool = False  # no row was seen: quality cannot be computed
    learner: "Learner | None" = None  # of another engine, which draws what our trees do not

    @property
    def pool(self) -> Pool | None:
        """The rows that another engine drew."""
        return None if self.learner is None else self.learner.pool

    def needed_codes(self, table: str) -> frozenset[str]:
        """Return the names of what other tables look at of a table's rows."""
        found = {POOL_ROW} if self.learner is not None else set()
        for link in self.plan.links:
            if link.use is LinkUse.IMPLIED:
                continue
            if link.parent == table:
                found |= {f"n:{link.number}", f"z:{link.number}"}
            if link.child == table and link.use in {LinkUse.OWN, LinkUse.LATE}:
                found |= {f"g:{link.number}"} | ({f"d:{link.number}"} if link.use is LinkUse.OWN else set())
        for model in self.tables.values():
            for step in model.steps:
                for name in inputs_of(step):
                    found |= self._parts(name, table, model.schema.name)
        return frozenset(found)

    def needed_arrays(self, table: str) -> frozenset[str]:
        """Return the columns whose values other tables take: keys, and what rules speak of."""
        found = {name for link in self.plan.of_parent(table) for name in link.relation.parent_columns}
        for model in self.tables.values():
            for number, columns in model.outside.items():
                if self.plan.links[number].parent == table:
                    found |= set(columns)
        return frozenset(found)

    def _parts(self, name: str, table: str, owner: str) -> set[str]:
        """Return which column of a table a name asks for: `r3:c:price` is `c:price` of the parent of link 3."""
        above = name.startswith("r")
        while name.startswith("r"):
            head, _, name = name.partition(":")
            owner = self.plan.links[int(head[1:])].parent
        return {name} if above and owner == table else set()


def inputs_of(step: ColumnStep) -> tuple[str, ...]:
    """Return what a step's trees look at."""
    found: list[str] = []
    for value in vars(step).values():
        if hasattr(value, "inputs"):
            found += [each.name for each in value.inputs]
        elif hasattr(value, "draw"):  # a step within it
            found += inputs_of(value)
    return tuple(found)

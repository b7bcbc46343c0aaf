"""A fit in progress: the real tables, their columns made ready, and what is known of their families."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from filesync_dagster.tables.model import TableRelation, TableRule
from filesync_dagster.tables.synthetic.books import Codes
from filesync_dagster.tables.synthetic.columns import ColumnFit
from filesync_dagster.tables.synthetic.families import FamilyKinds
from filesync_dagster.tables.synthetic.options import FitOptions, Watch
from filesync_dagster.tables.synthetic.real import RealTable
from filesync_dagster.tables.synthetic.relations import TablePlan
from filesync_dagster.tables.synthetic.values import Ints

if TYPE_CHECKING:
    from filesync_dagster.tables.synthetic.peers.mostlyai.learner import Learner


@dataclass
class Family:
    """The children that parents have by a link."""

    counts: Ints
    kinds: FamilyKinds
    odd: Codes  # kinds by the odd siblings alone: what the even ones are foretold from in tests


@dataclass
class Fitter:
    """A fit in progress."""

    options: FitOptions
    watch: Watch
    real: dict[str, RealTable]
    parents: dict[TableRelation, Ints] = field(default_factory=dict)
    columns: dict[str, dict[str, ColumnFit]] = field(default_factory=dict)
    families: dict[int, Family] = field(default_factory=dict)
    rules: list[TableRule] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    plan: TablePlan = field(default_factory=lambda: TablePlan((), ()))
    siblings: dict[tuple[str, str], Codes] = field(default_factory=dict)  # what a row sees of its siblings
    learner: "Learner | None" = None  # of another engine: it learns what trees would

    def codes(self, table: str, name: str) -> Codes:
        """Return codes of a table's rows: of the table itself, or `r3:…` of the parent by link 3."""
        if (table, name) in self.siblings:
            return self.siblings[table, name]
        if not name.startswith("r"):
            return self.columns[table][name].codes
        head, _, rest = name.partition(":")
        link = self.plan.links[int(head[1:])]
        return take_codes(self.codes(link.parent, rest), self.parents[link.relation])

    def is_nominal(self, table: str, name: str) -> bool:
        """Tell whether codes have no order."""
        if not name.startswith("r"):
            return self.columns[table][name].nominal
        head, _, rest = name.partition(":")
        return self.is_nominal(self.plan.links[int(head[1:])].parent, rest)


def take_codes(codes: Codes, rows: Ints) -> Codes:
    """Return the codes of rows; -1 where there is no row."""
    if not len(codes):
        return np.full(len(rows), -1, dtype=np.int32)
    return np.where(rows >= 0, codes[np.maximum(rows, 0)], np.int32(-1))


def sample_rows(rows: int, most: int, seed: int) -> Ints:
    """Return the numbers of all rows, or of so many, in their order."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:most])

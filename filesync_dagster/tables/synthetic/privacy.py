"""The privacy report: whether synthetic rows repeat or resemble the rows that a model was fitted on.

All of it is a smoke detector: it finds what copies, and proves nothing where it finds nothing.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from filesync_dagster.tables.model import DataSet
from filesync_dagster.tables.synthetic.measures.columns import measured_names
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, ReportSeed
from filesync_dagster.tables.synthetic.measures.table_privacy import PRIVACY_ROWS, TablePrivacy, table_privacy
from filesync_dagster.tables.synthetic.options import ProgressReport, Watch

REPORT_VERSION = 1
K_MIN_ROWS = 5

NO_PROOF = (
    "Distances to real rows are a smoke detector and no proof: they find a model that copies, and not what somebody "
    "who knows more may find out."
)
SYNTHETIC = "The rows are synthetic: drawn from a model of the real ones. They may still tell something of real people."


@dataclass(frozen=True)
class PrivacyReport:
    """What was measured, table by table. Tables that stayed whole or are too small say nothing and are named."""

    tables: tuple[TablePrivacy, ...]
    not_measured: tuple[str, ...]
    copied_tables: tuple[str, ...]  # as they are, because somebody asked for it
    leaf_factor: int
    seed: int
    notes: tuple[str, ...] = ()
    epsilon: float | None = None
    delta: float | None = None

    @property
    def remembers(self) -> bool:
        """Whether some table is nearer to the rows of the fit than chance allows: the check fails."""
        return any(table.remembers for table in self.tables)

    @property
    def copies_rows(self) -> bool:
        """Whether some table repeats more rows than chance does."""
        return any(table.copies_rows for table in self.tables)

    @property
    def distant_rows(self) -> float | None:
        """The share of rows that are neither equal nor very near to a row of the fit, in the worst table."""
        return min((table.distant_rows for table in self.tables), default=None)

    @property
    def statements(self) -> tuple[str, ...]:
        """What may be said, in words that promise no more than was measured."""
        found = [SYNTHETIC]
        if self.tables and not self.copies_rows:
            found.append("No rows copied: no more rows are equal to one of the fit than chance gives.")
        found += [sentence for table in self.tables for sentence in _table_statements(table)]
        found += [f"{name}: copied as it is." for name in self.copied_tables]
        if self.epsilon is not None:
            found.append(privacy_sentence(self.epsilon, self.delta or 0.0))
        return (*found, NO_PROOF)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values, whose shape docs/quality-and-privacy.md describes."""
        return {
            "version": REPORT_VERSION,
            "statements": list(self.statements),
            "copies_rows": self.copies_rows,
            "remembers": self.remembers,
            "leaf_factor": self.leaf_factor,
            "tables": [table.as_json() for table in self.tables],
            "not_measured": list(self.not_measured),
            "copied_tables": list(self.copied_tables),
            "notes": list(self.notes),
            "epsilon": self.epsilon,
            "delta": self.delta,
            "seed": self.seed,
        }


def privacy_sentence(epsilon: float, delta: float) -> str:
    """Return what differential privacy promises, and for what."""
    return (
        f"The models were trained with differential privacy: ε={epsilon:.3g}, δ={delta:.3g} over all tables, for a row "
        "of a table without parents, or for a parent with its children. What was counted before (frequent categories, "
        "quantiles, forms of keys, numbers of rows) is not covered by that, nor are these measurements."
    )


def _table_statements(table: TablePrivacy) -> Iterator[str]:
    if table.copies_rows:
        yield (
            f"{table.name}: {table.exact_rows:.2%} of the rows are equal to a row of the fit; of real rows that it did "
            f"not see, {table.exact_rows_of_holdout:.2%} are."
        )
    if table.remembers and table.nearer_to_training is not None:
        yield (
            f"{table.name}: the model remembers. {table.nearer_to_training.value:.0%} of the rows are nearer to a row "
            "of the fit than to one that it did not see; chance gives 50 %."
        )
    if table.rare_leaks:
        columns = ", ".join(leak.column for leak in table.rare_leaks)
        yield f"{table.name}: values that few rows have appear in {columns}."
    if table.real_values:
        yield f"{table.name}: contains real values in {', '.join(table.real_values)}."


def privacy_report(
    training: DataSet,
    holdout: DataSet,
    synthetic: DataSet,
    *,
    seed: int = 0,
    k_min: int = K_MIN_ROWS,
    copied: Collection[str] = (),
    leaf_factor: int = 1,
    progress: ProgressReport | None = None,
    cancel: Callable[[], bool] | None = None,
) -> PrivacyReport:
    """Return how private rows are that a model made which was fitted on `training`, and did not see `holdout`.

    Of each table at most 10,000 synthetic rows are compared. `copied`: tables that are kept as they are. Raises
    TableError, Cancelled.
    """
    watch = Watch(progress, cancel)
    relations = [relation for relation in training.relations if relation.holds]
    sides = (
        LinkedTables.load(synthetic, relations),
        LinkedTables.load(training, relations),
        LinkedTables.load(holdout, ()),
    )
    found, lacking = [], []
    for done, table in enumerate(training.tables):
        watch.step("checking", table.name, done, len(training.tables))
        if table.name in copied:
            continue
        names = measured_names(training, table.schema)
        measured = table_privacy(table.name, names, sides, ReportSeed(seed), k_min)
        if measured is None:
            lacking.append(table.name)
        else:
            found.append(measured)
    notes = tuple(_notes(found))
    return PrivacyReport(tuple(found), tuple(lacking), tuple(copied), leaf_factor, seed, notes)


def _notes(tables: Sequence[TablePrivacy]) -> list[str]:
    return [
        f"{table.name}: {table.rows[0]:,} synthetic rows were compared with {table.rows[1]:,} rows of the fit and "
        f"{table.rows[2]:,} that it did not see."
        for table in tables
        if table.rows[0] >= PRIVACY_ROWS
    ]

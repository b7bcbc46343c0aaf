"""The resemblance report: whether rows repeat or nearly repeat real ones, of data that somebody else may have made.

It says less than a privacy report, which knows what the model has seen and what it has not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from filesync_dagster.tables.model import DataSet
from filesync_dagster.tables.synthetic.measures.columns import measured_names
from filesync_dagster.tables.synthetic.measures.linked_tables import LinkedTables, ReportSeed
from filesync_dagster.tables.synthetic.measures.table_resemblance import TableResemblance, table_resemblance
from filesync_dagster.tables.synthetic.options import ProgressReport, Watch
from filesync_dagster.tables.synthetic.privacy import NO_PROOF

REPORT_VERSION = 1
SEEN_UNKNOWN = (
    "Which real rows the model has seen is not known here: every real row counts as seen, and real rows are compared "
    "with each other to tell what is near."
)


@dataclass(frozen=True)
class ResemblanceReport:
    """What was measured, table by table. Tables that are too small say nothing and are named."""

    tables: tuple[TableResemblance, ...]
    not_measured: tuple[str, ...]
    seed: int

    @property
    def distant_rows(self) -> float | None:
        """The share of rows that are neither equal nor very near to a real one, in the worst table."""
        return min((table.distant_rows for table in self.tables), default=None)

    @property
    def statements(self) -> tuple[str, ...]:
        """What may be said, in words that promise no more than was measured."""
        found = [SEEN_UNKNOWN]
        for table in self.tables:
            if table.copies_rows:
                found.append(
                    f"{table.name}: {table.exact_rows:.2%} of the rows are equal to a real one; of real rows, "
                    f"{table.exact_rows_of_real:.2%} are equal to another."
                )
            if table.real_values:
                found.append(f"{table.name}: contains real values in {', '.join(table.real_values)}.")
        return (*found, NO_PROOF)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values, whose shape docs/quality-and-privacy.md describes."""
        return {
            "version": REPORT_VERSION,
            "statements": list(self.statements),
            "copies_rows": any(table.copies_rows for table in self.tables),
            "tables": [table.as_json() for table in self.tables],
            "not_measured": list(self.not_measured),
            "seed": self.seed,
        }


def resemblance_report(
    real: DataSet,
    synthetic: DataSet,
    *,
    seed: int = 0,
    progress: ProgressReport | None = None,
    cancel: Callable[[], bool] | None = None,
) -> ResemblanceReport:
    """Return how near synthetic rows are to real ones. Of each table at most 10,000 synthetic rows are compared.

    Raises TableError, Cancelled.
    """
    watch = Watch(progress, cancel)
    sides = LinkedTables.load(synthetic, ()), LinkedTables.load(real, ())
    found, lacking = [], []
    for done, table in enumerate(real.tables):
        watch.step("checking", table.name, done, len(real.tables))
        measured = table_resemblance(table.name, measured_names(real, table.schema), sides, ReportSeed(seed))
        if measured is None:
            lacking.append(table.name)
        else:
            found.append(measured)
    return ResemblanceReport(tuple(found), tuple(lacking), seed)

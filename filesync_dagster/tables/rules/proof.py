"""What proves a rule: the rows that it was found in, the share that satisfies it, and some that do not."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import duckdb

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables.model import Origin, TableRule
from filesync_dagster.tables.profile.database import one_row

SUPPORT_ROWS = 200
PROPOSED_SHARE = 0.995
EXAMPLES_COUNT = 5
_EXAMPLE_LETTERS = 200


@dataclass(frozen=True)
class Evidence:
    """Decides which rules hold, on all rows."""

    connection: duckdb.DuckDBPyConnection
    cancel: Callable[[], bool]

    def judge(self, rule: TableRule, relation: str, condition: str, shown: str) -> TableRule | None:
        """Return a rule with its proof, or None where it does not hold, or in too few rows to say so.

        `condition` is NULL for rows that it says nothing of; `shown` is what is shown of a row that breaks it.
        """
        if self.cancel():
            raise Cancelled("The search for rules was cancelled.", code="cancelled")
        support, kept = one_row(
            self.connection, f"SELECT count({condition}), count(*) FILTER ({condition}) FROM {relation}"
        )
        if support < SUPPORT_ROWS or kept < PROPOSED_SHARE * support:
            return None
        if kept == support:
            return replace(rule, origin=Origin.DETECTED, support=support, share=1.0)
        query = f"SELECT {shown} FROM {relation} WHERE NOT ({condition}) LIMIT {EXAMPLES_COUNT}"
        rows = self.connection.execute(query).fetchall()
        examples = tuple(", ".join(str(value) for value in row)[:_EXAMPLE_LETTERS] for row in rows)
        share = kept / support
        return replace(
            rule, origin=Origin.PROPOSED, enabled=False, support=support, share=share, counter_examples=examples
        )

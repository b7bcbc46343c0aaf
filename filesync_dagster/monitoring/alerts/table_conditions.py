"""What is wrong with sources of tables at a moment. Pure: everything it needs to know is given."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from filesync_dagster.config import AlertKind, tables_subject
from filesync_dagster.monitoring.alerts.condition import Condition

if TYPE_CHECKING:
    from filesync_dagster.tables.daily.status import SourceStatus


def table_conditions(status: "SourceStatus") -> Iterator[Condition]:
    """Yield what is wrong with one source of tables."""
    if not status.is_active:
        return
    name, last, held = tables_subject(status.name), status.last, status.held
    if last is not None and last.state == "failed":
        hint = f"`filesync tables store {status.name}` tries again at once."
        yield Condition(name, AlertKind.TABLES_FAILED, last.error or "The read failed.", hint, last.run_id)
    if held is not None:
        sentence = " ".join(held.findings.get("objections", ())) or "A read is held by the guard."
        hint = f"`filesync approve {name}` believes it, `filesync reject {name}` forgets it."
        yield Condition(name, AlertKind.TABLES_HELD, sentence, hint, held.run_id)
    if status.is_stale and status.good is not None:
        sentence = f"Its last successful read was at {status.good.finished_at:%Y-%m-%d %H:%M} UTC."
        hint = "Is the Dagster daemon running, with its schedules on? `filesync status` shows what the last read said."
        yield Condition(name, AlertKind.TABLES_STALE, sentence, hint)

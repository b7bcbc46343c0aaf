"""One thing that is wrong, and its words."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from filesync_dagster.config import AlertKind


@dataclass(frozen=True)
class Condition:
    """One thing that is wrong."""

    subject: str
    kind: AlertKind
    sentence: str
    hint: str = ""
    run_id: str | None = None
    since: datetime | None = None  # None: since it is seen

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from others."""
        return self.subject, self.kind.value


def span_text(span: timedelta) -> str:
    """Return a length of time in words.

    >>> span_text(timedelta(minutes=20)), span_text(timedelta(hours=1.5)), span_text(timedelta(days=3, hours=4))
    ('20 minutes', '90 minutes', '76 hours')
    """
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} minutes" if minutes < 120 else f"{round(minutes / 60)} hours"  # noqa: PLR2004 - two hours

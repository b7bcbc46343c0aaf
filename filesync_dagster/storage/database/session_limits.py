"""How much may wait to be worked on: whoever counts, to add one more, is alone with the database meanwhile."""

from sqlalchemy import Connection, text

from filesync_dagster.core.errors import LimitReached
from filesync_dagster.storage.database.database import Database

QUEUE_WAIT_SECONDS = 30
"""When whoever found the queue full may ask again."""

_LOCK = 0x66696C6573657373
"""The key of PostgreSQL's advisory lock."""


class TooManySessions(LimitReached):
    """Enough generations or exports wait, or were asked for; `wait_seconds`: when it is worth while to ask again."""

    def __init__(self, message: str, *, code: str, wait_seconds: int) -> None:
        super().__init__(message, hint=f"Try again in {wait_seconds:,} seconds.", code=code)
        self.wait_seconds = wait_seconds


def be_alone(database: Database, connection: Connection) -> None:
    """Let nobody else count what waits until this transaction ends; on SQLite nobody can."""
    if not database.is_sqlite:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def require_queue(waiting: int, queued_max: int, what: str) -> None:
    """Raise TooManySessions (`too_many_queued`) when so many wait that one more may not."""
    if waiting >= queued_max:
        raise TooManySessions(
            f"{queued_max} {what} wait already.", code="too_many_queued", wait_seconds=QUEUE_WAIT_SECONDS
        )

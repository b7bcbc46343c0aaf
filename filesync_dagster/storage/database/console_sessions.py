"""Who is signed in at the console, and the one-time links. Only digests are here: what is read opens nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, or_, select, update

from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.tables import console_codes, console_sessions

USED_INTERVAL = timedelta(minutes=1)
"""How exactly it is noted when a session was used: a console that polls costs one write a minute."""


@dataclass(frozen=True)
class ConsoleSessionRecord:
    """Somebody who is signed in."""

    digest: str
    binding: str
    role: str
    user_agent: str
    created_at: datetime
    used_at: datetime


class ConsoleSessionRepository:
    """Sessions and one-time codes of the console. All times are those of the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, digest: str, binding: str, role: str, user_agent: str) -> None:
        """Note that somebody signed in."""
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            row = {"digest": digest, "binding": binding, "role": role, "user_agent": user_agent}
            connection.execute(insert(console_sessions).values(**row, created_at=now, used_at=now))

    def find(self, digest: str, *, idle: timedelta, lifetime: timedelta) -> ConsoleSessionRecord | None:
        """Return a session that is neither idle nor old for too long, and note that it is used."""
        table = console_sessions.c
        with self._database.read_transaction() as connection:
            row = connection.execute(select(console_sessions).where(table.digest == digest)).mappings().first()
            now = self._database.now(connection)
        if row is None:
            return None
        found = ConsoleSessionRecord(**row)
        if now - found.used_at >= idle or now - found.created_at >= lifetime:
            return None
        if now - found.used_at >= USED_INTERVAL:
            with self._database.write_transaction(fleeting=True) as connection:
                connection.execute(update(console_sessions).where(table.digest == digest).values(used_at=now))
        return found

    def end(self, digest: str) -> None:
        """Sign a session out."""
        with self._database.write_transaction() as connection:
            connection.execute(delete(console_sessions).where(console_sessions.c.digest == digest))

    def current(self, *, idle: timedelta, lifetime: timedelta) -> list[ConsoleSessionRecord]:
        """Return who is signed in, whoever was there last first."""
        table = console_sessions.c
        with self._database.read_transaction() as connection:
            now = self._database.now(connection)
            fresh = (table.used_at > now - idle, table.created_at > now - lifetime)
            query = select(console_sessions).where(*fresh).order_by(table.used_at.desc(), table.digest)
            return [ConsoleSessionRecord(**row) for row in connection.execute(query).mappings()]

    def end_like(self, start: str) -> int:
        """Sign out sessions whose digest begins like this; return how many there were."""
        with self._database.write_transaction() as connection:
            gone = delete(console_sessions).where(console_sessions.c.digest.startswith(start, autoescape=True))
            return connection.execute(gone).rowcount

    def end_all(self) -> int:
        """Sign everybody out, and let no link sign anybody in; return how many sessions there were."""
        with self._database.write_transaction() as connection:
            connection.execute(delete(console_codes))
            return connection.execute(delete(console_sessions)).rowcount

    def offer(self, digest: str, role: str, lifetime: timedelta) -> None:
        """Note a code that signs somebody in, once."""
        with self._database.write_transaction() as connection:
            expires = self._database.now(connection) + lifetime
            connection.execute(insert(console_codes).values(digest=digest, role=role, expires_at=expires))

    def redeem(self, digest: str) -> str | None:
        """Use a code up; return the role that it gives, None for one that is unknown, used or too old."""
        table = console_codes.c
        with self._database.write_transaction() as connection:
            taking = delete(console_codes).where(table.digest == digest).returning(table.role, table.expires_at)
            row = connection.execute(taking).first()
            return str(row.role) if row and row.expires_at > self._database.now(connection) else None

    def prune(self, *, idle: timedelta, lifetime: timedelta) -> int:
        """Forget sessions and codes that are over; return how many."""
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            table = console_sessions.c
            over = or_(table.used_at < now - idle, table.created_at < now - lifetime)
            gone = connection.execute(delete(console_sessions).where(over)).rowcount
            return gone + connection.execute(delete(console_codes).where(console_codes.c.expires_at < now)).rowcount

"""One connection to a server, opened when it is needed, over which many calls go at once. Thread-safe."""

import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

import asyncssh

from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import credential_hash
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.connectors.sftp.details import SftpDetails
from filesync_dagster.connectors.sftp.errors import error_of
from filesync_dagster.connectors.sftp.keys import (
    CHECK_HOST,
    HostKeyWitness,
    client_keys,
    fingerprints_of,
    trusted_keys,
)
from filesync_dagster.connectors.sftp.loop import AnswerOverdue, AnswerProgress, Deadline, LoopThread, answer_of
from filesync_dagster.core.errors import ProtocolViolation, SourceError
from filesync_dagster.core.model import Meter, from_storable_text

Answer = TypeVar("Answer")
Ask: TypeAlias = Callable[[asyncssh.SFTPClient, AnswerProgress], Coroutine[Any, Any, Answer]]

LEAST_PER_SECOND: Final = 100.0  # entries of a folder
KEEPALIVE_SECONDS: Final = 15.0
CLOSE_SECONDS: Final = 2.0


class SftpSession:
    """Asks one server."""

    def __init__(self, details: SftpDetails, meter: Meter, policy: RetryPolicy | None) -> None:
        self._details = details
        self.server = f"{details.username}@{details.host}" + (f":{details.port}" if details.port != 22 else "")  # noqa: PLR2004 - SSH's
        self.calls = Calls(meter, tenant_of(credential_hash("sftp", self.server, str(details.port))), policy)
        self._loop = LoopThread("sftp-loop")
        self._lock = threading.Lock()
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    def call(self, ask: Ask[Answer], where: str, *, stopped: Callable[[], bool] = never) -> Answer:
        """Return the answer to one question, asked again where that can help. Raises SourceError.

        What hangs is asked again over a connection of its own: others must not wait behind it.
        """
        overdue = False

        def attempt() -> Answer:
            nonlocal overdue
            try:
                return self._alone(ask, where, stopped) if overdue else self.once(ask, where, stopped=stopped)
            except AnswerOverdue:
                overdue = True
                raise

        return self.calls(attempt, stopped=stopped)

    def once(self, ask: Ask[Answer], where: str, *, stopped: Callable[[], bool] = never) -> Answer:
        """Return the answer to one question. Raises SourceError."""
        client = self._connected()
        try:
            return self._asked(client, ask, where, stopped)
        except AnswerOverdue:
            # OpenSSH's server answers one after the other: behind what hangs nothing else would come.
            self._give_up(client)
            raise

    def _alone(self, ask: Ask[Answer], where: str, stopped: Callable[[], bool]) -> Answer:
        connection, client = self._connect()
        try:
            return self._asked(client, ask, where, stopped)
        finally:
            self._end(connection)

    def _asked(self, client: asyncssh.SFTPClient, ask: Ask[Answer], where: str, stopped: Callable[[], bool]) -> Answer:
        progress, deadline = AnswerProgress(), Deadline(self._details.read_timeout, LEAST_PER_SECOND)
        return self._answer(ask(client, progress), deadline, where, progress=progress, stopped=stopped)

    def let_go(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Do something that gives back what the server keeps for us, unless the connection is gone with it."""
        with self._lock:
            connection = self._connection
        if connection is not None and not connection.is_closed():
            self._attempt(work())

    def path_of(self, path: str) -> bytes:
        """Return the server's path for one below the top of the endpoint."""
        top = self._details.path.encode()
        return b"/".join([top.rstrip(b"/") or b"", from_storable_text(path)]) if path else top

    def where(self, path: str) -> str:
        """Return what a path is called in messages."""
        return f"{path} at {self.server}" if path else f"The folder {self._details.path} at {self.server}"

    def close(self) -> None:
        """Close the connection, and the thread behind it. Idempotent."""
        with self._lock:
            connection, self._connection, self._client = self._connection, None, None
        if connection is not None:
            self._end(connection)
        self._loop.close()

    def _connected(self) -> asyncssh.SFTPClient:
        with self._lock:
            connection = self._connection
            if self._client is None or connection is None or connection.is_closed():
                if connection is not None:
                    self._end(connection)
                self._connection = self._client = None
                self._connection, self._client = self._connect()
            return self._client

    def _give_up(self, client: asyncssh.SFTPClient) -> None:
        with self._lock:
            if self._client is not client or self._connection is None:
                return
            connection, self._connection, self._client = self._connection, None, None
        self._end(connection)

    def _connect(self) -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
        """Open a connection. Raises SourceError."""
        details, witness = self._details, HostKeyWitness(fingerprints_of(self._details))
        known, keys = trusted_keys(details), client_keys(details)

        async def connect() -> tuple[asyncssh.SSHClientConnection, asyncssh.SFTPClient]:
            connection = await asyncssh.connect(
                details.host,
                details.port,
                config=None,
                known_hosts=known,
                client_factory=lambda: witness,
                username=details.username,
                password=details.password.get_secret_value() if details.password is not None else None,
                client_keys=keys or None,
                agent_path=None,
                gss_host=None,
                compression_algs=None,
                connect_timeout=details.connect_timeout,
                login_timeout=details.connect_timeout,
                keepalive_interval=KEEPALIVE_SECONDS,
            )
            try:
                return connection, await connection.start_sftp_client(path_encoding=None, sftp_version=3)
            except BaseException:
                connection.abort()
                raise

        deadline = Deadline(2 * details.connect_timeout + details.read_timeout, LEAST_PER_SECOND)
        try:
            return self._answer(connect(), deadline, self.server, progress=AnswerProgress(), stopped=never)
        except SourceError as exc:
            if isinstance(exc.__cause__, asyncssh.HostKeyNotVerifiable):
                shown = f"{witness.shown} is not known as its key" if witness.shown else "its key is not the known one"
                raise ProtocolViolation(f"{self.server} cannot prove who it is: {shown}.", hint=CHECK_HOST) from exc
            raise

    def _answer(self, work: Coroutine[Any, Any, Answer], deadline: Deadline, where: str, **how: Any) -> Answer:
        future = self._loop.submit(work)
        try:
            return answer_of(future, deadline, where, **how)
        except SourceError:
            raise
        except Exception as exc:
            raise error_of(where, exc) from exc

    def _end(self, connection: asyncssh.SSHClientConnection) -> None:
        async def end() -> None:
            connection.abort()
            await connection.wait_closed()

        self._attempt(end())

    def _attempt(self, work: Coroutine[Any, Any, object]) -> None:
        """Wait a little for something that may as well fail."""
        with suppress(SourceError):
            self._answer(
                work, Deadline(CLOSE_SECONDS, LEAST_PER_SECOND), self.server, progress=AnswerProgress(), stopped=never
            )

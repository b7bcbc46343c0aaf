"""What all requests share: the configuration as it is now, the token, Dagster's web server."""

from __future__ import annotations

import hmac
import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from filesync_dagster.api import Filesync
from filesync_dagster.config import installation_id, read_environment
from filesync_dagster.core.encryption import SecretBox, secret_keys
from filesync_dagster.core.errors import ConfigError, ServiceError
from filesync_dagster.core.logging import event
from filesync_dagster.core.secrets import secrets_manager, with_secrets
from filesync_dagster.orchestration.client import DagsterClient, nowhere, read_url
from filesync_dagster.tables.catalog.dispatch import ReadDispatcher
from filesync_dagster.tables.catalog.upload_tables import UploadTables
from filesync_dagster.tables.sessions.dispatch import SessionDispatcher
from filesync_dagster.tables.sessions.secrets import SessionSecrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filesync_dagster.config import Endpoint
    from filesync_dagster.core.secrets import Resolve
    from filesync_dagster.sync.runtime import Runtime

EDIT_CHECK_SECONDS = 1.0
"""Seconds between two looks at whether endpoints.yaml was edited."""

RELOAD_WAIT_SECONDS = 2.0
"""Seconds that requests wait for an edit to be read; after that they are answered as before it."""

SECRET_RETRY_SECONDS = 60.0
"""Seconds after which a secret is fetched again that does not fit, or could not be had: it may have been rotated."""


@dataclass(frozen=True)
class _Fetched:
    """A secret, when it was last tried to fetch it, and whether that failed."""

    at: float
    secret: str | None
    failed: bool = False


@dataclass
class _Opened:
    """An opened configuration, and how many requests are using it."""

    filesync: Filesync
    mark: tuple[int, int, int] | None
    users: int = 0
    secrets: dict[str, _Fetched] = field(default_factory=dict)


@dataclass(frozen=True)
class _Reload:
    """An edit that is being read."""

    waited_for_until: float
    done: threading.Event = field(default_factory=threading.Event)


class ConfigHolder:
    """The configuration as it is now: an edit of endpoints.yaml is seen by the next request.

    What cannot be used is as it was when it last could. Requests that began with an older one finish with it.
    """

    def __init__(self, path: Path, *, secrets: Resolve | None = None) -> None:
        self.path = path
        self._resolve = secrets or secrets_manager()
        self._lock = threading.Lock()
        self._opened: _Opened | None = None
        self._reload: _Reload | None = None
        self._looked = 0.0

    @property
    def mark(self) -> tuple[int, int, int] | None:
        """What tells an edit of the file that is current from the one before; None while none was read."""
        with self._lock:
            return self._opened.mark if self._opened else None

    @contextmanager
    def acquire(self) -> Iterator[Filesync]:
        """Lend what is current. Raises ConfigError when nothing of it could ever be used."""
        opened = self._borrow()
        try:
            yield opened.filesync
        finally:
            self._give_back(opened)

    def webhook_secret(self, endpoint: Endpoint, *, doubted: bool = False) -> str | None:
        """Return what whoever calls the webhook of an endpoint proves to know; None when there is none.

        `doubted`: what is known does not fit, so it is fetched again, at most once a minute. Raises ServiceError, for
        strangers to read, when it is in a secrets manager that does not give it.
        """
        opened = self._borrow()
        try:
            known = opened.secrets.get(endpoint.name)
            if known is None or ((doubted or known.failed) and time.monotonic() > known.at + SECRET_RETRY_SECONDS):
                known = opened.secrets[endpoint.name] = self._fetched(endpoint, known.secret if known else None)
        finally:
            self._give_back(opened)
        if known.failed and known.secret is None:
            raise ServiceError("Nobody can be recognised now.", hint="Try again later.")
        return known.secret

    def _fetched(self, endpoint: Endpoint, before: str | None) -> _Fetched:
        began = time.monotonic()
        try:
            secret = with_secrets(endpoint.webhook, self._resolve).secret
        except ConfigError as error:
            event("webhook.no_secret", level=logging.ERROR, endpoint=endpoint.name, error=str(error))
            return _Fetched(began, before, failed=True)
        return _Fetched(began, (secret.get_secret_value() or None) if secret else None)

    def close(self) -> None:
        """Release the database, once nobody uses it."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened:
            self._retire(opened)

    def _borrow(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                self._opened = self._open(None)
            elif self._reload is None and self._was_edited(self._opened):
                self._reload = _Reload(time.monotonic() + RELOAD_WAIT_SECONDS)
                threading.Thread(target=self._read_again, args=(self._reload, self._opened), daemon=True).start()
            reload = self._reload
        if reload is not None:
            reload.done.wait(max(0.0, reload.waited_for_until - time.monotonic()))
        with self._lock:
            if self._opened is None:
                self._opened = self._open(None)
            self._opened.users += 1
            return self._opened

    def _read_again(self, reload: _Reload, before: _Opened) -> None:
        """Take over an edit, however long it takes to read: requests go on with what there was."""
        try:
            opened = self._open(before)
            with self._lock:
                taken = self._opened is before  # else it was closed meanwhile
                self._opened = opened if taken else self._opened
            self._retire(before if taken else opened)
        finally:
            with self._lock:
                self._reload = None
            reload.done.set()

    def _give_back(self, opened: _Opened) -> None:
        with self._lock:
            opened.users -= 1
        self._retire(opened)

    def _retire(self, opened: _Opened) -> None:
        with self._lock:
            over = opened is not self._opened and not opened.users
        if over:
            opened.filesync.close()

    def _was_edited(self, opened: _Opened) -> bool:
        if time.monotonic() < self._looked + EDIT_CHECK_SECONDS:
            return False
        self._looked = time.monotonic()
        return _mark(self.path) != opened.mark

    def _open(self, before: _Opened | None) -> _Opened:
        mark = _mark(self.path)
        try:
            opened = _Opened(Filesync.open(self.path, last_good=True), mark)
        except ConfigError as error:
            if before is None:
                raise
            event("config.unusable", path=str(self.path), error=str(error))
            before.mark = mark
            return before
        event("config.read", path=str(self.path), problems=len(opened.filesync.config.problems))
        return opened


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


@dataclass(frozen=True)
class Site:
    """See the module's docstring."""

    current: ConfigHolder
    home: Path  # where a `filesync up` says where it serves
    token: str | None = field(default=None, repr=False)
    dagster_url: str | None = None
    reads: ReadDispatcher = field(default_factory=ReadDispatcher, init=False, repr=False)
    upload_tables: UploadTables = field(default_factory=UploadTables, init=False, repr=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    """Set once nobody is to be kept waiting any more."""
    session_wanted: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    """Set when a generation waits: whoever dispatches them looks at once."""
    dispatching: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    """Set while somebody dispatches generations."""
    _clients: dict[tuple[str, str | None], DagsterClient] = field(default_factory=dict, init=False, repr=False)

    @property
    def known_dagster(self) -> str | None:
        """Where Dagster's web server is, as far as anybody said: health does not ask one of which nobody did."""
        return self.dagster_url or read_url(self.home)

    @property
    def dagster(self) -> DagsterClient:
        """Where runs are launched. Raises DagsterUnreachable when nobody said where that is."""
        url, installation = self.known_dagster, self.installation
        if url is None:
            raise nowhere(self.home)
        if (url, installation) not in self._clients:
            self._clients[url, installation] = DagsterClient(url, installation)
        return self._clients[url, installation]

    @property
    def installation(self) -> str | None:
        """The id by which Dagster proves to be ours, as of now: the first start of Dagster makes it."""
        return installation_id(read_environment(self.current.path, home=self.home))

    @cached_property
    def session_secrets(self) -> SessionSecrets:
        """Secrets of generations that wait. Raises ConfigError for a key that is none."""
        with self.current.acquire() as filesync:
            return SessionSecrets(SecretBox(secret_keys(filesync.config.environment.secret_key)))

    @contextmanager
    def lend_runtime(self) -> Iterator[Runtime]:
        """Lend what is current, as generations need it. Raises ConfigError."""
        with self.current.acquire() as filesync:
            yield filesync.runtime

    def new_dispatcher(self) -> SessionDispatcher:
        """Return what works through generations that wait, once it is started."""
        return SessionDispatcher(self.lend_runtime, lambda: self.session_secrets, self.session_wanted, self.dispatching)

    def resume_reads(self) -> None:
        """Go on with the reads of data sources that a server before this one left. Raises ConfigError."""
        with self.lend_runtime() as runtime:
            self.reads.tidy(runtime)

    def wake_dispatcher(self) -> None:
        """Have generations that wait looked for at once."""
        self.session_wanted.set()

    @property
    def has_dispatcher(self) -> bool:
        """Whether somebody here works on generations."""
        return self.dispatching.is_set()

    def knows(self, token: str | None) -> bool:
        """Tell whether this is the token of the API. Takes as long for a wrong one as for the right one."""
        return self.token is not None and token is not None and same(token, self.token)

    def close(self) -> None:
        """Release what was opened, and end what is being read."""
        self.upload_tables.close()
        self.reads.close()
        self.current.close()
        for client in self._clients.values():
            client.close()


def same(given: str, expected: str) -> bool:
    """Compare two secrets in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), expected.encode())

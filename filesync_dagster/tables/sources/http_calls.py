"""Requests of a source to a service over HTTP: guarded, bounded, patient with 429 and 5xx."""

import hashlib
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self

import httpx

from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.connectors.rest.errors import BadRequest, ErrorTable, error_for
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, NotFound, SourceError
from filesync_dagster.core.http import BoundedClient
from filesync_dagster.core.model import Meter
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.refusals import refusal_of
from filesync_dagster.tables.sources.wire import CONNECT_SECONDS, READ_SECONDS, GuardedTransport, usual_certificates

ERRORS: Final = ErrorTable(
    codes={},
    statuses={
        400: (BadRequest, ""),
        401: (AuthenticationFailed, ""),
        403: (AccessDenied, ""),
        404: (NotFound, ""),
        405: (BadRequest, ""),
        410: (NotFound, ""),
        422: (BadRequest, ""),
    },
    unknown_hint="",
)
TEST_POLICY: Final = RetryPolicy(attempts=1, unreachable_attempts=1, timeout=8.0)
READ_POLICY: Final = RetryPolicy(attempts=6, unreachable_attempts=3, timeout=600.0, retry_after_max=120.0)


class HttpCalls:
    """Asks one service. `what` names it, `field` is the setting that has its address; `fields`: others, by code."""

    def __init__(
        self,
        guard: AddressGuard,
        what: str,
        *,
        field: str,
        fields: Mapping[str, str],
        policy: RetryPolicy = READ_POLICY,
        seconds: float = READ_SECONDS,
    ) -> None:
        self._what = what
        self._fields = {"unreachable": field, "timeout": field, "tls": field, "protocol": field, **fields}
        timeout = httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds))
        transport = GuardedTransport(guard, field=field)
        self._client = BoundedClient(
            transport=transport, timeout=timeout, verify=usual_certificates(), follow_redirects=False
        )
        tenant = tenant_of(hashlib.sha256(f"{what} {id(self)}".encode()).hexdigest())
        self._calls = Calls(Meter(), tenant, policy)
        self._stop = threading.Event()

    def ask(
        self,
        method: str,
        url: str,
        deadline: SourceDeadline,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Return a good answer, all of it. What is sent only asks, so it may be repeated. Raises SourceRefused."""

        def once() -> httpx.Response:
            deadline.check(self._what)
            with httpx_border(self._what):
                answer = self._client.request(
                    method,
                    url,
                    params=dict(params or {}) or None,
                    headers=dict(headers or {}),
                    json=body,
                    data=form and dict(form),
                )
            if answer.is_success:
                return answer
            wait = answer.headers.get("retry-after")
            raise error_for(self._what, answer.status_code, ERRORS, retry_after=wait)

        try:
            return self._calls(once, stopped=lambda: self._stop.is_set() or not deadline.left)
        except SourceError as error:
            deadline.check(self._what)
            raise refusal_of(error, self._what, self._fields) from None

    def close(self) -> None:
        """Close the connections; whoever waits for an answer gets none."""
        self._stop.set()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

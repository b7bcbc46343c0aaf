"""The calls of the file manager's protocol: repeated where that can help, and their answers judged."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from filesync_dagster.connectors.file_manager.answers import (
    INTERNAL_SERVER_ERROR,
    REFUSED,
    SaveAnswer,
    read_document,
    read_save_answer,
    refusal_error,
    same_path,
)
from filesync_dagster.connectors.file_manager.details import FileManagerDetails
from filesync_dagster.connectors.file_manager.forms import UploadForm
from filesync_dagster.connectors.rest.answers import Answer
from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import httpx_border, pooled_client
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import credential_hash
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import Meter

CONNECTIONS: Final = 64
MAX_SERVER_ERRORS: Final = 2
"""How often a call is repeated that is answered by 500, which may be a refusal in disguise."""


@dataclass(frozen=True, slots=True)
class SaveCall:
    """One call of `saveToDisk`."""

    operation: str
    path: str
    new_path: str | None = None
    size: int | None = None
    file_type: str | None = None
    metadata: str | None = None  # JSON

    def fields(self) -> dict[str, str]:
        """Return the fields of its form; those without a value are left out."""
        known = {
            "operation": self.operation,
            "file_path": self.path,
            "new_path": self.new_path,
            "size": None if self.size is None else str(self.size),
            "file_type": self.file_type,
            "metadata": self.metadata,
        }
        return {name: value for name, value in known.items() if value}


@dataclass(slots=True)
class ServerErrors:
    """How often something was answered by 500, over all attempts."""

    count: int = field(default=0)

    def note(self, error: Exception) -> None:
        """Count one. Raises ProtocolViolation when that is enough."""
        self.count += 1
        if self.count > MAX_SERVER_ERRORS:
            raise ProtocolViolation(f"{error} It did so {self.count} times.", hint=REFUSED) from error


class FileManagerApi:
    """Asks one server. Thread-safe."""

    def __init__(
        self,
        details: FileManagerDetails,
        meter: Meter,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        token = details.token.get_secret_value() if details.token else None
        self._base = details.base_url
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = pooled_client(details, connections=CONNECTIONS, wire=wire)
        self._calls = Calls(meter, tenant_of(credential_hash("file_manager", details.base_url, token)), policy)

    def check_health(self) -> None:
        """Ask whether the server is well; only the status of its answer counts. Raises SourceError."""
        self._ask(lambda: self._client.get(f"{self._base}/", headers=self._headers), "The file manager", judge=_believe)

    def save(self, call: SaveCall) -> SaveAnswer:
        """Make a call without a file. Raises SourceError."""
        where = f"{call.operation} of {call.path}"
        answer = self._post("/saveToDisk", call.fields(), where)
        return read_save_answer(answer, where, call.operation, call.path, None)

    def upload(self, call: SaveCall, filename: str, content: bytes) -> SaveAnswer:
        """Make a call with the content of a file, repeated where that can help. Raises SourceError."""
        form = UploadForm(call.fields(), filename, call.file_type or "", call.size)
        body = form.whole(content)
        return self._send(call, lambda: self._client.post(**self._request(form), content=body))

    def upload_stream(
        self, call: SaveCall, filename: str, content: Iterable[bytes], failures: ServerErrors
    ) -> tuple[UploadForm, Callable[[], SaveAnswer]]:
        """Return the form of a content that comes once, and what sends it: repeated only as long as nothing was read.

        `failures`: how often the same was answered by 500 before.
        """
        form = UploadForm(call.fields(), filename, call.file_type or "", call.size)
        begun = False

        def blocks() -> Iterable[bytes]:
            nonlocal begun
            begun = True
            yield from form.blocks(content)

        def send() -> SaveAnswer:
            return self._send(
                call,
                lambda: self._client.post(**self._request(form), content=blocks()),
                stopped=lambda: begun,
                failures=failures,
            )

        return form, send

    def permissions(self, path: str, wanted: Mapping[str, str]) -> Answer:
        """Set what may be done with a file, as far as it is said; return what is so then. Raises SourceError."""
        where = f"The permissions of {path}"
        answer = self._post("/updatePermissions", {"file_path": path, **wanted}, where)
        told = answer.get("file_path")
        if not isinstance(told, str) or not same_path(told, path):
            raise ProtocolViolation(f"{where} were answered by those of {str(told)[:200]!r}.", hint=REFUSED)
        return answer

    def events(self, count: int) -> list[Any]:
        """Return what the server tells that was done. Raises SourceError."""
        where = "The list of events"
        url = f"{self._base}/pubSubFullList"
        answer = self._ask(
            lambda: self._client.get(url, params={"count": count}, headers=self._headers), where, judge=read_document
        )
        events = answer.get("events")
        if not isinstance(events, list):
            raise ProtocolViolation(f"{where} has no `events`.", hint=REFUSED)
        return events

    def report(self, report: Mapping[str, Any]) -> None:
        """Tell what came of a run; only the status of the answer counts. Raises SourceError."""
        url = f"{self._base}/reportResults"
        self._ask(
            lambda: self._client.post(url, json=dict(report), headers=self._headers), "The report", judge=_believe
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _request(self, form: UploadForm) -> dict[str, Any]:
        return {"url": f"{self._base}/saveToDisk", "headers": {**self._headers, **form.headers}}

    def _post(self, path: str, fields: Mapping[str, str], where: str) -> Answer:
        url = f"{self._base}{path}"
        return self._ask(
            lambda: self._client.post(url, data=dict(fields), headers=self._headers), where, judge=read_document
        )

    def _send(
        self,
        call: SaveCall,
        send: Callable[[], httpx.Response],
        *,
        stopped: Callable[[], bool] = never,
        failures: ServerErrors | None = None,
    ) -> SaveAnswer:
        where = f"{call.operation} of {call.path}"
        answer = self._ask(send, where, judge=read_document, stopped=stopped, failures=failures)
        return read_save_answer(answer, where, call.operation, call.path, call.size)

    def _ask(
        self,
        send: Callable[[], httpx.Response],
        where: str,
        *,
        judge: Callable[[httpx.Response, str], Answer],
        stopped: Callable[[], bool] = never,
        failures: ServerErrors | None = None,
    ) -> Answer:
        """Return what `judge` makes of a good answer. Raises SourceError."""
        errors = failures or ServerErrors()

        def once() -> Answer:
            with httpx_border(where):
                answer = send()
            if answer.is_success:
                return judge(answer, where)
            error = refusal_error(answer, where)
            if answer.status_code == INTERNAL_SERVER_ERROR:
                errors.note(error)
            raise error

        return self._calls(once, stopped=stopped)


def _believe(answer: httpx.Response, where: str) -> Answer:
    return {}

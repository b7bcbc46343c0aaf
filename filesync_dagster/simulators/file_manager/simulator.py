"""The server: forms are read as they come, and a call passes the plan of faults on its way to what it asks for."""

import hmac
import json
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

from filesync_dagster.simulators.file_manager.disk import ReceivedFile
from filesync_dagster.simulators.file_manager.mock import MockBackend
from filesync_dagster.simulators.file_manager.operations import (
    Backend,
    Document,
    Invalid,
    RealBackend,
    answer_events,
    answer_health,
    answer_permissions,
    answer_report,
    answer_save,
    read_save_request,
)
from filesync_dagster.simulators.file_manager.store import FileManagerStore
from filesync_dagster.simulators.kit.control import CONTROL_PATH, answer_control
from filesync_dagster.simulators.kit.fault_injection import ANYWHERE, CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.forms import BrokenForm, FilePart, FormReader, form_reader
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer, Request, send_answer

FAULTS: Final = ANYWHERE | {Fault.BREAK_UPLOAD, Fault.LOSE_ANSWER, Fault.DENY, Fault.EXPIRE_TOKEN}
MAX_JSON_BYTES: Final = 8 << 20
PATHS: Final = {
    "/": "GET", "/saveToDisk": "POST", "/updatePermissions": "POST", "/pubSubFullList": "GET", "/reportResults": "POST"
}  # fmt: skip


class ClientGone(Exception):
    """The connection broke before all of the request was there."""


@dataclass
class _Body:
    """What a request brought."""

    form: FormReader
    raw: bytearray = field(default_factory=bytearray)
    part: FilePart | None = None
    file: ReceivedFile | None = None

    def discard(self) -> None:
        if self.file is not None:
            self.file.discard()


class FileManagerSimulator:
    """A file manager below a root. Thread-safe. `mock`: it answers like the public mock, and stores nothing.

    `counts` tells how often each operation was called: those of `saveToDisk` by their names, the others by their paths.
    """

    def __init__(
        self, root: Path, *, token: str | None = None, plan: FaultPlan | None = None, mock: bool = False, seed: int = 0
    ) -> None:
        self.plan = plan or FaultPlan()
        unknown = {rule.fault for rule in self.plan.rules} - FAULTS
        if unknown:
            raise ValueError(f"The file manager cannot do {', '.join(sorted(unknown))}.")
        self.store = FileManagerStore(root)
        self.counts: Counter[str] = Counter()
        self._backend: Backend = MockBackend(seed) if mock else RealBackend(self.store)
        self.token = token

    def close(self) -> None:
        """Close the store."""
        self.store.close()

    def asgi(self, stopping: threading.Event | None = None) -> Callable[..., Any]:
        """Return it as an ASGI application."""

        async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
            try:
                answer = await self._answer(scope, receive)
            except ClientGone:
                return
            await send_answer(answer, scope, receive, send, stopping)

        return application

    async def _answer(self, scope: dict[str, Any], receive: Any) -> Answer:
        from starlette.concurrency import run_in_threadpool

        request = _head(scope)
        blocks = _blocks(receive)
        if request.path.startswith(CONTROL_PATH):
            return answer_control(self.store, request, ())
        refusal = self._refusal(request)
        if refusal is not None:
            await _drain(blocks)  # who is still sending does not read an answer
            return refusal
        body = _Body(_NoReader())
        try:
            self._prepare(body, request)
            async for block in blocks:
                _feed(body, request, block)
            return await run_in_threadpool(self._perform, request, body)
        except BrokenForm as error:
            await _drain(blocks)
            return _answer(400, {"detail": str(error) or "There was an error parsing the body"})
        except _BrokenUpload:
            return Answer(fault=Fault.DISCONNECT.value)
        finally:
            body.discard()

    def _refusal(self, request: Request) -> Answer | None:
        """Return the answer to a request that is for nothing here, or by nobody who is known."""
        if request.path not in PATHS:
            return _answer(404, {"detail": "Not Found"})
        if request.method != PATHS[request.path]:
            return _answer(405, {"detail": "Method Not Allowed"}, {"allow": PATHS[request.path]})
        sent = request.headers.get("authorization", "")
        if self.token and not hmac.compare_digest(sent.encode(), f"Bearer {self.token}".encode()):
            return _answer(401, {"detail": "Not authenticated"}, {"www-authenticate": "Bearer"})
        return None

    def _prepare(self, body: _Body, request: Request) -> None:
        """Choose what reads the body of a request."""

        def open_file(part: FilePart) -> ReceivedFile:
            if part.name != "file" or body.file is not None:
                raise BrokenForm("There is one file, and its field is named file.")
            if self._faults(request, body).strike({Fault.BREAK_UPLOAD}):
                raise _BrokenUpload
            body.part, body.file = part, self.store.receive_file()
            return body.file

        if request.path in {"/saveToDisk", "/updatePermissions"}:
            body.form = form_reader(request.headers.get("content-type", ""), open_file)

    def _perform(self, request: Request, body: _Body) -> Answer:
        try:
            body.form.finish()
        except BrokenForm as error:
            return _answer(400, {"detail": str(error)})
        faults = self._faults(request, body)
        faults.strike(FAULTS - {Fault.BREAK_UPLOAD})
        with self.store.lock:
            self.counts[faults.operation] += 1
        instead = faults.instead() or _refused(faults)
        if instead:
            return instead
        answer = self._done(request, body)
        rule = faults.rule(Fault.LOSE_ANSWER)
        if rule:
            return _refusal_of(rule, rule.status) if rule.status else Answer(fault=Fault.DISCONNECT.value)
        return faults.distort(answer)

    def _done(self, request: Request, body: _Body) -> Answer:
        try:
            return _answer(200, self._document(request, body))
        except Invalid as error:
            return _answer(422, {"detail": error.problems})
        except Refusal as refusal:
            return _answer(refusal.status, {"detail": refusal.detail})
        except OSError as error:  # no room, a name that is too long
            return _answer(
                500, {"detail": f"Failed to perform {_operation(request, body)} operation: {error.strerror}"}
            )

    def _document(self, request: Request, body: _Body) -> Document:
        match request.path:
            case "/saveToDisk":
                named = body.part is not None and bool(body.part.filename)
                return answer_save(self._backend, read_save_request(body.form.fields, body.file, named=named))
            case "/updatePermissions":
                return answer_permissions(self._backend, body.form.fields)
            case "/pubSubFullList":
                return answer_events(self._backend, request)
            case "/reportResults":
                return answer_report(self._backend, bytes(body.raw))
        return answer_health()

    def _faults(self, request: Request, body: _Body) -> CallFaults:
        """Return the faults of a call. Its body is what its fields hold, so that a plan can name a file."""
        held = "\n".join(body.form.fields.values()).encode("utf-8", "surrogatepass")
        return CallFaults(self.plan, _operation(request, body), replace(request, body=held), _refusal_of)


class _BrokenUpload(Exception):
    """The plan says that the connection breaks here."""


class _NoReader:
    """The form of a request that has none."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}

    def feed(self, data: bytes) -> None:
        pass

    def finish(self) -> None:
        pass


def _feed(body: _Body, request: Request, block: bytes) -> None:
    body.form.feed(block)
    if request.path == "/reportResults":
        body.raw += block
        if len(body.raw) > MAX_JSON_BYTES:
            raise BrokenForm("The body is too large.")


def _operation(request: Request, body: _Body) -> str:
    """Return the name of a call: of `saveToDisk` what is asked of it, else the path."""
    named = body.form.fields.get("operation") if request.path == "/saveToDisk" else None
    return named or request.path.strip("/") or "health"


def _head(scope: dict[str, Any]) -> Request:
    query = tuple(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], scope["path"], query, headers)


async def _blocks(receive: Any) -> AsyncIterator[bytes]:
    """Yield what is sent, as it comes."""
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


async def _drain(blocks: AsyncIterator[bytes]) -> None:
    async for _ in blocks:
        pass


def _refused(faults: CallFaults) -> Answer | None:
    if faults.rule(Fault.EXPIRE_TOKEN):
        return _answer(401, {"detail": "Not authenticated"}, {"www-authenticate": "Bearer"})
    denied = faults.rule(Fault.DENY)
    return _answer(403, {"detail": denied.reason or "Forbidden"}) if denied else None


def _refusal_of(rule: Rule, status: int | None) -> Answer:
    """Return the answer to a rule that refuses."""
    if rule.fault is Fault.THROTTLE:
        return _answer(status or 429, {"detail": rule.reason or "Too Many Requests"}, retry_after(rule, 1.0))
    return _answer(status or 503, {"detail": rule.reason or "The plan says so."}, retry_after(rule))


def _answer(status: int, document: Document, headers: dict[str, str] | None = None) -> Answer:
    # The library's own json writes half a surrogate pair, which metadata may have, as an escape.
    return Answer(status, json.dumps(document).encode(), {"content-type": "application/json", **(headers or {})})

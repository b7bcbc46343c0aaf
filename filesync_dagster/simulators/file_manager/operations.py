"""What each call of the protocol answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from filesync_dagster.simulators.file_manager.disk import ReceivedFile
from filesync_dagster.simulators.file_manager.store import FileManagerStore, ManagedFile
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Request

MAX_COUNT: Final = 100
PERMISSION_FIELDS: Final = {"permissions": "permissions", "owner": "owner", "group": "group_name"}

Document = dict[str, Any]
Problem = dict[str, Any]


class Invalid(Exception):
    """A request whose fields are not as they must be: a 422 with these details."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("422")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SaveRequest:
    """The fields of `saveToDisk`. Empty ones count as absent."""

    operation: str
    file_path: str
    file: ReceivedFile | None
    new_path: str | None
    size: int | None
    file_type: str | None
    metadata: Any


class Backend(Protocol):
    """What does the work: a store, or what only says that it did."""

    def save(self, asked: SaveRequest) -> tuple[str | None, int | None, Any]:
        """Do an operation; return the id, the size and the metadata that are answered. Raises Refusal."""
        ...

    def permissions(self, path: str, wanted: Mapping[str, str]) -> tuple[str, str, str, str]:
        """Set permissions; return them, the owner, the group and since when. Raises Refusal."""
        ...

    def events(self, count: int) -> list[Document]:
        """Return the newest events."""
        ...

    def keep_report(self, report: Any) -> None:
        """Take what somebody tells of a run."""
        ...


def read_save_request(fields: Mapping[str, str], file: ReceivedFile | None, *, named: bool) -> SaveRequest:
    """Return what is asked of `saveToDisk`. Raises Invalid, Refusal. `named`: the file part has a file name."""
    problems = [_missing(name) for name in ("operation", "file_path") if not fields.get(name)]
    if (file is not None and not named) or "file" in fields:
        problems.append(_problem("value_error", ["body", "file"], "Value error, Expected UploadFile", ""))
    size = _whole_number(fields.get("size"), ["body", "size"], problems)
    if problems:
        raise Invalid(problems)
    if fields["operation"] not in OPERATIONS:
        raise Refusal(400, "invalid", "Invalid operation")
    try:
        metadata = json.loads(fields["metadata"]) if fields.get("metadata") else None
    except (ValueError, RecursionError) as error:
        raise Refusal(400, "invalid", "Invalid metadata JSON") from error
    return SaveRequest(
        fields["operation"],
        fields["file_path"],
        file,
        fields.get("new_path") or None,
        size,
        fields.get("file_type") or None,
        metadata,
    )


def answer_save(backend: Backend, asked: SaveRequest) -> Document:
    """Answer `saveToDisk`."""
    wants_file = asked.operation in {"create", "update"}
    wants_path = asked.operation in {"rename", "move"}
    if wants_file and asked.file is None:
        raise _failed(asked, f"{asked.operation} operation requires file upload")
    if wants_path and not asked.new_path:
        raise _failed(asked, f"{asked.operation} operation requires new_path")
    if asked.metadata is not None and not isinstance(asked.metadata, dict):
        raise _failed(asked, "metadata must be an object")
    internal_id, size, metadata = backend.save(asked)
    return {
        "internal_id": internal_id,
        "file_path": asked.file_path,
        "operation": asked.operation,
        "size": size,
        "saved_at": _now(),
        "status": "success",
        "new_path": asked.new_path if wants_path else None,
        "metadata": metadata,
    }


def answer_permissions(backend: Backend, fields: Mapping[str, str]) -> Document:
    """Answer `updatePermissions`."""
    path = fields.get("file_path")
    if not path:
        raise Invalid([_missing("file_path")])
    wanted = {column: fields[name] for name, column in PERMISSION_FIELDS.items() if fields.get(name)}
    permissions, owner, group, since = backend.permissions(path, wanted)
    return {
        "file_path": path, "permissions": permissions, "owner": owner, "group": group, "last_updated": since
    }  # fmt: skip


def answer_events(backend: Backend, request: Request) -> Document:
    """Answer `pubSubFullList`."""
    problems: list[Problem] = []
    count = _whole_number(request.parameter("count", "10"), ["query", "count"], problems)
    if problems:
        raise Invalid(problems)
    if count is None or not 1 <= count <= MAX_COUNT:
        raise Refusal(400, "invalid", f"count must be between 1 and {MAX_COUNT}")
    events = backend.events(count)
    return {"events": events, "total_count": len(events), "generated_at": _now()}


def answer_report(backend: Backend, body: bytes) -> Document:
    """Answer `reportResults`."""
    try:
        report = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid([_problem("json_invalid", ["body", 0], "JSON decode error", {})]) from error
    if not isinstance(report, dict):
        raise Invalid([_problem("dict_type", ["body"], "Input should be a valid dictionary", report)])
    backend.keep_report(report)
    return {"status": "received", "message": "Sync results recorded successfully", "timestamp": _now()}


def answer_health() -> Document:
    """Answer `/`."""
    return {"message": "File manager is running", "timestamp": _now()}


class RealBackend:
    """Does what is asked, on a store."""

    def __init__(self, store: FileManagerStore) -> None:
        self._store = store
        self.events = store.events
        self.keep_report = store.keep_report

    def save(self, asked: SaveRequest) -> tuple[str | None, int | None, Any]:
        """Do an operation."""
        return OPERATIONS[asked.operation](self._store, asked)

    def permissions(self, path: str, wanted: Mapping[str, str]) -> tuple[str, str, str, str]:
        """Set permissions."""
        known = self._store.set_permissions(path, wanted)
        return known.permissions, known.owner, known.group_name, known.permissions_at


def _write(store: FileManagerStore, asked: SaveRequest) -> tuple[str | None, int | None, Any]:
    assert asked.file is not None
    if asked.size is not None and asked.size != asked.file.size:
        raise Refusal(400, "size", f"size is {asked.size:,}, but {asked.file.size:,} bytes came")
    save = store.create if asked.operation == "create" else store.update
    return _told(save(asked.file_path, asked.file, asked.file_type, asked.metadata))


def _move(store: FileManagerStore, asked: SaveRequest) -> tuple[str | None, int | None, Any]:
    assert asked.new_path is not None
    return _told(store.move(asked.file_path, asked.new_path, asked.operation, asked.metadata))


def _delete(store: FileManagerStore, asked: SaveRequest) -> tuple[str | None, int | None, Any]:
    store.delete(asked.file_path, asked.metadata)
    return None, None, asked.metadata


def _get(store: FileManagerStore, asked: SaveRequest) -> tuple[str | None, int | None, Any]:
    return _told(store.get(asked.file_path))


OPERATIONS: Final[Mapping[str, Callable[[FileManagerStore, SaveRequest], tuple[str | None, int | None, Any]]]] = {
    "create": _write, "update": _write, "rename": _move, "move": _move, "delete": _delete, "get": _get,
}  # fmt: skip


def _told(file: ManagedFile) -> tuple[str | None, int | None, Any]:
    """Return what is answered of a file: with its hash, so that whoever sent it can compare."""
    return file.internal_id, file.size, {**json.loads(file.metadata or "{}"), "stored_sha256": file.sha256}


def _failed(asked: SaveRequest, why: str) -> Refusal:
    return Refusal(500, "failed", f"Failed to perform {asked.operation} operation: 400: {why}")


def _missing(name: str) -> Problem:
    return _problem("missing", ["body", name], "Field required", None)


def _problem(kind: str, where: list[str | int], message: str, given: Any) -> Problem:
    return {"type": kind, "loc": where, "msg": message, "input": given}


def _whole_number(text: str | None, where: list[str | int], problems: list[Problem]) -> int | None:
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        told = "Input should be a valid integer, unable to parse string as an integer"
        problems.append(_problem("int_parsing", where, told, text))
        return None


def _now() -> str:
    return datetime.now().isoformat()  # noqa: DTZ005 - servers of this protocol tell the local time without its zone

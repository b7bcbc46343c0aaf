"""Reading in a process of its own: with limits, without a network, and killed when it is cancelled."""

import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import orjson

from filesync_dagster.config.environment import environment_of
from filesync_dagster.core import errors
from filesync_dagster.core.errors import Cancelled, LimitReached, StorageError, TableError
from filesync_dagster.tables.model import Table, TableSchema
from filesync_dagster.tables.reading.formats import read_tables
from filesync_dagster.tables.reading.options import ReadLimits, ReadOptions

ADDRESS_SPACE_BYTES = 6 * 1024**3  # DuckDB and Arrow reserve more than they use
CPU_SECONDS = 3600
DEADLINE_SECONDS = 3600.0
POLL_SECONDS = 0.05
ANSWER = "answer.json"
KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
"""What the process may know: nothing that could be a secret."""


def read_tables_apart(  # noqa: PLR0917  # as `read_tables`
    path: Path,
    name: str,
    options: ReadOptions,
    folder: Path,
    limits: ReadLimits | None = None,
    cancel: threading.Event | None = None,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> list[Table]:
    """Return what `read_tables` does, from a process of its own, whatever becomes of that. Raises the same errors."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "path": str(path.resolve()),
        "name": name,
        "options": options.as_json(),
        "folder": str(folder.resolve()),
        "limits": asdict(limits or ReadLimits()),
    }
    answer = folder / ANSWER
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "filesync_dagster.tables.reading.apart", str(answer.resolve())]
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and module
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=environment_of(KEPT_ENVIRONMENT),
    )
    try:
        assert process.stdin is not None, "it was asked for"
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(orjson.dumps(told))
        _wait(process, path, cancel, time.monotonic() + deadline_seconds)
        return _tables_of(answer, path, process.returncode)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        answer.unlink(missing_ok=True)


def _wait(process: "subprocess.Popen[bytes]", path: Path, cancel: threading.Event | None, until: float) -> None:
    while process.poll() is None:
        if cancel is not None and cancel.wait(POLL_SECONDS):
            raise Cancelled("Reading was cancelled.", code="cancelled")
        if cancel is None:
            time.sleep(POLL_SECONDS)
        if time.monotonic() > until:
            raise LimitReached(f"{path.name} takes too long to be read.", code="too_slow")


def _tables_of(answer: Path, path: Path, code: int) -> list[Table]:
    try:
        told: dict[str, Any] = orjson.loads(answer.read_bytes())
    except (OSError, ValueError):
        raise LimitReached(
            f"{path.name} could not be read: its reader ended with {_ending(code)}.",
            hint="It may need more memory or time than a file may have.",
            code="reader_died",
        ) from None
    if "error" in told:
        _raise(told["error"])
    return [
        Table(TableSchema.from_json(one["schema"]), tuple(Path(part) for part in one["parts"]))
        for one in told["tables"]
    ]


def _ending(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"code {code}"


def _raise(told: dict[str, Any]) -> NoReturn:
    kind = getattr(errors, told["type"], TableError)
    if issubclass(kind, TableError):
        raise kind(told["message"], hint=told["hint"], code=told["code"], field=told["field"])
    if issubclass(kind, errors.FilesyncError) and kind is not errors.ConfigError:
        raise kind(told["message"], hint=told["hint"])
    raise StorageError(told["message"])


def main(answer: Path) -> None:
    """Read what standard input asks for and write an answer; for the process alone."""
    told = orjson.loads(sys.stdin.buffer.read())
    _confine()
    found: dict[str, Any]
    try:
        tables = read_tables(
            Path(told["path"]),
            told["name"],
            ReadOptions.from_json(told["options"]),
            Path(told["folder"]),
            ReadLimits(**told["limits"]),
        )
        found = {"tables": [{"schema": one.schema.as_json(), "parts": list(map(str, one.parts))} for one in tables]}
    except errors.FilesyncError as error:
        code, field = getattr(error, "code", None), getattr(error, "field", None)
        found = {
            "error": {
                "type": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
                "code": code,
                "field": field,
            }
        }
    except MemoryError:
        found = {"error": _too_large(Path(told["path"]).name)}
    except Exception as error:  # noqa: BLE001  # whatever a file does to a reader is said, and no traceback
        message = f"{Path(told['path']).name} cannot be read ({type(error).__name__})."
        found = {"error": {"type": "UnreadableTable", "message": message, "hint": "", "code": "unknown", "field": None}}
    written = answer.with_suffix(".part")
    written.write_bytes(orjson.dumps(found))
    written.replace(answer)


def _too_large(name: str) -> dict[str, Any]:
    return {
        "type": "LimitReached",
        "message": f"{name} needs more memory than may be used.",
        "hint": "",
        "code": "memory",
        "field": None,
    }


def _confine() -> None:
    """Take away from this process what reading a file does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError("A reader of files has no network.")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.create_connection = refuse


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The process that reads files: it loads the readers once, and forks for each request a process that reads its files.

That one says which file is done, has its limits for each file anew, and ends with the request, or after a file that
went past a limit: the rest are asked for again. Nothing here has a thread before it forks. It answers one request
after the other, ends when nobody has asked for a while, and takes what it reads with it when whoever asked is gone.
"""

import gc
import os
import resource
import select
import signal
import socket
import sys
from contextlib import suppress
from importlib import import_module
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson

from filesync_dagster.core import errors
from filesync_dagster.tables.reading.database import shared_database
from filesync_dagster.tables.reading.formats import READERS, read_tables
from filesync_dagster.tables.reading.options import ReadLimits, ReadOptions

ADDRESS_SPACE_BYTES: Final = 6 * 1024**3  # DuckDB and Arrow reserve more than they use
CPU_SECONDS: Final = 3600
IDLE_SECONDS: Final = 120.0
LIBRARIES: Final = ("charset_normalizer", "python_calamine")
ANSWER: Final = "answer.json"
READY: Final = b"ready\n"
FILE_DONE: Final = b"file\n"


class _WithoutPandas(MetaPathFinder):
    """PyArrow loads pandas wherever it is installed, for a second, and needs it for nothing that is done here."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        if fullname.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(f"{fullname} is not for readers.", name=fullname)


def main() -> None:
    """Answer requests, a line each: with a line for each file, then the exit code of the process that read."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):  # whatever a library prints is no answer
        os.dup2(nothing, descriptor)
    sys.meta_path.insert(0, _WithoutPandas())
    for module in (*(f"filesync_dagster.tables.reading.{module}" for module, _ in READERS.values()), *LIBRARIES):
        with suppress(ImportError):  # said when a file needs it
            import_module(module)
    _cut_network()
    gc.collect()
    gc.freeze()
    with suppress(BrokenPipeError):
        os.write(answers, READY)
        while _has_request(requests.fileno()) and (line := requests.readline()):
            code = _exit_code_of(line, requests.fileno(), answers)
            os.write(answers, b"%d\n" % code)


def _has_request(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(IDLE_SECONDS * 1000))


def _exit_code_of(line: bytes, requests: int, answers: int) -> int:
    """Return how a process ended that reads what was asked for; negative is the signal that ended it."""
    alive, held = os.pipe()  # the other end is closed when the process is gone, however it went
    child = os.fork()
    if child == 0:
        os.close(alive)
        _read_and_exit(line, answers)
    os.close(held)
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    poll.register(requests, select.POLLHUP)
    while alive not in (ready := {descriptor for descriptor, _ in poll.poll()}):
        if requests in ready:  # nobody waits for the answer
            os.killpg(0, signal.SIGKILL)
    os.close(alive)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _read_and_exit(line: bytes, answers: int) -> NoReturn:
    code = 1
    try:
        request = orjson.loads(line)
        limits = ReadLimits(**request["limits"])
        os.chdir(request["folder"])
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with shared_database(limits, Path(request["folder"])):
            for file in request["files"]:
                _limit_time()
                answer, is_worn = _answer_to(file, limits)
                _write_answer(Path(file["folder"]) / ANSWER, answer)
                os.write(answers, FILE_DONE)
                if is_worn:
                    break
        code = 0
    finally:
        os._exit(code)  # nothing of the process that it was forked from is cleared up here


def _limit_time() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.RLIM_INFINITY))


def _answer_to(file: dict[str, Any], limits: ReadLimits) -> tuple[dict[str, Any], bool]:
    """Return what is in a file, and whether the process should read no other after it."""
    path = Path(file["path"])
    try:
        tables = read_tables(path, file["name"], ReadOptions.from_json(file["options"]), Path(file["folder"]), limits)
    except errors.FilesyncError as error:
        code, field = getattr(error, "code", None), getattr(error, "field", None)
        said = _error(type(error).__name__, error.message, error.hint, code, field)
        return said, isinstance(error, errors.LimitReached)
    except MemoryError:
        return _error("LimitReached", f"{path.name} needs more memory than may be used.", code="memory"), True
    except Exception as error:  # noqa: BLE001  # whatever a file does to a reader is said, and no traceback
        return _error("UnreadableTable", f"{path.name} cannot be read ({type(error).__name__}).", code="unknown"), True
    found = [{"schema": one.schema.as_json(), "parts": [str(part) for part in one.parts]} for one in tables]
    return {"tables": found}, False


def _error(
    kind: str, message: str, hint: str = "", code: str | None = None, field: str | None = None
) -> dict[str, Any]:
    return {"error": {"type": kind, "message": message, "hint": hint, "code": code, "field": field}}


def _write_answer(answer: Path, found: dict[str, Any]) -> None:
    written = answer.with_suffix(".part")
    written.write_bytes(orjson.dumps(found))
    written.replace(answer)


def _cut_network() -> None:
    """Take away what reading a file does not need."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise PermissionError("A reader of files has no network.")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.create_connection = refuse


if __name__ == "__main__":
    main()

"""The process of the engine: a job in, JSON lines out, and its whole group killed where it is cancelled."""

import json
import os
import selectors
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

from filesync_dagster.core.errors import LimitReached, TableError
from filesync_dagster.tables.synthetic.options import Watch

WORKER: Final = Path(__file__).with_name("worker.py")
PROTOCOL: Final = 1
POLL_SECONDS: Final = 0.2
LINE_MAX_BYTES: Final = 64 * 2**10
LOG: Final = "engine.log"


def run_worker(
    command: tuple[str, ...], job: Mapping[str, Any], folder: Path, watch: Watch, environment: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Let the engine do a job; return its answers but those of progress, which `watch` gets.

    What it prints is in `engine.log` of the folder. Raises TableError where it fails, LimitReached where memory is
    short, Cancelled; then nothing of it runs any more.
    """
    answers: list[dict[str, Any]] = []
    with (
        (folder / LOG).open("ab") as log,
        _group(command, folder, log, environment) as process,
    ):
        _send(process, job)
        for line in _lines(process, watch.check):
            answer = _parse(line)
            kind = answer["event"]
            if kind == "failed":
                raise _failure(answer)
            if not answers and (kind != "ready" or answer.get("protocol") != PROTOCOL):
                raise engine_failed("it is another version of it that answers")
            if kind == "progress":
                watch.step(*_progress(answer))
                continue
            answers.append(answer)
            if kind == "done":
                return answers
    raise engine_failed("its process ended before the work was done")


@contextmanager
def _group(
    command: tuple[str, ...], folder: Path, log: IO[bytes], environment: Mapping[str, str]
) -> "Iterator[subprocess.Popen[bytes]]":
    """Start a process as the first of its group, and kill what is left of the group at the end."""
    try:
        process = subprocess.Popen(  # noqa: S603 - the interpreter that was installed for it
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            bufsize=0,
            cwd=folder,
            env={**environment, "HOME": str(folder), "TMPDIR": str(folder), "HF_HUB_OFFLINE": "1"},
            start_new_session=True,
        )
    except OSError as error:
        raise engine_failed(f"it cannot be started ({error.strerror})") from error
    with process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # before it is waited for: until then the number is its own
            process.wait()


def _send(process: subprocess.Popen[bytes], job: Mapping[str, Any]) -> None:
    assert process.stdin is not None, "it was asked for"
    with suppress(BrokenPipeError):
        unsent = memoryview(json.dumps(job).encode() + b"\n")
        while unsent:
            unsent = unsent[os.write(process.stdin.fileno(), unsent) :]


def _lines(process: subprocess.Popen[bytes], check: Callable[[], None]) -> Iterator[bytes]:
    """Yield what a process writes, line by line, and ask meanwhile whether it is to go on."""
    assert process.stdout is not None, "it was asked for"
    unread = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            check()
            if not selector.select(POLL_SECONDS):
                continue
            some = os.read(process.stdout.fileno(), LINE_MAX_BYTES)
            if not some:
                return
            *whole, unread = (unread + some).split(b"\n")
            if len(unread) > LINE_MAX_BYTES:
                raise engine_failed("it answers what is no line")
            yield from whole


def _parse(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("event"), str):
        raise engine_failed("it answers what is not its protocol")
    return answer


def _progress(answer: Mapping[str, Any]) -> tuple[str, str, int, int]:
    try:
        return str(answer["stage"]), str(answer["table"]), int(answer["done"]), int(answer["total"])
    except (KeyError, TypeError, ValueError):
        raise engine_failed("it answers what is not its protocol") from None


def _failure(answer: Mapping[str, Any]) -> TableError:
    if answer.get("kind") == "memory":
        return LimitReached("The engine mostlyai needs more memory than it may use.", code="memory")
    return engine_failed(f"{answer.get('kind')}: {answer.get('message')}")


def engine_failed(why: str) -> TableError:
    """Return the error of an engine that did not do its work."""
    return TableError(
        f"The engine mostlyai failed: {' '.join(why.split())}.".replace("..", "."),
        hint="The engine `core` needs nothing else.",
        code="engine_failed",
        field="engine",
    )

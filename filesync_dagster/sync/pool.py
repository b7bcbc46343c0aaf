"""A pool of syncs, or of other runs: several at once, each result as it is there."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from filesync_dagster.core import clock
from filesync_dagster.core.errors import ConfigError, unexpected_sentence
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import SyncMode, SyncResult, SyncStatus
from filesync_dagster.sync.runtime import Runtime

Result = TypeVar("Result")


def sync_each(
    concurrency: int,
    names: Sequence[str],
    sync: Callable[[str], SyncResult],
    delays: Mapping[str, float] | None = None,
) -> Iterator[SyncResult]:
    """Sync each endpoint once, `concurrency` of them at a time; an error becomes a FAILED result of its endpoint."""
    return run_each(concurrency, names, sync, failed_result, delays)


def run_each(
    concurrency: int,
    names: Sequence[str],
    act: Callable[[str], Result],
    failed: Callable[[str, str], Result],
    delays: Mapping[str, float] | None = None,
) -> Generator[Result]:
    """Do something for each name once, `concurrency` of them at a time; an error becomes a `failed` result.

    `delays`: by name, how many seconds after now it begins. Closing the iterator begins no further one.
    """
    begun, starts = time.monotonic(), delays or {}
    waiting = sorted(dict.fromkeys(names), key=lambda name: starts.get(name, 0.0))
    with ThreadPoolExecutor(min(concurrency, max(1, len(waiting))), thread_name_prefix="sync") as pool:
        running: dict[Future[Result], str] = {}
        try:
            while waiting or running:
                pause = None
                while waiting and len(running) < concurrency:
                    pause = begun + starts.get(waiting[0], 0.0) - time.monotonic()
                    if pause > 0:
                        break
                    name, pause = waiting.pop(0), None
                    running[pool.submit(act, name)] = name
                if not running:
                    time.sleep(pause or 0.0)
                    continue
                done, _ = wait(running, pause, return_when=FIRST_COMPLETED)
                for future in done:
                    yield _result(future, running.pop(future), failed)
        finally:
            for future in running:
                future.cancel()


def _result(future: Future[Result], name: str, failed: Callable[[str, str], Result]) -> Result:
    """Return what became of one: the failure of a neighbour stops nobody."""
    error = future.exception()
    if error is None:
        return future.result()
    sentence = str(error)
    if not isinstance(error, ConfigError):
        event("sync.crashed", endpoint=name, error=repr(error))
        sentence = sentence if hasattr(error, "hint") else unexpected_sentence(error)
    return failed(name, sentence)


def failed_result(name: str, sentence: str) -> SyncResult:
    """Return the result of an endpoint whose sync could not even begin."""
    return SyncResult(name, SyncStatus.FAILED, SyncMode.FULL, None, clock.utc_now(), 0.0, error=sentence)


def note_inactive(runtime: Runtime) -> None:
    """Note in the database which endpoints are no longer synced: disabled, or gone from the configuration."""
    config = runtime.config
    names = [endpoint.name for endpoint in config.active] + [entry.name for entry in config.broken]
    runtime.metadata.endpoints.deactivate_except(names)

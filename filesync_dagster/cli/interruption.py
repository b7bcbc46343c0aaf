"""Ctrl-C and SIGTERM while threads work."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from filesync_dagster.core.interruption import forget_stop, request_stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from filesync_dagster.sync.progress import Progress

    Watch = Callable[[Progress], None]
    AnyWatch = Callable[[Any], None]  # of a sync, or of a replication

INTERRUPTED = 130


@contextmanager
def interruptible() -> Iterator[Callable[[AnyWatch], AnyWatch]]:
    """Yield what makes a progress callback stop its sync once Ctrl-C or SIGTERM came.

    Waiting for threads is not interrupted by a signal, so each of them has to learn of it: at the next page, the next
    request, or while a store keeps it waiting. Whoever does not want to wait for that asks a second time; nothing is
    lost then either, a sync survives `kill -9`.
    """
    stopping = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        if stopping.is_set():
            os._exit(INTERRUPTED)
        stopping.set()
        request_stop()
        click.echo(
            "Stopping after the page that is being read, or the commit that has begun; once more to stop at once.",
            err=True,
        )
        raise KeyboardInterrupt

    def check(watch: AnyWatch) -> AnyWatch:
        def check_and_watch(at: Any) -> None:
            if stopping.is_set():
                raise KeyboardInterrupt
            watch(at)

        return check_and_watch

    # Only the main thread may set a handler; elsewhere (a test, an embedding program) there is nothing to handle.
    main = threading.current_thread() is threading.main_thread()
    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM) if main}
    try:
        yield check
    finally:
        forget_stop()
        for number, handler in before.items():
            signal.signal(number, handler)

"""Looks that are repeated until told to stop. A watch that has ended would not be missed, so none ends by an error."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from filesync_dagster.core.logging import event

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event


def repeat(what: str, look: Callable[[], object], every_seconds: float, stop: Event) -> None:
    """Look every so many seconds until told to stop. What goes wrong is logged as `<what>.watch_failed`."""
    while not stop.wait(every_seconds):
        try:
            look()
        except Exception as error:  # noqa: BLE001 - see the module
            event(f"{what}.watch_failed", error=repr(error))


def start(what: str, look: Callable[[], object], every_seconds: float, stop: Event) -> Thread:
    """Do that in a thread of its own."""
    thread = Thread(target=repeat, args=(what, look, every_seconds, stop), name=f"{what} watch", daemon=True)
    thread.start()
    return thread

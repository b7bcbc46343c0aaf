"""Whether somebody asked this process to stop: nothing is begun any more that a foreign host must answer."""

import threading

_requested = threading.Event()


def request_stop() -> None:
    """Note that somebody asked. Safe in a signal handler."""
    _requested.set()


def forget_stop() -> None:
    """Note that whoever was asked has ended."""
    _requested.clear()


def check_stop() -> None:
    """Raise KeyboardInterrupt, in whichever thread, once somebody asked: no store is to blame."""
    if _requested.is_set():
        raise KeyboardInterrupt

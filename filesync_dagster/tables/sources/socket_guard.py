"""A guard for drivers that connect by themselves: what they do in this thread connects to allowed addresses only.

A server may send a driver on to another address (an Oracle listener does), after the first one was checked. Drivers in
Python connect through its sockets, which tell Python's audit hooks before they do; the hook raises then.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.sources.addresses import AddressGuard

_guarded = threading.local()
_install = threading.Lock()
_is_installed = False


@contextmanager
def guarded_sockets(guard: AddressGuard) -> Iterator[None]:
    """Let this thread connect only where a guard allows. Raises SourceRefused in place of connecting elsewhere."""
    global _is_installed  # noqa: PLW0603 - a hook of the interpreter, which cannot be taken away
    if not guard.is_operator:
        with _install:
            if not _is_installed:
                sys.addaudithook(_watch)
                _is_installed = True
    before = getattr(_guarded, "guard", None)
    _guarded.guard = None if guard.is_operator else guard
    try:
        yield
    finally:
        _guarded.guard = before


def _watch(name: str, arguments: tuple[Any, ...]) -> None:
    if name != "socket.connect":
        return
    guard: AddressGuard | None = getattr(_guarded, "guard", None)
    if guard is None:
        return
    address = arguments[1]
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        raise SourceRefused("A socket of this machine may not be asked.", code="not_allowed")
    try:
        guard.require_address(address[0], int(address[1]))
    except SourceRefused:
        arguments[0].close()  # drivers do not expect that connecting raises this
        raise

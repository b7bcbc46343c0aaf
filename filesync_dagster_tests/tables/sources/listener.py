"""Listeners on addresses of this machine, which tell whether anybody came."""

import socket
import threading
from contextlib import contextmanager, suppress


class Listener:
    """Accepts connections on one port of several addresses, and counts them. It answers nothing."""

    def __init__(self, addresses=("127.0.0.1", "::1")):
        self.connections = 0
        first = socket.create_server((addresses[0], 0))
        self.port = first.getsockname()[1]
        self._sockets = [first]
        for address in addresses[1:]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with suppress(OSError):  # a machine without IPv6
                self._sockets.append(socket.create_server((address, self.port), family=family))
        for listener in self._sockets:
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def _accept(self, listener):
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                connection.close()

    def close(self):
        """Stop listening."""
        for listener in self._sockets:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()


@contextmanager
def listening(addresses=("127.0.0.1", "::1")):
    """Yield a listener."""
    listener = Listener(addresses)
    try:
        yield listener
    finally:
        listener.close()

"""A clamd of tests: a real server on a socket that speaks INSTREAM, and knows one virus."""

import socketserver
import threading
import time
from contextlib import contextmanager

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@contextmanager
def serve_clamd(*, answer=None, delay_seconds=0.0, unix_path=None):
    """Serve, and yield the address and what was looked at. `answer`: bytes to send whatever was sent."""
    looked_at = []

    class Connection(socketserver.StreamRequestHandler):
        def handle(self):
            assert self.rfile.read(10) == b"zINSTREAM\0"
            content = b""
            while size := int.from_bytes(self.rfile.read(4), "big"):
                content += self.rfile.read(size)
            looked_at.append(content)
            time.sleep(delay_seconds)
            found = b"stream: Win.Test.EICAR_HDB-1 FOUND\0" if EICAR in content else b"stream: OK\0"
            self.wfile.write(found if answer is None else answer)

    kind = socketserver.ThreadingTCPServer if unix_path is None else socketserver.ThreadingUnixStreamServer
    server = kind(("127.0.0.1", 0) if unix_path is None else str(unix_path), Connection)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{server.server_address[1]}" if unix_path is None else f"unix:{unix_path}", looked_at
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A proxy in front of an S3 server in which contents of objects go wrong on demand."""

import http.client
import io
import socket
import struct
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from filesync_dagster.simulators.kit.faults import Fault

FAULTS = frozenset({Fault.TRUNCATE, Fault.RESET, Fault.FLIP_BIT, Fault.THROTTLE, Fault.SERVER_ERROR, Fault.DENY,
                    Fault.EXPIRE_TOKEN})  # fmt: skip
REFUSALS = {
    Fault.THROTTLE: (503, "SlowDown"),
    Fault.SERVER_ERROR: (500, "InternalError"),
    Fault.DENY: (403, "AccessDenied"),
    Fault.EXPIRE_TOKEN: (400, "ExpiredToken"),
}
OPERATION = "GetObject"
BLOCK_BYTES = 1 << 16


class FaultyProxy(BaseHTTPRequestHandler):
    """Passes requests on. Its server has `target`, `plan` and `requests`."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        is_object = path.strip("/").count("/") > 0 and "list-type" not in query
        rules = self.server.plan.strike(OPERATION, FAULTS) if is_object else []
        if is_object:
            self.server.requests.append(dict(self.headers.items()) | {"method": self.command})
        refusal = next((rule.fault for rule in rules if rule.fault in REFUSALS), None)
        if refusal:
            self.refuse(*REFUSALS[refusal])
        else:
            self.forward({rule.fault: rule for rule in rules})

    do_HEAD = do_GET  # noqa: N815 - likewise

    def refuse(self, status, code):
        body = f"<Error><Code>{code}</Code><Message>The plan says so.</Message></Error>".encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def forward(self, faults):
        with closing(http.client.HTTPConnection(self.server.target, timeout=60)) as upstream:
            upstream.request(self.command, self.path, headers=dict(self.headers.items()))
            answer = upstream.getresponse()
            body = answer.read() if answer.length is None else None  # listings in chunks
            length = len(body) if answer.length is None else answer.length
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            breaking = next((faults[fault] for fault in (Fault.TRUNCATE, Fault.RESET) if fault in faults), None)
            end = length - round(length * breaking.share) if breaking else length
            self.pass_on(io.BytesIO(body) if body else answer, end, length // 2 if Fault.FLIP_BIT in faults else -1)
        if breaking and length:
            self.break_off(breaking.fault)

    def pass_on(self, answer, end, flipped):
        at = 0
        while self.command != "HEAD" and at < end and (block := answer.read(min(BLOCK_BYTES, end - at))):
            if at <= flipped < at + len(block):
                block = bytearray(block)
                block[flipped - at] ^= 1
            self.wfile.write(block)
            at += len(block)

    def break_off(self, fault):
        self.close_connection = True
        if fault is Fault.RESET:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, *args):
        pass


class FaultyServer(ThreadingHTTPServer):
    """Serves with such proxies."""

    daemon_threads = True

    def handle_error(self, request, client_address):
        """Keep quiet about connections that broke because the plan said so."""


@contextmanager
def faulty_server(endpoint_url, plan, requests):
    """Yield the address of a proxy that asks a plan at every GET of an object, and notes its headers in `requests`."""
    proxy = FaultyServer(("127.0.0.1", 0), FaultyProxy)
    proxy.target, proxy.plan, proxy.requests = endpoint_url.removeprefix("http://"), plan, requests
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()

"""What receives alerts: a real SMTP server and a real webhook, on this machine."""

import email
import email.policy
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller


class Mailbox:
    """An SMTP server that keeps what it is given."""

    def __init__(self):
        self.mails = []
        self.refuses = False
        with socket.socket() as probe:  # aiosmtpd asks the port that it was told, so it cannot choose one
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=port)

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 - the name that aiosmtpd calls
        if self.refuses:
            return "451 not now"
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def __enter__(self):
        self._controller.start()
        return self

    def __exit__(self, *exc):
        self._controller.stop()

    @property
    def url(self):
        return f"mailto://127.0.0.1:{self._controller.port}?from=filesync@company.com&to=oncall@company.com&format=text"

    @property
    def subjects(self):
        return [mail["Subject"] for mail in self.mails]


class Hook:
    """A webhook that keeps what is posted; it can refuse, and it can be told what to do while it is asked."""

    def __init__(self):
        self.posts = []
        self.refuses = False
        self.meanwhile = lambda: None
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not hook.refuses:
                    hook.posts.append(body)
                hook.meanwhile()
                self.send_response(503 if hook.refuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self):
        return f"json://127.0.0.1:{self._server.server_port}/services/hunter2secret"

    @property
    def titles(self):
        return [post["title"] for post in self.posts]

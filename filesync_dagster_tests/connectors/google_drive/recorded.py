"""A wire that remembers what was asked, and may change what is answered."""

import httpx
import orjson

from filesync_dagster.simulators.kit.wire import InProcess


class Recorded(httpx.BaseTransport):
    """Asks a simulator. `alter(path, answer)` may change the JSON of an answer, or return another one.

    `between(request, response)` returns what answers in the simulator's place.
    """

    def __init__(self, simulator, alter=None, between=None):
        self.requests = []
        self._between = between
        self._below = InProcess(simulator)
        self._alter = alter

    def handle_request(self, request):
        self.requests.append(request)
        response = self._below.handle_request(request)
        if self._between is not None:
            response = self._between(request, response)
        if self._alter is None or response.status_code != httpx.codes.OK or not response.content:
            return response
        path = request.url.path.removeprefix("/drive/v3/")
        answer = orjson.loads(response.content)
        other = self._alter(path, answer)
        return httpx.Response(200, json=answer if other is None else other, request=request)

    def asked(self, path):
        """Return the parameters of the requests for a path."""
        return [dict(r.url.params) for r in self.requests if r.url.path == f"/drive/v3/{path}"]

    @property
    def tokens(self):
        """How often a token was fetched."""
        return sum(request.url.path == "/token" for request in self.requests)

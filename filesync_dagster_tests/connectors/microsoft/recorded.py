"""A wire that remembers what was asked of a simulated Graph, and may change what is answered."""

import httpx
import orjson

from filesync_dagster.simulators.kit.wire import InProcess


class RecordedGraph(httpx.BaseTransport):
    """Asks a simulator. `alter(request, answer)` may change the JSON of an answer, or return another response."""

    def __init__(self, simulator, alter=None):
        self.requests = []
        self._below = InProcess(simulator)
        self._alter = alter

    def handle_request(self, request):
        self.requests.append(request)
        response = self._below.handle_request(request)
        is_json = response.headers.get("content-type") == "application/json"
        if self._alter is None or response.status_code != httpx.codes.OK or not is_json:
            return response
        answer = orjson.loads(response.content)
        other = self._alter(request, answer)
        return other or httpx.Response(200, json=answer, request=request)

    @property
    def paths(self):
        """What was asked of Graph: the paths, tokens left out."""
        return [r.url.path.removeprefix("/v1.0/") for r in self.requests if r.url.path.startswith("/v1.0/")]


def altered(name, change):
    """Return what changes the entry of a name, or of an id, in the lists of answers."""

    def alter(request, answer):
        for entry in answer.get("value", [answer]):
            if name in {entry.get("name"), entry.get("id")}:
                change(entry)

    return alter

"""A simulated Microsoft Graph, asked by a plain client and by the client library."""

import io

import httpx
import pytest
import requests
from office365.graph_client import GraphClient
from requests.adapters import BaseAdapter

from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.simulators.microsoft import MicrosoftSimulator
from filesync_dagster.simulators.microsoft.simulator import TENANT

GRAPH = "https://graph.microsoft.com"


class SimulatedAdapter(BaseAdapter):
    """Lets `requests` talk to a simulator of this process."""

    def __init__(self, simulator):
        super().__init__()
        self._client = httpx.Client(transport=InProcess(simulator))

    def send(self, request, **_):
        body = request.body
        content = body.read() if hasattr(body, "read") else body.encode() if isinstance(body, str) else body
        headers = {name: str(value) for name, value in request.headers.items() if name.lower() != "content-length"}
        answer = self._client.request(request.method, request.url, content=content, headers=headers)
        response = requests.Response()
        response.status_code, response.reason = answer.status_code, answer.reason_phrase
        response.headers.update(answer.headers)
        response.raw, response.url, response.request = io.BytesIO(answer.content), request.url, request
        return response

    def close(self):
        self._client.close()


@pytest.fixture
def simulator():
    """Return a Graph with a site, its library and a OneDrive, all of them empty."""
    return MicrosoftSimulator()


@pytest.fixture
def store(simulator):
    """Return what people act on."""
    return simulator.store


@pytest.fixture
def root(store):
    """Return the id of the top of the library."""
    return store.drives[store.library_id].root.id


@pytest.fixture
def token(simulator):
    """Return an access token."""
    form = {
        "grant_type": "client_credentials",
        "client_id": simulator.client_id,
        "client_secret": simulator.client_secret,
        "scope": f"{GRAPH}/.default",
    }
    with httpx.Client(transport=InProcess(simulator)) as client:
        return client.post(f"{GRAPH}/{TENANT}/oauth2/v2.0/token", data=form).json()


@pytest.fixture
def get(simulator, token):
    """Return what asks Graph for a path, or for a link, and returns the answer."""
    headers = {"authorization": f"Bearer {token['access_token']}"}
    with httpx.Client(transport=InProcess(simulator), base_url=f"{GRAPH}/v1.0/", headers=headers) as client:
        yield lambda path, **asked: client.get(path, params=asked or None)


@pytest.fixture
def library(simulator, token):
    """Return the client library, which asks the simulator."""
    with requests.Session() as session:
        session.mount("https://", SimulatedAdapter(simulator))
        yield GraphClient(token_callback=lambda: token).with_transport(session=session)

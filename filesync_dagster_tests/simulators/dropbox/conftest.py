"""A Dropbox served over HTTP, and Dropbox's own client, which believes that it talks to Dropbox."""

from urllib.parse import urlsplit

import dropbox
import pytest
import requests
from requests.adapters import HTTPAdapter

from filesync_dagster.simulators.dropbox import DropboxSimulator
from filesync_dagster.simulators.kit.wire import serve_simulator


class Redirected(HTTPAdapter):
    """Sends what is meant for any of Dropbox's hosts to one address."""

    def __init__(self, address):
        super().__init__()
        self._address = address

    def send(self, request, **how):
        asked = urlsplit(request.url)
        query = f"?{asked.query}" if asked.query else ""
        request.url = f"{self._address}{asked.path}{query}"
        return super().send(request, **{**how, "verify": False})


@pytest.fixture
def simulator():
    """Return a simulated Dropbox."""
    return DropboxSimulator()


@pytest.fixture
def store(simulator):
    """Return what people act on."""
    return simulator.store


@pytest.fixture
def client(simulator):
    """Return Dropbox's own client, signed in with a refresh token."""
    with serve_simulator(simulator) as address, requests.Session() as session:
        session.mount("https://", Redirected(address))
        yield dropbox.Dropbox(
            oauth2_refresh_token=simulator.refresh_token,
            app_key=simulator.client_id,
            app_secret=simulator.client_secret,
            session=session,
            max_retries_on_error=1,
        )

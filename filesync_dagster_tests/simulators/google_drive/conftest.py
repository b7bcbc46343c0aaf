"""A simulated Drive, the official client that talks to it over HTTP, and a bare client without a network."""

import time

import httpx
import pytest
from google.auth import crypt, jwt
from google.oauth2 import service_account
from googleapiclient.discovery import build

from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.wire import InProcess, serve_simulator
from filesync_dagster_tests.simulators.google_drive.description import Described

DRIVE_SCOPE = "https://www.googleapis.com/auth/drive"
EVERYWHERE = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


class Client:
    """Asks without an SDK: what a call answers, whatever it is."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.described = Described(simulator)
        self.http = httpx.Client(transport=InProcess(self.described), base_url="http://drive.test")
        self.authorization = {}
        self.sign_in()

    def sign_in(self, scope=DRIVE_SCOPE, **claims):
        """Mint a token; return the answer of the token endpoint."""
        account = self.simulator.credentials("http://drive.test")
        now = int(time.time())
        claims = {"iss": account["client_email"], "aud": account["token_uri"], "iat": now, "exp": now + 3600} | claims
        signer = crypt.RSASigner.from_string(account["private_key"])
        assertion = jwt.encode(signer, {**claims, "scope": scope}).decode()
        grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
        answer = self.http.post("/token", data={"grant_type": grant, "assertion": assertion})
        if answer.is_success:
            self.authorization = {"authorization": f"Bearer {answer.json()['access_token']}"}
        return answer

    def ask(self, path, method="GET", body=None, **query):
        """Call the API; return the raw answer."""
        plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
        return self.http.request(method, f"/drive/v3/{path}", params=plain, json=body, headers=self.authorization)

    def get(self, path, **query):
        """Call the API; return the parsed answer of a call that must go well."""
        answer = self.ask(path, **query)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(self, path, method="GET", body=None, **query):
        """Return status, reason and message of a call that must be refused."""
        answer = self.ask(path, method, body, **query)
        error = answer.json()["error"]
        return answer.status_code, error["errors"][0]["reason"], error["message"]

    def names(self, **query):
        """Return the names on all pages of a listing."""
        found = []
        while True:
            page = self.get("files", **query)
            found += [file["name"] for file in page["files"]]
            if "nextPageToken" not in page:
                return found
            query["pageToken"] = page["nextPageToken"]

    def token(self, **query):
        """Return the start of what a change log will tell."""
        return self.get("changes/startPageToken", **query)["startPageToken"]

    def changes(self, token, **query):
        """Return all changes since a token, and the next token."""
        found = []
        while True:
            page = self.get("changes", pageToken=token, **query)
            found += page["changes"]
            if "newStartPageToken" in page:
                return found, page["newStartPageToken"]
            token = page["nextPageToken"]


@pytest.fixture
def simulator():
    """Return an empty Drive."""
    return DriveSimulator()


@pytest.fixture
def store(simulator):
    """Return what people act on."""
    return simulator.store


@pytest.fixture
def client(simulator):
    """Return a client that is signed in."""
    client = Client(simulator)
    yield client
    client.http.close()


@pytest.fixture
def described(simulator):
    """Return the simulator with its traffic checked."""
    return Described(simulator)


@pytest.fixture
def api(simulator, described):
    """Return google-api-python-client, talking HTTP to the simulator with the key of a service account."""
    with serve_simulator(described) as base:
        info = simulator.credentials(base)
        credentials = service_account.Credentials.from_service_account_info(info, scopes=[DRIVE_SCOPE])
        with build("drive", "v3", credentials=credentials, client_options={"api_endpoint": f"{base}/drive/v3/"}) as api:
            yield api

"""A simulator with something in it, and a client that is allowed everything."""

import httpx
import pytest

from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.kit.wire import InProcess

ADDRESS = "https://developer.api.autodesk.com"
EVERYTHING = "data:read data:write data:create data:search"


def client_of(simulator, scope=EVERYTHING, token=None):
    """Return a client of a simulator, with a two-legged token unless another one is given."""
    if token is None:
        with httpx.Client(transport=InProcess(simulator), base_url=ADDRESS) as first:
            token = minted(first, simulator, scope).json()["access_token"]
    header = {"authorization": f"Bearer {token}"}
    return httpx.Client(transport=InProcess(simulator), base_url=ADDRESS, headers=header)


def minted(client, simulator, scope, **form):
    """Ask for a token."""
    known = simulator.credentials(ADDRESS)
    asked = {"grant_type": "client_credentials", "scope": scope} | form
    return client.post("/authentication/v2/token", data=asked, auth=(known["client_id"], known["client_secret"]))


class World:
    """A hub with a project, its folder, and somebody who looks at them through the API."""

    def __init__(self, simulator):
        self.simulator, self.store, self.plan = simulator, simulator.store, simulator.plan
        self.hub = self.store.hub("Acme")
        self.project = self.store.project(self.hub, "Tower", folders=())
        self.top = self.store.folder(self.project, "Project Files")
        self.client = client_of(simulator)

    def data(self, path):
        """Return the path of something in the project."""
        return f"/data/v1/projects/{self.project}/{path}"

    def top_folders(self, **query):
        """Return the attributes of the top folders, by name."""
        answer = self.client.get(f"/project/v1/hubs/{self.hub}/projects/{self.project}/topFolders", params=query)
        answer.raise_for_status()
        return {found["attributes"]["name"]: found["attributes"] for found in answer.json()["data"]}

    def contents(self, folder=None, **query):
        """Return the first page of a folder."""
        return self.client.get(self.data(f"folders/{folder or self.top}/contents"), params=query)

    def pages(self, folder=None, **query):
        """Return all pages of a folder, following their links."""
        found = [self.contents(folder, **query).raise_for_status().json()]
        while "next" in found[-1]["links"]:
            found.append(self.client.get(found[-1]["links"]["next"]["href"]).raise_for_status().json())
        return found

    def names(self, folder=None, **query):
        """Return the names of what a folder shows, in order."""
        return [name for page in self.pages(folder, **query) for name in names(page)]


def names(page):
    """Return the names of the entries of a page: of a folder its own, of an item that of its tip version."""
    tips = {version["id"]: version["attributes"]["name"] for version in page.get("included", [])}
    return [
        found["attributes"]["name"] if found["type"] == "folders" else tips[found["relationships"]["tip"]["data"]["id"]]
        for found in page["data"]
    ]


@pytest.fixture
def world():
    """Return a project with one empty folder."""
    world = World(AutodeskSimulator())
    yield world
    world.client.close()

"""A simulated Box, and a client of it that a token was minted for."""

from contextlib import contextmanager

import httpx
import pytest

from filesync_dagster.simulators.box import BoxSimulator
from filesync_dagster.simulators.kit.wire import InProcess

ADDRESS = "http://box.example"


@pytest.fixture
def box():
    """Return a Box with one of each, and something shared by somebody else."""
    simulator = BoxSimulator()
    store = simulator.store
    folder = store.create("plans", kind="folder")
    file = store.create("a.pdf", folder, content=b"content")
    store.create("site", folder, kind="web_link", url="https://example.com/site")
    shared = store.create("bobs", kind="folder", owner="bob@example.com")
    store.create("theirs.txt", shared, content=b"theirs")
    store.share(shared, store.account)
    store.share(file, "bob@example.com", "writer")
    store.share(folder, "bob@example.com")
    store.link(file)
    simulator.ids = {"folder": folder, "file": file, "shared": shared}
    return simulator


@pytest.fixture
def client(box):
    """Return a client that asks as the service account."""
    with minted(box) as found:
        yield found


@contextmanager
def minted(box, kind="enterprise"):
    """Yield a client with an access token of an enterprise or a user."""
    subject = box.application.enterprise_id if kind == "enterprise" else box.application.user_id
    form = {
        "grant_type": "client_credentials",
        "client_id": box.client_id,
        "client_secret": box.client_secret,
        "box_subject_type": kind,
        "box_subject_id": subject,
    }
    with httpx.Client(transport=InProcess(box), base_url=ADDRESS) as found:
        token = found.post("/oauth2/token", data=form).json()["access_token"]
        found.headers["authorization"] = f"Bearer {token}"
        yield found


def number(item_id):
    """Return the id as Box has it."""
    return item_id.rpartition("_")[2]

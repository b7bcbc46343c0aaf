"""Receivers of alerts, and a project whose stores fail on demand."""

import json

import pytest

from filesync_dagster_tests.monitoring.alerts.receivers import Hook, Mailbox
from filesync_dagster_tests.sync.memory_store import STORES, MemoryStore, register, unregister
from filesync_dagster_tests.sync.projects import Project


@pytest.fixture
def mailbox():
    """Return an SMTP server."""
    with Mailbox() as opened:
        yield opened


@pytest.fixture
def hook():
    """Return a webhook."""
    with Hook() as opened:
        yield opened


class Watched(Project):
    """A project of memory stores that tells somebody."""

    def __init__(self, folder, *channels, names=("photos",), **others):
        self.channels = [getattr(channel, "url", channel) for channel in channels]
        self.queues = []
        self.alerts = {"link_base": "https://dagster.company.com/"}
        super().__init__(folder, *(self.endpoint(name) for name in names), **others)

    @staticmethod
    def endpoint(name, **others):
        if name not in STORES:
            STORES[name] = MemoryStore()
            for i in range(12):
                STORES[name].put(f"{name}-{i}")
        return {"name": name, "type": "memory", "endpoint_details": {"store": name}, **others}

    def write(self, *endpoints):
        super().write(*endpoints)
        whole = json.loads(self.config.read_text())
        whole["alerts"] = {"urls": self.channels, **self.alerts}
        whole["queues"] = self.queues
        self.config.write_text(json.dumps(whole))

    def sync(self, name="photos", *, fails=False, run_id=None):
        """Sync; the store breaks off if it is to fail."""
        STORES[name].faults.breaks = {"one": 0} if fails else {}
        with self.open() as filesync:
            return filesync.sync(name, run_id=run_id)

    def alert(self):
        """Look and tell, as another process would."""
        with self.open() as filesync:
            return filesync.alert()

    def standing(self):
        with self.open() as filesync:
            return {(alert.subject, alert.kind): alert for alert in filesync.alerts()}


@pytest.fixture
def watched(tmp_path):
    """Return what makes a project that tells these channels."""
    register()
    yield lambda *channels, **others: Watched(tmp_path / "project", *channels, **others)
    STORES.clear()
    unregister()

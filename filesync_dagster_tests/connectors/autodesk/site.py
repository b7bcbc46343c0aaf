"""A simulated account of Autodesk with one project, and what tests need to look at it."""

import uuid
from email.utils import formatdate

import httpx
import orjson

from filesync_dagster.connectors.autodesk import AutodeskDetails, open_autodesk
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster.testing import IMPATIENT

HOUR = 3600
UNLIMITED = 100_000


class Site:
    """One hub, one project, one top folder ("Project Files") to begin with.

    Its address is its own, and so are the token, the quotas and the pauses that a process keeps for an address.
    """

    def __init__(self, **details):
        self.simulator = AutodeskSimulator()
        self.store = self.simulator.store
        self.hub = self.store.hub("Acme")
        self.project = self.store.project(self.hub, "Tower")
        [top] = self.store.folder_at(self.project).children
        self.top = top.id
        self.address = f"https://{uuid.uuid4().hex}.example.com"
        self.meter = Meter()
        self._details = {"requests_per_minute": UNLIMITED, "page_size": 10, **details}
        self._sources = []

    @property
    def calls(self):
        """How often each operation was called, as Autodesk's description names it."""
        return dict(self.simulator.counts)

    def called(self, work):
        """Return what `work` returns, and the calls it took."""
        self.simulator.counts.clear()
        found = work()
        return found, self.calls

    def details(self, **details):
        """Return the details of an endpoint for the one project."""
        known = {**self.simulator.credentials(self.address), "hub_id": self.hub, "project_ids": [self.project]}
        return AutodeskDetails(**known, **self._details).model_copy(update=details)

    def open(self, *, wire=None, prune=None, policy=IMPATIENT, **details):
        """Return a source; it is closed with the site."""
        wire = wire or InProcess(self.simulator)
        source = open_autodesk(self.details(**details), self.meter, prune=prune, wire=wire, policy=policy)
        self._sources.append(source)
        return source

    def open_all(self, **details):
        """Return a source of every project."""
        return self.open(hub_id=None, project_ids=[], **details)

    def folder(self, path):
        """Return the id of a folder below the top folder, made if need be."""
        at = self.top
        for name in path.split("/"):
            children = self.store.folder_at(at).children or ()
            known = [child.id for child in children if child.name == name and child.is_folder]
            at = known[0] if known else self.store.folder(at, name)
        return at

    def fill(self, folders, files=3):
        """Add so many folders with so many files each, and let an hour pass."""
        for number in range(folders):
            folder = self.folder(f"{number % 5}/{number:03}")
            for name in range(files):
                self.store.upload(folder, f"{name}.pdf", name)
        self.store.clock.advance(HOUR)

    def close(self):
        """Close the sources."""
        for source in self._sources:
            source.close()


def rows(pages):
    """Return the rows of pages by id, the later one if there are two."""
    return {row["external_id"]: row for page in pages for row in page.batch.to_pylist()}


def paths(pages):
    """Return the rows of pages by the path that follows from their parents; each must have one."""
    known = rows(pages)
    found = placed(known)
    assert len(found) == len(known)
    return found


def placed(known):
    """Return those of the rows, by id, that lie in the endpoint, by path."""

    def path(row):
        if row["parent_id"] is None:
            return row["name"]
        above = known.get(row["parent_id"]) and path(known[row["parent_id"]])
        return above and f"{above}/{row['name']}"

    return {path(row): row for row in known.values() if path(row)}


def sizes(pages):
    """Return the sizes of files by path, as the simulator's `listing` does."""
    return {path: row["size"] for path, row in paths(pages).items() if row["kind"] != "folder"}


def gaps(pages):
    """Return what could not be listed, as (path, reason)."""
    return [(gap.path, gap.reason) for page in pages for gap in page.gaps]


def listed(source):
    """Return all pages of the only scope."""
    [scope] = source.scopes()
    return list(source.list(scope))


class Dated(InProcess):
    """Autodesk, with the time of its own clock in every answer."""

    def __init__(self, simulator):
        super().__init__(simulator)
        self._clock = simulator.store.clock

    def handle_request(self, request):
        answer = super().handle_request(request)
        answer.headers["date"] = formatdate(self._clock.seconds(), usegmt=True)
        return answer


class Altered(httpx.BaseTransport):
    """Autodesk, whose answers a test changes on their way."""

    def __init__(self, simulator, alter, suffix="/contents"):
        self._wire = InProcess(simulator)
        self._alter = alter
        self._suffix = suffix
        self.requests = []

    def handle_request(self, request):
        self.requests.append(request)
        answer = self._wire.handle_request(request)
        if answer.status_code != 200 or not request.url.path.endswith(self._suffix):
            return answer
        document = orjson.loads(answer.read())
        self._alter(document, request)
        return httpx.Response(200, content=orjson.dumps(document), request=request)

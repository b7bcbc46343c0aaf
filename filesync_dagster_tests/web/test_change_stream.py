"""Server-sent events: whoever listens is told what changed, now or when they come back."""

import json
import threading
from contextlib import ExitStack

import httpx
import pytest

from filesync_dagster.web.change_stream import LISTENERS_MAX_COUNT
from filesync_dagster_tests.web.conftest import TOKEN, served

MAY = {"Authorization": f"Bearer {TOKEN}"}
OK = 200
CHANGED_BY_A_SYNC = {"endpoints", "changes"}


@pytest.fixture
def address(project):
    """Return the address of a server over a project that is synced."""
    project.sync("docs")
    with served(project.site) as url:
        yield url


def events(answer):
    """Yield what is told: its kind, its id, the subjects."""
    told = {}
    for line in answer.iter_lines():
        if line:
            name, _, value = line.partition(": ")
            told[name] = value
        elif "event" in told:
            yield told["event"], told["id"], set(json.loads(told["data"])["changed"])
            told = {}


def listen(address, **headers):
    """Begin to listen."""
    return httpx.stream("GET", f"{address}/api/events", headers={**MAY, **headers}, timeout=60)


def test_whoever_listens_is_told_what_changed(project, address):
    """At once where one is; and whoever comes back is told what changed meanwhile, and nothing else."""
    with listen(address) as answer:
        told = events(answer)
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind, first_id, subjects = next(told)
        assert (kind, subjects) == ("hello", set())
        (project.folder / "store/new.txt").write_text("new")
        project.sync("docs")
        seen = set()
        while not seen >= CHANGED_BY_A_SYNC:
            kind, last_id, subjects = next(told)
            assert kind == "changed"
            assert subjects <= CHANGED_BY_A_SYNC
            seen |= subjects

    with listen(address, **{"last-event-id": first_id}) as answer:
        assert next(events(answer)) == ("hello", last_id, CHANGED_BY_A_SYNC)
    with httpx.stream("GET", f"{address}/api/events?since={last_id}", headers=MAY, timeout=60) as answer:
        assert next(events(answer)) == ("hello", last_id, set())
    with listen(address, **{"last-event-id": "of.another.version"}) as answer:
        assert "endpoints" in next(events(answer))[2]


def test_an_edit_of_the_configuration_is_told(project, address):
    """It is no row of the database, and changes what there is all the same."""
    with listen(address) as answer:
        told = events(answer)
        next(told)
        project.file.write_text(project.file.read_text().replace("Documents", "All documents"))
        assert "endpoints" in next(told)[2]


def test_so_many_listen_and_no_more(address):
    """One more is told so and asks from time to time; when one goes, there is room again."""
    with ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=address, headers=MAY, timeout=60, limits=httpx.Limits()))
        kept = [client.stream("GET", "/api/events") for _ in range(LISTENERS_MAX_COUNT)]
        assert {stack.enter_context(one).status_code for one in kept} == {200}
        with client.stream("GET", "/api/events") as refused:
            assert (refused.status_code, "Ask from time to time" in refused.read().decode()) == (503, True)
        assert client.get("/api/overview").status_code == 200
    for _ in range(100):
        with listen(address) as answer:
            if answer.status_code == OK:
                break
    assert answer.status_code == OK


def test_nobody_listens_to_a_server_that_ends(project):
    """It does not wait for those who listen without end."""
    answers, begun = [], threading.Event()

    def hear(address):
        with listen(address) as answer:
            for _ in events(answer):
                begun.set()
            answers.append("ended")

    with served(project.site) as address:
        listener = threading.Thread(target=hear, args=(address,))
        listener.start()
        assert begun.wait(60)
    listener.join(60)
    assert answers == ["ended"]


def test_a_stranger_is_told_nothing(address):
    """Not even that something changed."""
    assert httpx.get(f"{address}/api/events", timeout=60).status_code == 401
    odd = httpx.get(f"{address}/api/events?since=<script>", headers=MAY, timeout=60)
    assert odd.status_code == 400

"""What goes wrong on demand, as Autodesk would show it."""

import random
from email.utils import parsedate_to_datetime

import httpx
import orjson
import pytest

from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.autodesk.operations import QUOTAS
from filesync_dagster.simulators.autodesk.store import MUTATIONS
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan, Rule
from filesync_dagster_tests.simulators.autodesk.conftest import World, client_of, minted, names


@pytest.fixture
def stocked(world):
    """Return a world whose folder has ten files."""
    for number in range(10):
        world.store.upload(world.top, f"{number}.txt", number)
    return world


ALL = [f"{number}.txt" for number in range(10)]


def test_throttling(stocked):
    """Too many calls: 429 with the gateway's body, and how long to wait in seconds or as a date."""
    stocked.plan.add(Fault.THROTTLE, "getFolderContents", seconds=7)
    stocked.plan.add(Fault.THROTTLE, "getFolderContents", seconds=60, dated=True, after=1)

    seconds, date, good = (stocked.contents() for _ in range(3))

    assert (seconds.status_code, seconds.json()["developerMessage"]) == (429, "Quota limit exceeded.")
    assert seconds.headers["retry-after"] == "7"
    assert parsedate_to_datetime(date.headers["retry-after"]).tzinfo is not None
    assert good.is_success


@pytest.mark.parametrize("status", [None, 500, 502, 503, 504])
def test_server_errors(stocked, status):
    """A server in trouble answers in JSON only if it is the service itself. It is unavailable if nothing is said."""
    stocked.plan.add(Fault.SERVER_ERROR, "*", status=status)

    answer = stocked.contents()

    assert answer.status_code == (status or 503)
    assert ("errors" in answer.text) == (status == 500)
    assert stocked.contents().is_success


def test_no_answer(stocked):
    """A call may time out or break off."""
    stocked.plan.add(Fault.TIMEOUT, "getFolderContents")
    stocked.plan.add(Fault.DISCONNECT, "getFolderContents", after=1)

    with pytest.raises(httpx.ReadTimeout):
        stocked.contents()
    with pytest.raises(httpx.RemoteProtocolError):
        stocked.contents()
    assert stocked.names() == ALL


def test_garbage(stocked):
    """Half a body is no JSON."""
    stocked.plan.add(Fault.GARBAGE, "getFolderContents")

    answer = stocked.contents()

    assert answer.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(answer.content)


def test_an_expired_token(stocked):
    """A token that expires stays refused; another one is good."""
    stocked.plan.add(Fault.EXPIRE_TOKEN, "getFolderContents")

    refused = [stocked.contents().status_code for _ in range(2)]
    stocked.client.headers["authorization"] = client_of(stocked.simulator).headers["authorization"]

    assert refused == [401, 401]
    assert stocked.names() == ALL


@pytest.mark.parametrize(
    ("fault", "after", "lengths"),
    [
        (Fault.SHORT_PAGE, 0, [2, 4, 4]),
        (Fault.SHORT_PAGE, 1, [4, 2, 4]),
        (Fault.SHORT_PAGE, 2, [4, 4, 1, 1]),
        (Fault.EMPTY_PAGE, 0, [0, 4, 4, 2]),
        (Fault.EMPTY_PAGE, 1, [4, 0, 4, 2]),
        (Fault.EMPTY_PAGE, 2, [4, 4, 0, 2]),
    ],
)
def test_short_pages(stocked, fault, after, lengths):
    """A page with fewer entries than asked for, or none, has a next one; nothing is lost or comes twice."""
    stocked.plan.add(fault, "getFolderContents", after=after)

    for expected in (lengths, [4, 4, 2]):  # the first page, asked for again, begins another listing
        found = stocked.pages(**{"page[limit]": "4"})
        assert [name for page in found for name in names(page)] == ALL
        assert [len(page["data"]) for page in found] == expected


def test_a_short_page_again(stocked):
    """A short page that is asked for again is the same one."""
    stocked.plan.add(Fault.EMPTY_PAGE, "getFolderContents", after=1)
    first = stocked.contents(**{"page[limit]": "4"}).json()
    second, again = (stocked.client.get(first["links"]["next"]["href"]).json() for _ in range(2))
    third = stocked.client.get(again["links"]["next"]["href"]).json()

    assert (names(first), names(second), names(again), names(third)) == (ALL[:4], [], [], ALL[4:8])


def test_a_short_answer(stocked):
    """Entries that are missing without a word: everything about the answer looks complete."""
    stocked.plan.add(Fault.SHORT_ANSWER, "getFolderContents", share=0.3)

    page = stocked.contents().json()

    assert len(page["data"]) == len(page["included"]) == 7
    assert "next" not in page["links"]
    assert len(names(page)) == 7


def test_a_missing_tip(stocked):
    """An answer that names tip versions which it does not include."""
    stocked.plan.add(Fault.INCOMPLETE, "getFolderContents", share=0.1)

    page = stocked.contents().json()

    assert (len(page["data"]), len(page["included"])) == (10, 9)


def test_a_region_that_does_not_answer(world):
    """Hubs of a region are missing, and only a warning says so: the answer is 200."""
    world.store.hub("Europe", "EMEA")
    world.plan.add(Fault.INCOMPLETE, "getHubs")

    short, whole = (world.client.get("/project/v1/hubs").json() for _ in range(2))

    assert [hub["attributes"]["region"] for hub in short["data"]] == ["US"]
    assert short["meta"]["warnings"][0]["ErrorCode"] == "BIM360DM_ERROR"
    assert len(whole["data"]) == 2
    assert "meta" not in whole


def test_a_link_that_leads_nowhere(stocked):
    """The next link is the one of the page itself."""
    stocked.plan.add(Fault.REPEAT_TOKEN, "getFolderContents", after=1)
    first = stocked.contents(**{"page[limit]": "4"}).json()

    second = stocked.client.get(first["links"]["next"]["href"]).json()

    assert second["links"]["next"] == second["links"]["self"]
    assert first["links"]["next"] == second["links"]["self"]


def test_denied_once(stocked):
    """A call may be denied though nothing in the store says so."""
    stocked.plan.add(Fault.DENY, "getFolderContents")

    assert (stocked.contents().status_code, stocked.contents().status_code) == (403, 200)


def test_something_changes_meanwhile(stocked):
    """After the call something is different."""
    stocked.plan.add(Fault.MUTATE, "getFolderContents", times=-1)
    before = stocked.store.clock.now

    for _ in range(20):
        stocked.contents()

    assert stocked.store.clock.now > before
    assert stocked.names() != ALL


def test_every_kind_of_change_happens(world):
    """A person does everything now and then, and what Autodesk refuses is not done; an empty account stays empty."""
    chance = random.Random(1)
    for name in ("left", "right"):
        folder = world.store.folder(world.top, name)
        for number in range(20):
            world.store.upload(folder, f"{number}.txt", number)

    assert {world.store.mutate(chance) for _ in range(300)} == {*MUTATIONS, "nothing"}
    assert AutodeskSimulator().store.mutate(chance) == "nothing"


def test_faults_that_autodesk_does_not_have():
    """A plan with what cannot happen here is refused at once."""
    with pytest.raises(ValueError, match="lose_cursor"):
        AutodeskSimulator(FaultPlan([Rule(Fault.LOSE_CURSOR)]))


def test_a_fault_waits_for_its_call(stocked):
    """A rule for any operation is not spent on a call to which it cannot happen."""
    for fault in (Fault.REPEAT_TOKEN, Fault.INCOMPLETE, Fault.DENY):
        stocked.plan.add(fault)

    assert minted(stocked.client, stocked.simulator, "data:read").is_success
    assert stocked.client.get(stocked.data(f"folders/{stocked.top}")).status_code == 403
    assert stocked.client.get(stocked.data(f"folders/{stocked.top}")).is_success
    page = stocked.contents().json()
    assert page["links"]["next"] == page["links"]["self"]
    assert len(page["included"]) < len(page["data"])


def test_faults_are_counted_by_operation(stocked):
    """Rules are for operations by Autodesk's names, tokens among them; calls are counted by the same."""
    stocked.plan.add(Fault.SERVER_ERROR, "fetch-token", status=503)

    assert minted(stocked.client, stocked.simulator, "data:read").status_code == 503
    stocked.contents()

    assert stocked.simulator.counts == {"fetch-token": 2, "getFolderContents": 1}


def test_rate_limits():
    """Each class of calls has its own limit a minute, by the clock that was chosen; then it is free again."""
    simulator = AutodeskSimulator()
    world = World(simulator)
    simulator.limit(now=simulator.store.clock.seconds)

    hubs = [world.client.get("/project/v1/hubs") for _ in range(QUOTAS["hubs"] + 1)]
    contents = [world.contents().status_code for _ in range(QUOTAS["contents"] + 1)]

    assert {answer.status_code for answer in hubs[:-1]} == {200}
    assert hubs[-1].status_code == 429
    assert 0 < int(hubs[-1].headers["retry-after"]) <= 60
    assert (set(contents[:-1]), contents[-1]) == ({200}, 429)
    world.store.clock.advance(60)
    assert world.client.get("/project/v1/hubs").is_success
    simulator.limit({})
    assert {world.contents().status_code for _ in range(400)} == {200}

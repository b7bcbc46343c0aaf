"""Everything that Drive and the network between can do wrong, on demand."""

from email.utils import parsedate_to_datetime

import httpx
import pytest

from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.wire import InProcess
from filesync_dagster_tests.simulators.google_drive.conftest import Client


@pytest.fixture
def files(store):
    """Return the ids of twenty files."""
    return [store.create(f"{number:02}") for number in range(20)]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, (403, "userRateLimitExceeded")),
        ({"reason": "rateLimitExceeded"}, (403, "rateLimitExceeded")),
        ({"reason": "dailyLimitExceeded"}, (403, "dailyLimitExceeded")),
        ({"status": 429}, (429, "rateLimitExceeded")),
    ],
)
def test_a_throttle_is_a_403_with_a_reason_or_a_429(client, simulator, how, expected):
    """Drive promises no Retry-After; the next call goes well."""
    simulator.plan.add(Fault.THROTTLE, "files.list", **how)
    assert client.refused("files")[:2] == expected
    assert client.names() == []


def test_retry_after_is_seconds_or_a_date(client, simulator):
    """Both are HTTP."""
    simulator.plan.add(Fault.THROTTLE, status=429, seconds=7)
    assert client.ask("files").headers["retry-after"] == "7"
    simulator.plan.add(Fault.THROTTLE, status=429, seconds=7, dated=True)
    assert parsedate_to_datetime(client.ask("files").headers["retry-after"]).tzinfo is not None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_has_a_body_like_any_other(client, simulator, status):
    """The status is the plan's; 503 if it does not say."""
    simulator.plan.add(Fault.SERVER_ERROR, status=status)
    assert client.ask("files").status_code == status
    simulator.plan.add(Fault.SERVER_ERROR)
    assert client.ask("files").status_code == 503


def test_the_network_hangs_breaks_and_truncates(client, simulator, files):
    """A timeout, a broken connection, and JSON that is cut off."""
    simulator.plan.add(Fault.TIMEOUT)
    with pytest.raises(httpx.ReadTimeout):
        client.ask("files")
    simulator.plan.add(Fault.DISCONNECT)
    with pytest.raises(httpx.RemoteProtocolError):
        client.ask("files")
    simulator.plan.add(Fault.GARBAGE)
    with httpx.Client(transport=InProcess(simulator)) as bare:
        answer = bare.get("http://drive.test/drive/v3/files", headers=client.authorization)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        answer.json()


def test_tokens_expire_page_tokens_and_cursors_are_refused(client, simulator, store, files):
    """Each with Drive's own answer, and none of it lasts."""
    simulator.plan.add(Fault.EXPIRE_TOKEN)
    assert client.refused("files")[:2] == (401, "authError")
    assert client.refused("files")[:2] == (401, "authError")
    client.sign_in()
    token = client.get("files", pageSize=5)["nextPageToken"]
    simulator.plan.add(Fault.EXPIRE_PAGE, "files.list")
    assert client.get("files")["files"]  # a first page has no token that could expire
    assert client.refused("files", pageSize=5, pageToken=token) == (400, "invalid", "Invalid Value")
    assert client.get("files", pageSize=5, pageToken=token)["files"]
    cursor = client.token()
    for status, reason in ((400, "invalid"), (403, "forbidden"), (404, "notFound")):
        simulator.plan.add(Fault.LOSE_CURSOR, status=status)
        assert client.refused("changes", pageToken=cursor)[:2] == (status, reason)
    assert client.changes(cursor)[0] == []


def test_access_is_denied(client, simulator, files):
    """403, and not a throttle."""
    simulator.plan.add(Fault.DENY, "files.get")
    assert client.refused(f"files/{files[0]}")[:2] == (403, "insufficientFilePermissions")
    simulator.plan.add(Fault.DENY, "files.list", reason="domainPolicy")
    assert client.refused("files")[:2] == (403, "domainPolicy")


def test_short_and_empty_pages_lose_nothing(client, simulator, files):
    """There are more: the token says so."""
    simulator.plan.add(Fault.SHORT_PAGE, "files.list")
    simulator.plan.add(Fault.EMPTY_PAGE, "files.list", after=1, times=2)
    pages, token = [], None
    while token != "":
        page = client.get("files", **({"pageToken": token} if token else {}))
        pages.append([file["name"] for file in page["files"]])
        assert page.get("nextPageToken") != token
        token = page.get("nextPageToken", "")
    assert [len(page) for page in pages] == [10, 0, 0, 10]
    assert [name for page in pages for name in page] == [f"{number:02}" for number in range(20)]


def test_an_answer_is_incomplete_and_says_so_or_does_not(client, simulator, files):
    """INCOMPLETE tells by incompleteSearch, SHORT_ANSWER does not."""
    simulator.plan.add(Fault.INCOMPLETE, "files.list", share=0.25)
    page = client.get("files")
    assert (len(page["files"]), page["incompleteSearch"], "nextPageToken" in page) == (15, True, False)
    simulator.plan.add(Fault.SHORT_ANSWER, "files.list", share=0.1)
    page = client.get("files")
    assert (len(page["files"]), page["incompleteSearch"], "nextPageToken" in page) == (18, False, False)
    assert len(client.names()) == 20


def test_a_token_repeats_itself(client, simulator, files):
    """Whoever follows it blindly never ends."""
    token = client.get("files", pageSize=5)["nextPageToken"]
    simulator.plan.add(Fault.REPEAT_TOKEN, "files.list")
    assert client.get("files", pageSize=5, pageToken=token)["nextPageToken"] == token
    assert client.get("files", pageSize=5, pageToken=token)["nextPageToken"] != token


def test_somebody_changes_something_while_it_is_listed(client, simulator, store, files):
    """One thing for each call, told by the log; the same seed does the same things."""
    token = client.token()
    simulator.plan.add(Fault.MUTATE, "files.list", times=5)
    client.names(pageSize=4)
    assert 1 <= len(client.changes(token)[0]) <= 5


def test_changes_are_lost_doubled_and_reordered(client, simulator, store, files):
    """Lost ones never come back."""
    token = client.token()
    for file in files:
        store.rename(file, "x")
    simulator.plan.add(Fault.DUPLICATE_CHANGE, "changes.list")
    assert len(client.changes(token)[0]) == 40
    simulator.plan.add(Fault.REORDER_CHANGES, "changes.list")
    shuffled = [change["fileId"] for change in client.changes(token)[0]]
    assert shuffled != files
    assert sorted(shuffled) == sorted(files)
    simulator.plan.add(Fault.SHORT_ANSWER, "changes.list", share=0.25)
    assert len(client.changes(token)[0]) == 15
    simulator.plan.add(Fault.LOSE_CHANGE, "changes.list")
    assert len(client.changes(token)[0]) == 10
    assert len(client.changes(token)[0]) == 10


def test_pages_of_changes_are_short_empty_and_repeat_their_token(client, simulator, store, files):
    """Nothing is lost by the first two."""
    token = client.token()
    for file in files:
        store.rename(file, "x")
    simulator.plan.add(Fault.SHORT_PAGE, "changes.list")
    simulator.plan.add(Fault.EMPTY_PAGE, "changes.list", times=2)
    assert len(client.changes(token)[0]) == 20
    simulator.plan.add(Fault.REPEAT_TOKEN, "changes.list")
    assert client.get("changes", pageToken=token, pageSize=5)["nextPageToken"] == token


def test_a_rule_begins_later_happens_so_often_and_by_chance():
    """`after`, `times` and `chance`; the same seed and calls give the same faults."""
    plan = FaultPlan(seed=7)
    plan.add(Fault.THROTTLE, "files.list", after=2, times=2)
    assert [bool(plan.strike("files.list")) for _ in range(6)] == [False, False, True, True, False, False]
    assert not plan.strike("files.get")
    outcomes = []
    for _ in range(2):
        plan = FaultPlan(seed=7)
        plan.add(Fault.THROTTLE, chance=0.5, times=-1)
        outcomes.append([bool(plan.strike("x")) for _ in range(50)])
    assert outcomes[0] == outcomes[1]
    assert 10 < sum(outcomes[0]) < 40


def test_the_same_seed_is_the_same_world():
    """Ids and times included, so that a failure can be run again."""
    worlds = []
    for _ in range(2):
        simulator = DriveSimulator(FaultPlan(seed=3), seed=3)
        simulator.store.bulk(30, per_folder=10)
        simulator.plan.add(Fault.MUTATE, times=-1)
        client = Client(simulator)
        client.names(pageSize=3)
        worlds.append((client.names(), list(simulator.store.visible())))
        client.http.close()
    assert worlds[0] == worlds[1]

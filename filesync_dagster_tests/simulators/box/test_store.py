"""What is Box's own: numbers that overlap, ends of pages, a silent retention, addresses without a token."""

import httpx
import pytest

from filesync_dagster.simulators.box.events import STREAMING
from filesync_dagster_tests.simulators.box.conftest import ADDRESS, minted, number

DAY_SECONDS = 86_400


def test_numbers_overlap_across_kinds(box):
    """The first file, folder and web link have one number."""
    assert len({number(one) for one in box.store.entries if one.endswith("000001")}) == 1
    assert len([one for one in box.store.entries if one.endswith("000001")]) == 3


def test_the_end_of_pages_is_said_in_three_ways(client, box):
    """Null, empty or absent: which it is depends on the folder."""
    ends = set()
    for length in range(1, 4):
        folder = box.store.entries[box.store.create("x" * length, kind="folder")]
        folder.id = f"folder_{'7' * length}"
        box.store.entries[folder.id] = folder
        page = client.get(f"/2.0/folders/{number(folder.id)}/items", params={"usemarker": "true"}).json()
        ends.add(repr(page.get("next_marker", "absent")))
    assert ends == {"None", "''", "'absent'"}


def test_events_are_dropped_without_a_word(client, box):
    """After two weeks a position that was good leads past what happened."""
    before = client.get("/2.0/events", params={"stream_type": STREAMING, "stream_position": "now"}).json()
    box.store.rename(box.ids["file"], "lost.pdf")
    box.store.advance(15 * DAY_SECONDS)
    box.store.create("kept.txt")

    asked = {"stream_type": STREAMING, "stream_position": before["next_stream_position"]}
    names = [event["source"]["item_name"] for event in client.get("/2.0/events", params=asked).json()["entries"]]

    assert names == ["kept.txt"]


def test_the_stream_of_the_enterprise_is_for_the_enterprise(box):
    """A user, and an app without the scope, follow their own events; the enterprise's tell of everybody's items."""
    box.store.create("private", owner="zoe@example.com")
    with minted(box, "user") as own:
        assert own.get("/2.0/events", params={"stream_type": STREAMING}).status_code == 403
        told = own.get("/2.0/events", params={"stream_type": "changes"}).json()["entries"]
    with minted(box) as enterprise:
        all_told = enterprise.get("/2.0/events", params={"stream_type": STREAMING}).json()["entries"]
    assert "private" not in {event["source"]["name"] for event in told}
    assert "private" in {event["source"].get("item_name") for event in all_told}


@pytest.mark.parametrize("token", [True, False])
def test_a_content_wants_no_token(client, box, token):
    """It is at another host, whose address is enough; and a token there is a leak."""
    found = client.get(f"/2.0/files/{number(box.ids['file'])}/content")
    assert found.status_code == 302
    where = httpx.URL(found.headers["location"])
    assert where.host != httpx.URL(ADDRESS).host

    answer = client.get(where, headers={} if token else {"authorization": ""})
    if not token:
        del client.headers["authorization"]
        answer = client.get(where)

    assert answer.status_code == (400 if token else 200)

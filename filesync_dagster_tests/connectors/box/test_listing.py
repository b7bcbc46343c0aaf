"""What is Box's own about listings: kinds, markers, what was shared, folders that are refused."""

import pytest

from filesync_dagster.core.model import Kind
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import files, many, pages, populate, rows


def by_name(place, source):
    """Return the rows of a listing by their names."""
    return {row["name"]: row for row in rows(place, source)}


def test_numbers_overlap_across_kinds(box, opened):
    """A file, a folder and a web link of one number are three rows; a web link is a shortcut."""
    box.store.create("file", content=b"x")
    box.store.create("folder", kind="folder")
    box.store.create("link", kind="web_link", url="https://example.com/x")

    found = by_name(box, opened(box))

    numbers = {row["external_id"].rpartition("_")[2] for row in found.values()}
    assert len(numbers) == 1
    assert {row["external_id"].rpartition("_")[0] for row in found.values()} == {"file", "folder", "web_link"}
    assert {name: row["kind"] for name, row in found.items()} == {
        "file": Kind.FILE,
        "folder": Kind.FOLDER,
        "link": Kind.SHORTCUT,
    }
    assert "https://example.com/x" in found["link"]["metadata"]


def test_what_a_row_has(box, opened):
    """The hash, the version, the owner, addresses; of a folder no time that follows from what is in it."""
    made = box.store.create("a.txt", content=b"x")
    box.store.create("folder", kind="folder")
    box.store.link(made, "company")

    found = by_name(box, opened(box))

    row = found["a.txt"]
    assert row["version"] == "1-1"
    assert row["owner"] == box.store.account
    assert row["link"] == f"https://app.box.com/file/{made.removeprefix('file_')}"
    assert '"effective_access":"company"' in row["metadata"]
    assert "download_count" not in row["metadata"]
    assert found["folder"]["modified_at"] is None
    assert found["folder"]["size"] is None


@pytest.mark.parametrize("length", [1, 2, 3])
def test_markers_are_followed_to_the_end(box, opened, length):
    """However Box says that there is no more, and never by offsets."""
    folder = box.store.entries.pop(box.store.create("folder", kind="folder"))
    folder.id = f"folder_{'7' * length}"
    box.store.entries[folder.id] = folder
    tree = {f"folder/{number:02}.txt": b"" for number in range(25)}
    populate(box, tree)

    found = files(box, opened(box))

    assert set(found) == set(tree)
    listings = box.wire.asked("/items")
    assert all(request.url.params["usemarker"] == "true" for request in listings)
    assert not any("offset" in request.url.params for request in listings)
    assert any("marker" in request.url.params for request in listings)


def test_what_others_shared_lies_at_the_top(shared, opened):
    """A folder, and a file alone whose folder the account does not see; what nobody shared is not there."""
    shared.write("a.txt", b"a")
    alone = shared.store.create("alone.txt", owner="zoe@example.com", content=b"x")
    shared.store.share(alone, shared.store.account)

    found = by_name(shared_top(shared), opened(shared))

    assert {row["path"] for row in found.values()} == {"shared", "shared/a.txt", "alone.txt"}
    assert found["alone.txt"]["parent_id"] is None


def shared_top(place):
    """Return a place whose files are looked at from the top of the endpoint."""
    place.top = ""
    return place


def test_a_refused_folder_is_a_gap(box, opened):
    """It is not taken for empty."""
    populate(box, {"bad/x.txt": b"x", "good/a.txt": b"a"})
    box.plan.add(Fault.DENY, "list_folder", part=box.part_of("bad"), times=-1)
    source = opened(box)

    found = list(source.list(source.scopes()[0]))

    assert [gap.path for page in found for gap in page.gaps] == ["bad"]
    assert "a.txt" in {name for page in found for name in page.batch["name"].to_pylist()}


def test_emptiness_of_an_account_that_was_invited_to_nothing(box, opened):
    """A check says whom to invite, and to what."""
    report = opened(box).check()

    assert [problem for problem in report.problems if box.store.account in problem and "invite" in problem]


def test_a_check_says_what_is_seen(box, opened):
    """Who asks, where, and whose events may be read."""
    box.write("a.txt", b"a")

    report = opened(box, include_permissions=True).check()

    assert report.sees == f"everything that it was invited to or owns, as {box.store.account}"
    assert report.permissions == ("list files", "read the enterprise's events", "read permissions")
    assert (report.problems, report.warnings) == ((), ())


def test_a_check_without_the_scope_for_events(box, opened):
    """The account's own events are followed, and how to have the enterprise's is said."""
    box.write("a.txt", b"a")
    box.simulator.tokens.reads_events = False

    report = opened(box).check()

    assert "read the account's own events" in report.permissions
    assert "Manage enterprise properties" in report.warnings[0]
    assert report.problems == ()


def test_pages_that_are_resumed_with_a_marker_that_expired(box, opened):
    """The folder begins anew, and nothing is missing."""
    populate(box, {f"{number:02}.txt": b"" for number in range(35)})
    whole = pages(opened(box))
    box.plan.add(Fault.EXPIRE_PAGE, "list_folder")

    rest = {row for page in pages(opened(box), whole[0].checkpoint) for row in page.batch["name"].to_pylist()}

    assert rest >= {row for page in whole[1:] for row in page.batch["name"].to_pylist()}


def test_a_file_that_is_shared_by_a_group_or_anybody(box, opened):
    """Permissions are those of the entry itself, in the words of all stores."""
    folder = box.store.create("folder", kind="folder")
    file = box.store.create("a.txt", folder, content=b"x")
    box.store.share(folder, "bob@example.com", "writer")
    box.store.share(file, "zoe@example.com", "reader")
    box.store.link(file)

    found = by_name(box, opened(box, include_permissions=True))

    assert '"box_role":"editor","emailAddress":"bob@example.com"' in found["folder"]["permissions"]
    assert "bob@" not in found["a.txt"]["permissions"]
    assert '"role":"reader","type":"anyone"' in found["a.txt"]["permissions"]
    assert '"box_role":"viewer","emailAddress":"zoe@example.com"' in found["a.txt"]["permissions"]


def test_permissions_cost_nothing_where_nothing_is_shared(box, opened):
    """An entry that nobody was invited to is not asked about."""
    populate(box, many(20))

    rows(box, opened(box, include_permissions=True))

    assert box.wire.asked("/collaborations") == []

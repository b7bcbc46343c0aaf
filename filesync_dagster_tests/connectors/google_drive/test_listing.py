import itertools

import httpx
import pytest

from filesync_dagster.connectors.rest.paging import EMPTY_PAGES_MAX
from filesync_dagster.core.errors import NotFound, ProtocolViolation
from filesync_dagster.core.model import OUTSIDE, Kind
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import TREE, ids, many, pages, populate, rows

DAY = "2026-01-05"


def found(source):
    """Return the rows of all scopes by name."""
    listed = [page for scope in source.scopes() for page in source.list(scope)]
    return {row["name"]: row for page in listed for row in page.batch.to_pylist()}


def test_every_question_names_what_completeness_hangs_on(mine, folder, shared, everything, opened):
    """An answer without nextPageToken or incompleteSearch would look complete, so no mask forgets them."""
    for place in (mine, folder, shared, everything):
        source = opened(place)
        populate(place, many(30))
        found(source)
        list(source.changes(source.cursor()))

        assert place.wire.asked("files")
        assert all(asked["fields"].startswith("nextPageToken,incompleteSearch,") for asked in place.wire.asked("files"))
        changes = place.wire.asked("changes")
        assert all(asked["fields"].startswith("nextPageToken,newStartPageToken,") for asked in changes)
        assert all(asked["fields"].startswith("nextPageToken,") for asked in place.wire.asked("drives"))
        assert {asked["includeRemoved"] for asked in changes} == {"true"}


def test_only_one_parent_is_asked_for_at_once(folder, opened):
    """Drive forgets some of the parents that an `or` joins, and says that nothing is missing."""
    populate(folder, TREE | many(30))
    source = opened(folder)

    assert len(ids(pages(source))) == len(TREE) + 30 + 11

    queries = [asked["q"] for asked in folder.wire.asked("files")]
    assert all(query.count("' in parents") == 1 and " or " not in query for query in queries)
    assert len(queries) >= 12


def test_a_flat_listing_has_no_query(mine, shared, opened):
    """What is searched for may be incomplete; what is in the trash is listed too."""
    for place in (mine, shared):
        populate(place, TREE)
        place.trash("folder")
        source = opened(place)

        trashed = [row["name"] for page in pages(source) for row in page.batch.to_pylist() if row["trashed"]]

        assert all("q" not in asked for asked in place.wire.asked("files"))
        assert {asked["corpora"] for asked in place.wire.asked("files")} <= {"user", "drive"}
        assert sorted(trashed) == ["b.txt", "c.PDF", "d", "deeper", "folder", "still"]


@pytest.mark.parametrize("kind", ["mine", "folder", "shared"])
def test_a_search_that_was_incomplete_poisons_the_scope(request, opened, kind):
    """All that came is yielded, and what did not come is said."""
    place = request.getfixturevalue(kind)
    populate(place, many(30))
    source = opened(place)
    place.plan.add(Fault.INCOMPLETE, "files.list", after=1)

    listed = list(source.list(source.scopes()[0]))

    [unread] = [gap for page in listed for gap in page.gaps]
    assert unread.scope == source.scopes()[0]
    assert "incompleteSearch" in unread.reason
    assert ids(listed)


@pytest.mark.parametrize("kind", ["mine", "folder", "shared"])
def test_a_page_that_leads_back(request, opened, kind):
    """It would be read for ever."""
    place = request.getfixturevalue(kind)
    populate(place, {f"{number:03}": b"" for number in range(40)})
    source = opened(place)
    place.plan.add(Fault.REPEAT_TOKEN, "files.list", after=1, times=-1)

    with pytest.raises(ProtocolViolation, match="leads back"):
        pages(source)


def test_pages_without_entries_and_without_end(mine, opened):
    """Some empty pages are Drive's way; when nothing else comes any more, that is no listing."""
    populate(mine, {f"{number:03}": b"" for number in range(30)})
    source = opened(mine)
    mine.plan.add(Fault.EMPTY_PAGE, "files.list", times=5)
    assert len(set(ids(pages(source)))) == 30

    mine.plan.add(Fault.EMPTY_PAGE, "files.list", times=-1)
    with pytest.raises(ProtocolViolation, match="no end"):
        pages(source)
    assert len(mine.wire.asked("files")) <= EMPTY_PAGES_MAX + 15


def test_an_expired_page_token_restarts_the_listing(mine, opened):
    """Google: begin again with the first page. Nothing is missed."""
    populate(mine, {f"{number:03}": b"" for number in range(30)})
    source = opened(mine)
    mine.plan.add(Fault.EXPIRE_PAGE, "files.list", after=1)

    listed = ids(pages(source))

    assert len(set(listed)) == 30
    assert len(listed) == 30 + 20


def test_a_checkpoint_whose_token_expired_restarts_the_listing(mine, opened):
    """A listing that is resumed days later begins anew, silently."""
    populate(mine, {f"{number:03}": b"" for number in range(30)})
    source = opened(mine)
    first = pages(source)[0]
    mine.plan.add(Fault.EXPIRE_PAGE, "files.list")

    assert len(set(ids(pages(source, first.checkpoint)))) == 30


def test_an_expired_page_token_restarts_one_folder_only(folder, opened):
    """Of a crawl, only the folder begins again whose token was refused."""
    populate(folder, {f"big/{number:03}": b"" for number in range(30)} | {f"{n}/x": b"" for n in range(5)})
    source = opened(folder)
    whole = len(ids(pages(source)))
    calls = len(folder.wire.asked("files"))
    folder.plan.add(Fault.EXPIRE_PAGE, "files.list", after=1)

    listed = ids(pages(source))

    assert len(set(listed)) == whole == 30 + 5 + 6
    assert len(folder.wire.asked("files")) - calls == calls + 3  # the refused one, and two pages again


def test_tokens_that_are_always_refused(mine, folder, opened):
    """After some restarts it is an error, not a loop."""
    for place in (mine, folder):
        populate(place, {f"{number:03}": b"" for number in range(30)})
        source = opened(place)
        place.plan.add(Fault.EXPIRE_PAGE, "files.list", times=-1)

        with pytest.raises(ProtocolViolation):
            pages(source)
        assert len(place.wire.asked("files")) < 12


@pytest.mark.parametrize("answer", [{}, {"files": None}, {"files": {}}, {"files": [7]}])
def test_an_answer_without_files_is_not_empty(mine, folder, opened, answer):
    """Something else than Drive may have answered."""
    for place in (mine, folder):
        source = opened(place, alter=lambda path, _: answer if path == "files" else None)

        with pytest.raises(ProtocolViolation, match="without files"):
            pages(source)


def test_an_entry_without_an_id_is_a_gap_that_names_it(mine, folder, opened):
    """The others are listed; that nothing else is missing cannot be said."""

    def without(path, answer):
        for entry in answer.get("files", ()):
            if entry["name"] == "odd":
                del entry["id"]

    for place in (mine, folder):
        populate(place, {"odd": b"", "even": b""})
        source = opened(place, alter=without)
        listed = list(source.list(source.scopes()[0]))

        [gap] = [gap for page in listed for gap in page.gaps]
        assert "'odd'" in gap.reason
        assert [name for page in listed for name in page.batch["name"].to_pylist()] == ["even"]


UNREADABLE = {
    "createdTime": ["", "2026-02-30T00:00:00Z", "-0001-01-01T00:00:00Z", "10000-01-01T00:00:00.000Z", 7, None],
    "modifiedTime": ["+292278994-08-17T07:12:55.807Z", "yesterday"],
    "size": ["", "1.5", 1.5, None, str(2**63), "-1", "0x1f", [], "9" * 5000],
    "md5Checksum": [7, None],
    "sha256Checksum": [{}, None],
    "headRevisionId": [7, None],
    "webViewLink": [[], None],
    "owners": [None, {}, [None], [{"emailAddress": 7}]],
    "lastModifyingUser": [[], "x"],
    "trashed": [None, "no"],
    "parents": [None],
    "mimeType": [None, 7],
    "shortcutDetails": ["x"],
    "exportLinks": ["x", [7]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in UNREADABLE.items() for value in values])
def test_a_field_that_cannot_be_read_is_null(mine, opened, name, value):
    """It is data, and the entry is listed all the same; the others lose nothing."""

    def odd(path, answer):
        for entry in answer.get("files", ()):
            entry.update({name: value} if entry["name"] == "odd" else {})

    populate(mine, {"odd": b"1", "even": b"22"})
    rows = found(opened(mine, alter=odd))

    column = {"createdTime": "created_at", "modifiedTime": "modified_at", "size": "size"}.get(name)
    assert set(rows) == {"odd", "even"}
    assert rows["even"]["size"] == 2
    assert column is None or rows["odd"][column] is None


@pytest.mark.parametrize("name", [None, "", 7, "missing"])
def test_an_entry_without_a_name(mine, opened, name):
    """It is listed under its id: what it is, and what is in it, is known."""

    def nameless(path, answer):
        for entry in answer.get("files", ()):
            if entry["id"] == folder:
                entry.pop("name") if name == "missing" else entry.update(name=name)

    inside = mine.write("folder/inside", b"1")
    folder = mine.store.item(inside).parent.id

    assert {row["path"] for row in rows(mine, opened(mine, alter=nameless))} == {folder, f"{folder}/inside"}


def test_half_a_surrogate_pair_in_a_name(mine, opened):
    """One name that is no UTF-8 does not cost the page, nor a retry, and the raw name is kept."""

    def halved(request, response):
        body = response.content.replace(b'"odd"', b'"\\ud83d.txt"')
        return httpx.Response(response.status_code, content=body, headers=response.headers, request=request)

    populate(mine, {"odd": b"1", "even": b"22"})
    source = opened(mine, between=halved)
    names = found(source)

    assert set(names) == {"\\xed\\xa0\\xbd.txt", "even"}
    assert "eda0bd" in names["\\xed\\xa0\\xbd.txt"]["metadata"]
    assert source._drive.calls.calls.meter.retries == 0


@pytest.mark.parametrize("status", [500, 503, 403])
def test_a_folder_that_always_fails_is_a_gap(folder, opened, status):
    """Everything beside it is listed."""
    populate(folder, {"bad/x": b"", "good/x": b"", "y": b""})
    bad = folder.id_of("bad")

    def failing(request, response):
        hit = bad in request.url.params.get("q", "")
        return httpx.Response(status, json={}, request=request) if hit else response

    source = opened(folder, between=failing)
    listed = list(source.list(source.scopes()[0]))

    assert [gap.path for page in listed for gap in page.gaps] == ["bad"]
    assert sorted(name for page in listed for name in page.batch["name"].to_pylist()) == ["bad", "good", "x", "y"]


@pytest.mark.parametrize("kind", ["mine", "folder"])
def test_fresh_tokens_to_the_same_page(request, opened, kind):
    """They would be followed for ever."""
    place, turns, first = request.getfixturevalue(kind), itertools.count(), {}
    populate(place, {"a": b"", "b": b""})

    def endless(asked, response):
        if not asked.url.path.endswith("/files"):
            return response
        if "pageToken" not in asked.url.params:
            first.update(response.json())
        return httpx.Response(200, json={**first, "nextPageToken": f"fresh-{next(turns)}"}, request=asked)

    with pytest.raises(ProtocolViolation, match="repeats itself"):
        pages(opened(place, between=endless))


def test_two_files_of_one_name(mine, opened):
    """They are two entries."""
    for content in (b"1", b"22"):
        mine.store.create("twin", content=content)

    sizes = [size for page in pages(opened(mine)) for size in page.batch["size"].to_pylist()]

    assert sorted(sizes) == [1, 2]


def test_shortcuts_are_listed_and_never_followed(folder, opened):
    """Also when they lead to a folder above themselves."""
    folder.write("plans/a.pdf", b"a")
    target = folder.id_of("plans")
    folder.store.create("loop", target, kind="shortcut", target=target)
    folder.store.create("up", target, kind="shortcut", target=folder.parent)

    rows = found(opened(folder))

    assert set(rows) == {"plans", "a.pdf", "loop", "up"}
    assert rows["loop"]["kind"] == Kind.SHORTCUT
    assert rows["loop"]["size"] is None
    assert f'"target_id":"{target}"' in rows["loop"]["metadata"]
    assert '"target_mime_type":"application/vnd.google-apps.folder"' in rows["loop"]["metadata"]


def test_googles_own_documents(mine, opened):
    """They have no size (never 0) and no hash, and their version is the proof of a change."""
    document = mine.store.create("minutes", kind="document")
    source = opened(mine)
    before = found(source)["minutes"]

    mine.store.edit(document)

    after = found(source)["minutes"]
    assert before["kind"] == Kind.DOCUMENT
    assert before["size"] is None
    assert before["content_hash"] is None
    assert '"export_links"' in before["metadata"]
    assert before["version"] != after["version"]


def test_what_a_row_tells_of_a_file(mine, opened):
    """Hashes, owner, link, times and the version are Drive's."""
    mine.write("a.txt", b"abc")

    row = found(opened(mine))["a.txt"]

    assert row["content_hash"] == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert '"md5":"900150983cd24fb0d6963f7d28e17f72"' in row["metadata"]
    assert row["owner"] == "ada@example.com"
    assert row["link"].startswith("https://drive.google.com/file/d/")
    assert row["created_at"].date().isoformat() == DAY
    assert row["modified_at"].microsecond % 1000 == 0
    assert row["version"]


def test_a_name_with_a_nul(mine, opened):
    """It can be stored, and what it was is kept."""
    mine.store.create("a\x00b")

    row = found(opened(mine))["a\\x00b"]

    assert '"name_hex":"610062"' in row["metadata"]


def test_what_others_shared(mine, everything, opened):
    """It is in no folder of My Drive; with include_shared it lies beside what does, with what is in it."""
    for place in (mine, everything):
        theirs = place.store.create("theirs", kind="folder", owner="bob@example.com")
        place.store.create("inside", theirs)
        place.store.share(theirs, place.store.account)

    rows, all_rows = found(opened(mine)), found(opened(everything))

    assert rows["theirs"]["parent_id"] == OUTSIDE
    assert rows["inside"]["parent_id"] == rows["theirs"]["external_id"]
    assert all_rows["theirs"]["parent_id"] == all_rows["My Drive"]["external_id"]
    assert all_rows["theirs"]["owner"] == "bob@example.com"


def test_a_folder_that_others_shared_can_be_watched(mine, opened):
    """It is listed like one of the account's own."""
    theirs = mine.store.create("theirs", kind="folder", owner="bob@example.com")
    mine.store.create("deep", mine.store.create("inside", theirs, kind="folder"))
    mine.store.share(theirs, mine.store.account)

    assert set(found(opened(mine, folder_id=theirs))) == {"inside", "deep"}


def test_every_drive_is_a_folder_at_the_top(everything, opened):
    """My Drive and each shared drive, with what is in them."""
    engineering = everything.store.drives[next(iter(everything.store.drives))].id
    everything.store.create("plan", engineering)
    empty = everything.store.shared_drive("Empty")
    everything.write("note", b"")

    rows = found(opened(everything))

    assert {name for name, row in rows.items() if row["parent_id"] is None} == {"My Drive", "Engineering", "Empty"}
    assert rows["plan"]["parent_id"] == rows["Engineering"]["external_id"] == engineering
    assert rows["plan"]["scope"] == f"drive:{engineering}"
    assert rows["plan"]["owner"] is None
    assert rows["Empty"]["external_id"] == empty
    assert rows["note"]["parent_id"] == rows["My Drive"]["external_id"]


def test_all_shared_drives_are_found(everything, opened):
    """There may be more than a page of drives.list has."""
    for number in range(150):
        everything.store.shared_drive(f"Drive {number}")

    assert len(opened(everything).scopes()) == 1 + 1 + 150


@pytest.mark.parametrize("what", ["trash", "delete", "revoke"])
def test_a_watched_folder_that_went_away_is_never_empty(folder, opened, what):
    """It is an error that names it."""
    folder.write("a.txt", b"a")
    source = opened(folder)
    cursor = source.cursor()

    getattr(folder.store, what)(folder.parent)

    for ask in (lambda: list(source.list(source.scopes()[0])), lambda: list(source.changes(cursor)), source.check):
        with pytest.raises(NotFound) as error:
            ask()
        assert folder.parent in error.value.message
        assert error.value.hint


def test_a_folder_above_the_watched_one_is_trashed(folder, opened):
    """What it holds is in the trash with it, and nobody is told so."""
    folder.write("a.txt", b"a")
    source = opened(folder)
    folder.store.trash(folder.store.item(folder.parent).parent.id)

    with pytest.raises(NotFound, match="trash"):
        pages(source)


def test_what_is_watched_must_be_a_folder_of_that_drive(mine, shared, opened):
    """A file, or a folder of another drive than was named, is refused."""
    mine.write("a.txt", b"a")
    with pytest.raises(NotFound, match="no folder"):
        pages(opened(mine, folder_id=mine.id_of("a.txt")))

    outside = shared.store.create("mine", kind="folder")
    with pytest.raises(NotFound, match="does not lie in that shared drive"):
        pages(opened(shared, folder_id=outside))


def test_a_folder_that_vanishes_while_it_is_crawled(folder, opened):
    """It is gone, so nothing was missed; the feed tells of it."""
    populate(folder, {"a/1": b"", "b/2": b""})
    doomed = folder.id_of("a")

    def delete(path, answer):
        if doomed in folder.store.items and any(entry.get("id") == doomed for entry in answer.get("files", ())):
            folder.store.delete(doomed)

    names = [n for page in pages(opened(folder, alter=delete)) for n in page.batch["name"].to_pylist()]

    assert sorted(names) == ["2", "a", "b"]


def test_a_folder_that_may_not_be_read_is_named(folder, opened):
    """The rest is listed, and nothing there may be removed."""
    populate(folder, {"a/1": b"", "a/deep/2": b""})
    source = opened(folder)
    folder.plan.add(Fault.DENY, "files.list", after=2)

    listed = list(source.list(source.scopes()[0]))

    [unread] = [gap for page in listed for gap in page.gaps]
    assert unread.path == "a/deep"
    assert sorted(n for page in listed for n in page.batch["name"].to_pylist()) == ["1", "a", "deep"]


def test_a_folder_that_moves_while_it_is_crawled_is_entered_once(folder, opened):
    """A crawl is not atomic. It comes twice, and what is in it is not asked for again."""
    populate(folder, {"a/x": b"", "b/y": b""})
    a, b = folder.id_of("a"), folder.id_of("b")

    def move(path, answer):
        if {a, b} <= {entry.get("id") for entry in answer.get("files", ())}:
            folder.store.move(a, b)

    listed = ids(pages(opened(folder, alter=move, list_workers=1)))

    assert listed.count(a) == 2
    assert sum(a in asked["q"] for asked in folder.wire.asked("files")) == 1

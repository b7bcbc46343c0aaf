"""What people do with the console, in Chromium on a real server: browse, search, look at changes, decide."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.xdist_group("console")]


def test_browsing_three_levels_down_and_back(visit):
    """Folders, a file, and back to where one was; filters in fields, all of it in the address."""
    page = visit.page
    visit.open("/files")
    tree = page.get_by_role("navigation", name="Places")
    tree.get_by_role("link", name="drawings").click()
    page.get_by_role("list", name="Folders").get_by_role("link", name="floor 2").click()
    page.get_by_role("list", name="Folders").get_by_role("link", name="room 1").click()
    grid = page.get_by_role("grid", name="Files")
    expect(grid).to_have_attribute("aria-rowcount", "4")
    expect(page.get_by_role("status").first).to_contain_text("3 rows")
    grid.get_by_role("link", name="plan 1.dwg").click()
    expect(page.get_by_role("heading", level=1, name="plan 1.dwg")).to_be_visible()
    expect(page.get_by_text("600 B").first).to_be_visible()
    page.go_back()

    expect(page.get_by_role("grid", name="Files").get_by_role("link", name="plan 1.dwg")).to_be_visible()
    assert "folder=floor+2%2Froom+1" in page.url
    tree.get_by_role("link", name="drawings").click()
    page.get_by_text("More filters").click()
    page.get_by_label("Size at least").fill("600 B")
    page.keyboard.press("Enter")
    page.get_by_label("Kind", exact=True).select_option("file")
    expect(page.get_by_role("grid", name="Files")).to_have_attribute("aria-rowcount", "12")
    assert "kind=file&min_size=600" in page.url
    page.get_by_label("Search", exact=True).fill("kind:folder")
    expect(page.get_by_label("Kind", exact=True)).to_be_disabled()


def test_searching_all_stores_with_the_keyboard(visit):
    """`/`, words, Enter; rows with the arrows, Enter opens one; what is looked for is in the address."""
    page = visit.page
    visit.open("/")
    page.keyboard.press("/")
    page.keyboard.type("ext:pdf scan 3")
    page.keyboard.press("Enter")
    grid = page.get_by_role("grid", name="Files")
    expect(grid.get_by_role("row", name="new/scan 30.pdf")).to_be_visible()
    assert "q=ext%3Apdf" in page.url
    grid.focus()
    page.keyboard.press("End")
    expect(grid.get_by_role("row", selected=True)).to_contain_text("scan 39.pdf")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("scan 31.pdf")


def test_a_folder_that_moved_is_one_change(visit):
    """With how many paths it took along; the others beside it, by kind; a part of the time is brushed."""
    page = visit.page
    visit.open("/changes?endpoint=drawings")
    grid = page.get_by_role("grid", name="Changes, the last one first")
    expect(grid.get_by_role("row", name="level 1")).to_contain_text("with 16 paths in it")
    page.get_by_label("Kind").select_option("removed")
    expect(grid.get_by_role("row", name="plan 2.dwg")).to_be_visible()
    expect(grid).to_have_attribute("aria-rowcount", "2")
    assert "kind=removed" in page.url
    strip = page.get_by_role("img", name=re.compile("between")).locator("svg")
    right, left = strip.bounding_box()["width"] - 2, strip.bounding_box()["width"] / 2
    strip.hover(position={"x": left, "y": 40})
    page.mouse.down()
    strip.hover(position={"x": right, "y": 40})
    page.mouse.up()
    expect(page.get_by_label("From")).to_have_value(re.compile(r"\d{4}-.*T\d\d:00"))
    assert re.search("since=.*until=", page.url)
    expect(grid).to_have_attribute("aria-rowcount", "2")
    strip.click(position={"x": 2, "y": 40})  # one bar, of a week ago
    expect(page.get_by_text("Nothing changed")).to_be_visible()
    page.get_by_label("From").fill("")
    page.get_by_label("Until").fill("")
    expect(grid).to_have_attribute("aria-rowcount", "2")


def test_approving_says_what_it_will_do_and_does_what_was_looked_at(visit, place):
    """The number again, cancel by default; what another one decided meanwhile is told, and nothing is done twice."""
    page = visit.page
    visit.expected = {"404 (Not Found)", "409 (Conflict)"}
    visit.open("/held/archive")
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog", name="Approve the held sync of archive")
    expect(dialog).to_contain_text("Remove 30 of 40 files from the inventory of archive.")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    sent = []
    page.on("request", lambda request: sent.append(request.post_data_json) if request.method == "POST" else None)
    held = place.call("GET", "/endpoints/archive/held").json()
    (place.folder / "archive/new/scan 39.pdf").unlink()
    place.sync("archive", full=True)  # another sync is held by now
    dialog.get_by_role("button", name="Approve").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Look again")
    assert sent == [{"sync_id": held["sync_id"], "digest": held["digest"]}]
    assert place.call("GET", "/sync/status?endpoint=archive").json()["endpoints"][0]["files_total"] == 40
    page.keyboard.press("Escape")
    page.reload()
    page.get_by_role("button", name="Approve").click()
    expect(dialog).to_contain_text("Remove 31 of 40 files")
    dialog.get_by_role("button", name="Approve").click()

    expect(page.get_by_text("Approved: the inventory of archive is up to date.")).to_be_visible()
    expect(page.get_by_text("Nothing of archive is held any more")).to_be_visible()
    assert place.call("GET", "/sync/status?endpoint=archive").json()["endpoints"][0]["files_total"] == 9


def test_a_connection_is_tested_in_place(visit):
    """What a store sees, or why not, in the server's words, where one asked."""
    page = visit.page
    visit.open("/endpoints/drawings")
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_text("Connected in")).to_be_visible()
    visit.expected = {"503 (Service Unavailable)"}
    visit.open("/endpoints/lost")
    page.get_by_role("button", name="Test the connection").click()
    expect(page.get_by_role("alert")).to_contain_text("does not exist")

"""Every page in Chromium: full and empty, light and dark, wide and narrow; no rule of accessibility is broken."""

import os
from pathlib import Path

import pytest

from filesync_dagster_tests.web.console.conftest import MIDDLE, NARROW, WIDE
from filesync_dagster_tests.web.console.place import HOSTILE, Place, served

pytestmark = [pytest.mark.xdist_group("console")]

PAGES = {
    "overview": "/",
    "files": "/files?endpoint=drawings",
    "files-in-folder": "/files?endpoint=drawings&folder=hostile",
    "files-search": "/files?q=plan",
    "files-as-of": "/files?endpoint=drawings&as_of=2030-01-01T00:00:00.000Z",
    "changes": "/changes",
    "compare": "/changes/compare?endpoint=drawings&before=2030-01-01T00:00:00.000Z&after=2030-01-01T00:00:00.000Z",
    "endpoints": "/endpoints",
    "endpoint": "/endpoints/drawings",
    "endpoint-failed": "/endpoints/lost",
    "held": "/held",
    "held-sync": "/held/archive",
    "held-plan": "/held/plans/copy",
    "reports": "/reports",
    "report": "/reports/storage_by_type",
    "report-grid": "/reports/activity",
    "settings": "/settings",
    "health": "/health",
    "data-sources": "/data/sources",
    "data-config": "/data/config",
    "data-results": "/data/results",
    "data-export": "/data/export",
    "data-sessions": "/data/sessions",
    "data-tables": "/data/tables",
    "nowhere": "/no/such/page",
}
DIALOGS = {
    "approve": ("/held/archive", "Approve"),
    "reject": ("/held/archive", "Reject"),
    "approve-plan": ("/held/plans/copy", "Approve"),
    "sync": ("/endpoints/drawings", "Sync now"),
    "account": ("/health", "Signed in as admin"),
}
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def pictures():
    """Return where pictures are kept, if somebody wants to look at them."""
    folder = os.environ.get("FILESYNC_PICTURES")
    return Path(folder) if folder else None


def broken_rules(page):
    """Return which rules of accessibility the page breaks, and where."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response
    return [
        f"{one['id']}: {node['html'][:150]} {node.get('failureSummary', '')[:200]}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def keep_picture(page, name):
    """Keep a picture of what is shown."""
    if folder := pictures():
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(folder / f"{name}.png"))


def check_all(visit, theme, sizes, kept=""):
    """Look at every page, in each size; return what is wrong."""
    page, wrong = visit.page, []
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    for name, address in PAGES.items():
        visit.open(address)
        page.wait_for_timeout(250)
        for size in sizes:
            page.set_viewport_size(size)
            keep_picture(page, f"{kept}{name}-{theme}-{size['width']}")
            if page.evaluate("document.documentElement.scrollWidth") > size["width"]:
                wrong.append(f"{name} at {size['width']}: wider than the screen")
        page.set_viewport_size(sizes[0])
        wrong += [f"{name} {theme}: {rule}" for rule in broken_rules(page)]
        if page.locator("h1").count() != 1:
            wrong.append(f"{name}: not one h1")
    return wrong


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_can_be_used_by_everybody(visit, theme):
    """In both themes: names, contrast, order, at 1440, 768 and 320 pixels; one h1 on each."""
    visit.expected = {"404 (Not Found)"}

    assert check_all(visit, theme, [WIDE, MIDDLE, NARROW]) == []


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_dialog_can_be_used_by_everybody(visit, theme):
    """Open, it has a name, the focus, and gives it back."""
    page, wrong = visit.page, []
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    for name, (address, button) in DIALOGS.items():
        visit.open(address)
        opener = page.get_by_role("button", name=button, exact=True)
        opener.click()
        page.get_by_role("dialog").wait_for()
        keep_picture(page, f"dialog-{name}-{theme}")
        wrong += [f"{name} {theme}: {rule}" for rule in broken_rules(page)]
        assert page.evaluate("document.querySelector('dialog').contains(document.activeElement)")
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        assert opener.evaluate("button => button === document.activeElement"), name
    assert wrong == []


@pytest.mark.slow
def test_empty_pages_say_what_would_be_here(visits, tmp_path):
    """With no endpoint at all: what to do next, and no rule is broken."""
    empty = Place(tmp_path)
    empty.file.write_text("endpoints: []\n")
    with served(empty):
        visit = visits(at=empty)
        # Nothing is stored of any moment; and a page that is told what changes asks again when the server has ended.
        visit.expected = {"404 (Not Found)", "409 (Conflict)", "net::ERR_CONNECTION_REFUSED"}
        wrong = check_all(visit, "light", [WIDE, NARROW], "empty-")
    assert wrong == []


IN_THE_DOCS = {
    "files": "/files?endpoint=drawings&folder=floor 2&subfolders=1",
    "changes": "/changes?endpoint=drawings",
    "held": "/held/archive",
    "report": "/reports/storage_by_type",
}


@pytest.mark.slow
def test_pictures_for_the_docs(visits):
    """What docs/console.md shows, as the console is: `make pictures` keeps them."""
    visit = visits(viewport={"width": 1100, "height": 700})
    for name, address in IN_THE_DOCS.items():
        visit.open(address)
        visit.page.get_by_text("Refreshing").first.wait_for(state="hidden")
        visit.page.wait_for_timeout(300)
        keep_picture(visit.page, f"console-{name}")


def test_two_pages_can_be_used_by_everybody(visit):
    """The two with the most on them, on every run; all of them with the long tests."""
    for address in ("/files?endpoint=drawings&folder=hostile", "/held/archive"):
        visit.open(address)
        visit.page.wait_for_timeout(200)
        assert broken_rules(visit.page) == []


def test_hostile_names_are_only_shown(visit):
    """As text, with what would be invisible as its code: in rows, in a file, in changes."""
    visit.open("/files?endpoint=drawings&folder=hostile")
    page = visit.page
    for name in HOSTILE[:1] + HOSTILE[4:]:
        page.get_by_role("gridcell", name=name).first.wait_for()
    page.get_by_role("gridcell", name="invoice\u2039U+202E\u203agpj.exe").first.wait_for()
    page.get_by_role("gridcell", name="zero\u2039U+200B\u203awidth.txt").first.wait_for()
    assert page.locator("img").count() == 0
    assert "\u202e" not in page.locator("body").inner_text()
    page.get_by_role("link", name="invoice").click()
    page.get_by_role("heading", level=1, name="invoice\u2039U+202E\u203agpj.exe").wait_for()
    visit.settle()
    assert "\u202e" not in page.locator("body").inner_text()
    visit.open("/changes?kind=added")
    assert page.locator("img").count() == 0

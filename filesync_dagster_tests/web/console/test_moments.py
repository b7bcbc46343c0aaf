"""Moments in the console, in Chromium: as it was, two of them compared, what changes while one looks; settings."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.xdist_group("console")]


def first_sync(place):
    """Return a moment right after the first sync of the drawings: before what changed since."""
    syncs = place.call("GET", "/api/syncs?endpoint=drawings").json()["items"]
    return syncs[-1]["completed_at"]


def test_files_are_shown_as_they_were(visit, place):
    """A folder that was renamed since has its name of then, all the way down; back to now with one button."""
    page = visit.page
    then = re.sub(r"\+00:00$", "Z", first_sync(place))
    visit.open(f"/files?endpoint=drawings&as_of={then}")
    expect(page.get_by_text("As it was on")).to_be_visible()
    page.get_by_role("list", name="Folders").get_by_role("link", name="floor 1").click()
    page.get_by_role("list", name="Folders").get_by_role("link", name="room 2").click()
    expect(page.get_by_role("grid", name="Files").get_by_role("link", name="plan 0.dwg")).to_be_visible()
    assert "as_of=" in page.url
    page.get_by_role("button", name="Back to now").click()
    expect(page.get_by_text("Nothing lies right here").or_(page.get_by_text("0 rows")).first).to_be_visible()


def test_two_moments_are_compared(visit, place):
    """What is missing since is found without knowing when it went; a young place begins with its first state."""
    page = visit.page
    then = re.sub(r"\+00:00$", "Z", first_sync(place))
    grid = page.get_by_role("grid", name="Differences, by path")
    visit.open("/changes/compare")
    expect(grid.get_by_role("row", name="level 1")).to_contain_text("from floor 1")
    visit.open("/changes/compare?endpoint=lost")
    expect(page.get_by_text("No sync of this endpoint has succeeded yet")).to_be_visible()
    visit.open(f"/changes/compare?endpoint=drawings&before={then}")
    expect(grid.get_by_role("row", name="level 1")).to_contain_text("from floor 1")
    page.get_by_label("Kind").select_option("removed")
    expect(grid.get_by_role("row", name="plan 2.dwg")).to_be_visible()
    expect(grid).to_have_attribute("aria-rowcount", "2")


def test_an_open_page_is_told_what_changed(visit, place):
    """Without a question: a file that comes is in the list, and what fails is counted in the navigation."""
    page = visit.page
    visit.open("/files?endpoint=drawings&folder=told")
    expect(page.get_by_role("link", name="Endpoints 1")).to_contain_text("need you")
    place.write("drawings/told/just now.txt", "x")
    place.sync("drawings")
    expect(page.get_by_role("grid", name="Files").get_by_role("link", name="just now.txt")).to_be_visible()
    page.goto("about:blank")  # what is told without end is over with the page


def test_a_report_has_its_picture_and_all_rows(visit):
    """The picture says in a sentence what it shows; the day before is one click away; the CSV has all rows."""
    page = visit.page
    visit.open("/reports/storage_by_type")
    expect(page.get_by_role("group", name=re.compile("Storage by type.*the most is"))).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV of all rows").click()
    assert download.value.suggested_filename == "storage_by_type.csv"
    visit.open("/reports/activity")
    expect(page.get_by_role("img", name=re.compile("Activity"))).to_be_visible()


def test_settings_hold_and_sessions_end(visit):
    """Density and zone are kept in the browser; a link for a viewer is made; somebody is signed out with a question."""
    page = visit.page
    visit.open("/settings")
    page.get_by_label("Density").select_option("compact")
    page.get_by_label("Times are shown in").select_option("UTC")
    page.reload()
    expect(page.get_by_label("Density")).to_have_value("compact")
    assert page.evaluate("document.documentElement.dataset.density") == "compact"
    expect(page.get_by_label("Times are shown in")).to_have_value("UTC")
    page.get_by_role("button", name="Make a link").click()
    expect(page.get_by_text("Signs in as viewer until")).to_be_visible()
    expect(page.get_by_text("this one")).to_be_visible()
    licences = page.get_by_role("link", name="Licences of the libraries").get_attribute("href")
    assert "react-dom" in page.request.get(licences).text()

"""Data sources and tables in the console: forms of every kind of source, tests, saving; tables with people in them."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.xdist_group("console")]

PEOPLE = "id,email,segment\n" + "".join(f"{n},anna{n}@example.com,{('vip', 'basic')[n % 2]}\n" for n in range(1, 121))


def test_every_kind_of_source_has_a_form(visit, place):
    """Made of its schema alone: each field has a control that fits, secrets are covered."""
    page = visit.page
    for one in place.call("GET", "/api/connectors/available").json()["connectors"]:
        if one["type"] == "local" or not one["installed"]:
            continue
        visit.open(f"/data/sources?connect={one['type']}")
        sheet = page.get_by_role("dialog", name=f"Connect {one['name']}")
        sheet.wait_for()
        assert sheet.locator("[data-control=json]").count() == 0, one["type"]
        fields = one["config_schema"]["properties"]
        for name, field in fields.items():
            if field.get("type") in {"string", "integer", "number"}:
                control = sheet.locator(f'[name="{name}"]')
                expect(control).to_have_count(1)
                if field.get("writeOnly"):
                    expect(control).to_have_attribute("type", "password")


def test_a_source_is_tried_saved_edited_and_removed(visit, place):
    """A test that fails points at the field and loses nothing; after an edit it says that it is out of date."""
    page = visit.page
    visit.expected = {"400 (Bad Request)", "409 (Conflict)"}
    visit.open("/data/sources")
    page.get_by_role("button", name="Connect PostgreSQL").click()
    sheet = page.get_by_role("dialog")
    expect(sheet.get_by_label("Name of this source")).to_be_focused()
    sheet.get_by_label("Name of this source").fill("shop")
    sheet.get_by_role("button", name="Test the connection").click()
    expect(sheet.get_by_label("Host")).to_be_focused()
    sheet.get_by_label("Host").fill("127.0.0.1")
    sheet.get_by_label("Database", exact=False).first.fill("shop")
    sheet.get_by_label("User").fill("reader")
    sheet.get_by_role("button", name="Test the connection").click()
    expect(sheet.get_by_role("alert")).to_contain_text("127.0.0.1 is not allowed")
    expect(sheet.get_by_label("Host")).to_be_focused()
    expect(sheet.get_by_text("Edited since the test")).to_have_count(0)
    sheet.get_by_label("Host").fill("db.example.com")
    expect(sheet.get_by_text("Edited since the test")).to_be_visible()
    expect(sheet.get_by_label("User")).to_have_value("reader")
    sheet.get_by_role("button", name="Save").click()

    row = page.get_by_role("row", name=re.compile("shop"))
    expect(row.get_by_role("checkbox", name="Use shop")).to_be_checked()
    assert "source=shop" in page.url
    page.get_by_role("button", name="Edit shop").click()
    sheet.get_by_label("User").fill("writer")
    sheet.get_by_role("button", name="Save").click()
    expect(sheet).to_have_count(0)
    assert place.call("GET", "/api/sources/shop").json()["config"]["username"] == "writer"
    page.get_by_role("button", name="Remove shop").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(row).to_have_count(0)


def test_people_are_masked_until_somebody_asks(visit, place):
    """A table of an upload: how it is read, profile, rows, and people only after a question that says what it notes."""
    page = visit.page
    file = place.call("POST", "/api/upload/file", files={"file": ("people.csv", PEOPLE.encode())}).json()
    visit.open(f"/data/sources?look={file['upload_id']}")
    sheet = page.get_by_role("dialog", name="First rows of people.csv")
    expect(sheet.get_by_text("Rows 1 to 20 of 120")).to_be_visible()
    assert "anna1@example.com" not in sheet.inner_text()
    odd = place.call("POST", "/api/upload/file", files={"file": ("odd.csv", b"a:b\n1:2\n3:4\n")}).json()["upload_id"]
    visit.open(f"/data/sources?read={odd}")
    sheet = page.get_by_role("dialog", name="How odd.csv is read")
    sheet.get_by_label("Delimiter").select_option("colon")
    sheet.get_by_label("Types of columns").fill("b: text")
    sheet.get_by_role("button", name="Read it so").click()
    expect(sheet).to_have_count(0)
    told = place.call("GET", f"/api/uploads/{odd}").json()
    assert (told["reading"]["delimiter"], told["reading"]["types"]) == (":", {"b": "text"})
    assert told["tables"][0]["columns"] == 2
    visit.open("/data/tables")
    page.get_by_role("grid", name="Tables").get_by_role("link", name="people").first.click()
    expect(page.get_by_role("heading", level=1, name="people")).to_be_visible()
    expect(page.get_by_role("img", name="The most frequent values of segment")).to_be_visible()
    page.get_by_role("button", name="Rows", exact=True).click()
    rows = page.get_by_role("region", name="Rows of people")
    expect(rows.get_by_role("cell", name="vip").first).to_be_visible()
    assert "anna1@example.com" not in page.locator("body").inner_text()
    page.get_by_role("button", name="Show person data").click()
    page.get_by_role("dialog").get_by_role("button", name="Show", exact=True).click()

    expect(rows.get_by_role("cell", name="anna1@example.com")).to_be_visible()
    assert "view=rows" in page.url
    assert "reveal" not in page.url

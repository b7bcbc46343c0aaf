"""Uploads of the console in Chromium: dropped, paused, resumed after a reload, refused, removed."""

import re

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.xdist_group("console")]

SLOW_BYTES = 400_000
"""A second, of which a test has time to pause it."""


def row_of(page, name):
    """Return the row of an upload."""
    return page.get_by_role("list", name="Uploaded files").get_by_role("listitem").filter(has_text=name)


def choose(page, *files):
    """Choose files, as the dialog of the browser does."""
    page.get_by_test_id("files").set_input_files(list(files))


def slow_down(page, bytes_per_second):
    """Let the network take its time; None: as fast as it goes."""
    devtools = page.context.new_cdp_session(page)
    upload = -1 if bytes_per_second is None else bytes_per_second
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
    devtools.send("Network.emulateNetworkConditions", conditions)


def test_files_that_are_dropped_are_uploaded_and_chosen(visit):
    """Wherever on the page they are let go; what is ready is in the address, and stays after a reload."""
    page = visit.page
    visit.open("/data/sources")
    page.evaluate(
        """() => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(["id,name\\n1,a\\n2,b\\n"], "dropped.csv"));
          transfer.items.add(new File(["x"], ".DS_Store"));
          const footer = document.querySelector("h1");
          for (const kind of ["dragenter", "dragover", "drop"])
            footer.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }"""
    )
    row = row_of(page, "dropped.csv")
    expect(row).to_contain_text("ready")
    expect(row).to_contain_text("1 table, 2 rows")
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(page.get_by_text("1 file and 0 sources chosen")).to_be_visible()
    assert re.search(r"upload=[0-9a-f]{32}", page.url)
    page.reload()

    expect(row_of(page, "dropped.csv").get_by_role("checkbox")).to_be_checked()
    expect(row_of(page, ".DS_Store")).to_have_count(0)


def test_an_upload_goes_on_after_a_pause_and_after_a_reload(visit, place, tmp_path):
    """From where it was: what arrived is not sent again."""
    page = visit.page
    big = tmp_path / "big.csv"
    big.write_bytes(b"id,text\n" + b"1,abcdefgh\n" * (SLOW_BYTES // 11))
    visit.open("/data/sources")
    slow_down(page, SLOW_BYTES // 2)
    choose(page, big)
    row = row_of(page, "big.csv")
    expect(row).to_contain_text(re.compile(r"[1-9][\d.]* kB of 400 kB"))
    page.get_by_role("button", name="Pause big.csv").click()
    expect(row).to_contain_text("paused")
    page.reload()
    expect(row).to_contain_text("unfinished")
    expect(row).to_contain_text("Choose the same file again")
    arrived = place.call("GET", "/api/uploads").json()["uploads"][0]
    assert 0 < arrived["received"] < arrived["size"]
    slow_down(page, None)
    sent = []
    page.on("request", lambda one: sent.append(one.headers.get("upload-offset")) if one.method == "PATCH" else None)
    choose(page, big)
    expect(row).to_contain_text("ready")

    expect(row).to_have_count(1)
    whole = place.call("GET", f"/api/uploads/{arrived['upload_id']}").json()
    assert whole["state"] in {"ready", "reading"}  # for it is read as soon as it is there
    assert whole["received"] == big.stat().st_size
    assert sent == [str(arrived["received"])]


def test_what_is_refused_says_why_and_can_be_removed(visit):
    """In the server's words, where it stands; removing asks first."""
    page = visit.page
    visit.expected = {"400 (Bad Request)", "415 (Unsupported Media Type)"}
    visit.open("/data/sources")
    choose(
        page,
        {"name": "tool.exe", "mimeType": "application/x-dosexec", "buffer": b"MZ"},
        {"name": "lies.xlsx", "mimeType": "application/zip", "buffer": b"no workbook at all"},
    )
    expect(row_of(page, "tool.exe")).to_contain_text("Files of this type are not read")
    expect(row_of(page, "lies.xlsx")).to_contain_text("refused")
    page.get_by_role("button", name="Remove lies.xlsx").click()
    dialog = page.get_by_role("dialog", name="Remove lies.xlsx")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    dialog.get_by_role("button", name="Remove", exact=True).click()

    expect(row_of(page, "lies.xlsx")).to_have_count(0)
    page.get_by_role("button", name="Remove tool.exe").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(row_of(page, "tool.exe")).to_have_count(0)

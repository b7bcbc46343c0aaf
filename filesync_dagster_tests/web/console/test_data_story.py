"""The whole story of synthetic data in the console: two files, how they belong together, rows, a report, a download."""

import json
import random
import re
import zipfile

import pytest
from playwright.sync_api import expect

from filesync_dagster_tests.web.console.test_data_uploads import choose, row_of
from filesync_dagster_tests.web.console.test_every_page import broken_rules, keep_picture

pytestmark = [pytest.mark.xdist_group("console")]

VIEWS = ("Tables", "Relations", "Privacy", "Rows")


def shop():
    """Return customers and their orders, as files for a page."""
    dice = random.Random(5)
    customers = ["id,country,segment,signup"]
    orders = ["id,customer_id,net,shipping,total"]
    for number in range(1, 121):
        segment = dice.choice(("basic", "plus", "vip"))
        customers.append(f"{number},{dice.choice(('DE', 'FR', 'IT'))},{segment},2024-{number % 12 + 1:02}-10")
        for _ in range(dice.randint(0, {"basic": 2, "plus": 4, "vip": 8}[segment])):
            net, shipping = dice.randint(5, 90), dice.choice((0, 5, 9))
            orders.append(f"{len(orders)},{number},{net},{shipping},{net + shipping}")
    return [
        {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
        for name, lines in (("customers", customers), ("orders", orders))
    ]


@pytest.mark.timeout(600)
def test_from_two_files_to_a_download(visit, place, tmp_path):
    """Upload, configure, generate, look, reload, export, download: each step from the one before."""
    page = visit.page
    page.set_default_timeout(60_000)
    visit.open("/data/sources")
    choose(page, *shop())
    expect(row_of(page, "customers.csv")).to_contain_text("ready")
    expect(row_of(page, "orders.csv")).to_contain_text("ready")
    expect(page.get_by_text("2 files and 0 sources chosen")).to_be_visible()
    page.get_by_role("link", name="Configure").click()
    relation = page.get_by_role("listitem").filter(has_text="orders.customer_id → customers.id")
    expect(relation).to_be_visible(timeout=60_000)
    relation.get_by_role("button", name="Confirm").click()
    expect(relation).to_contain_text("confirmed")
    page.get_by_role("group", name="Tables").get_by_role("button", name="orders").click()
    expect(page.get_by_role("checkbox", name="total = net + shipping")).to_be_checked()
    page.get_by_label("Seed", exact=True).fill("7")
    assert broken_rules(page) == []
    keep_picture(page, "data-config")
    sent = []
    page.on("request", lambda one: sent.append(one.post_data_json) if one.url.endswith("/sdv/generate") else None)
    page.get_by_role("button", name="Generate").click()
    page.wait_for_url(re.compile("/data/results.*session=session_[0-9a-f]{32}"))
    page.reload()  # it goes on without this page
    expect(page.get_by_role("region", name="Headline: the worst group")).to_be_visible(timeout=120_000)

    assert sent[0]["random_seed"] == 7
    assert sent[0]["relationships"][0]["target_column"] == "customer_id"
    expect(page.get_by_text("seed 7")).to_be_visible()
    expect(page.get_by_text("smoke detector and no proof")).to_be_visible()
    assert broken_rules(page) == []
    keep_picture(page, "data-results")
    for view in VIEWS:
        page.get_by_role("button", name=view, exact=True).click()
        visit.settle()
        keep_picture(page, f"data-results-{view.lower()}")
    page.get_by_role("region", name=re.compile("Synthetic rows of")).get_by_role("row").first.wait_for()
    check_download(page, tmp_path)
    check_other_format(page, place)


def check_download(page, folder):
    """Take the files of the generation away."""
    page.get_by_role("main").get_by_role("link", name="Export").last.click()
    expect(page.get_by_role("table", name="Files")).to_be_visible()
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download synthetic_data.zip").click()
    coming.value.save_as(folder / "data.zip")
    with zipfile.ZipFile(folder / "data.zip") as made:
        assert {"customers.csv", "orders.csv"} <= set(made.namelist())
        assert json.loads(made.read("manifest.json"))["notice"].startswith("Synthetic, not anonymous")
    keep_picture(page, "data-export")


def check_databases(page):
    """Say which field of a database is missing or not allowed, with the focus there; what waits can be cancelled."""
    page.get_by_role("button", name="Write to a database").click()
    sheet = page.get_by_role("dialog", name="Write into a PostgreSQL database")
    sheet.get_by_role("button", name="Write", exact=True).click()
    expect(sheet.get_by_label("Host")).to_be_focused()
    sheet.get_by_label("Host").fill("127.0.0.1")
    sheet.get_by_label("Database (required)").fill("test")
    sheet.get_by_label("User").fill("writer")
    sheet.get_by_role("button", name="Write", exact=True).click()
    expect(sheet.get_by_label("Schema")).to_be_focused()
    sheet.get_by_label("Schema").fill("made")
    assert broken_rules(page) == []
    keep_picture(page, "data-export-database")
    sheet.get_by_role("button", name="Write", exact=True).click()
    row = page.get_by_role("table", name="Exports that were asked for").get_by_role("row").filter(has_text="into")
    expect(row).to_contain_text("into 127.0.0.1/test, made")
    expect(row).to_contain_text("failed", timeout=60_000)


def check_other_format(page, place):
    """Export as SQL, and find the generation among all of them."""
    page.get_by_role("radio", name="SQL").check()
    page.get_by_role("button", name="Export as SQL").click()
    row = page.get_by_role("table", name="Exports that were asked for").get_by_role("row").filter(has_text="SQL")
    expect(row).to_contain_text("completed", timeout=60_000)
    check_databases(page)
    page.get_by_role("link", name="Generations").click()
    listed = page.get_by_role("table", name="Generations").get_by_role("row").filter(has_text="customers")
    expect(listed.first).to_contain_text("completed")
    session = re.search("session_[0-9a-f]{32}", listed.first.get_by_role("link").get_attribute("href"))[0]
    files = place.call("GET", f"/api/sdv/sessions/{session}/files").json()["files"]
    assert any(one["name"].endswith(".sql") for one in files)

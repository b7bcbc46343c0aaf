"""The console in Chromium: signing in and out, its shell, /health; with the keyboard, in both themes, at any width."""

import pytest
from playwright.sync_api import expect

from filesync_dagster.web.console.sessions import offer_code
from filesync_dagster_tests.web.console.conftest import NARROW
from filesync_dagster_tests.web.console.place import TOKEN

pytestmark = [pytest.mark.xdist_group("console")]


def test_signing_in_keeps_the_address(visits):
    """A wrong token is told in place; the right one leads to the page that was asked for; out leads to the door."""
    visit = visits(signed_in=False)
    visit.expected = {"403 (Forbidden)"}
    visit.open("/health?odd=kept")
    page = visit.page
    page.get_by_label("Token of the API").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("The token is wrong.")
    page.get_by_label("Token of the API").fill(TOKEN)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", level=1)).to_have_text("Health")
    assert page.url.endswith("/console/health?odd=kept")
    expect(page.get_by_role("row", name="lost")).to_contain_text("failed")
    assert page.evaluate("document.cookie") == ""
    assert page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]
    assert TOKEN not in page.content()
    page.get_by_role("button", name="Signed in as admin").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_link_signs_in_and_is_gone(visits, place):
    """`/enter?code=…`: the code is in no address afterwards; used again, it is told, and the token still works."""
    with place.opened() as filesync:
        code = offer_code(filesync.runtime.metadata.console_sessions)
    first, second = visits(signed_in=False), visits(signed_in=False)
    first.page.goto(f"{place.url}/console/enter?code={code}")
    expect(first.page.get_by_role("navigation", name="Pages")).to_be_visible()
    assert code not in first.page.url

    second.expected = {"403 (Forbidden)"}
    second.page.goto(f"{place.url}/console/enter?code={code}")
    expect(second.page.get_by_role("alert")).to_contain_text("used already")
    expect(second.page.get_by_label("Token of the API")).to_be_visible()


def test_a_session_that_ended_asks_to_sign_in(visits, place):
    """In the middle of a visit, and the address stays."""
    import httpx

    own = {"origin": place.url}
    cookie = httpx.post(f"{place.url}/console/session", json={"token": TOKEN}, headers=own).cookies["filesync_session"]
    visit = visits(signed_in=False)
    visit.expected = {"401 (Unauthorized)"}
    visit.page.context.add_cookies([{"name": "filesync_session", "value": cookie, "url": place.url}])
    visit.open("/health")
    with place.opened() as filesync:
        from filesync_dagster.web.console.sessions import digest_of

        filesync.runtime.metadata.console_sessions.end(digest_of(cookie))

    visit.page.evaluate("window.dispatchEvent(new Event('filesync:signed-out'))")
    expect(visit.page.get_by_label("Token of the API")).to_be_visible()
    assert visit.page.url.endswith("/console/health")


def test_the_theme_is_chosen_and_kept(visit):
    """Set before the first paint by the server, whatever the system has."""
    page = visit.page
    visit.open("/health")
    page.get_by_role("button", name="Signed in as").click()
    page.get_by_label("Theme").select_option("dark")
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="Signed in as")).to_be_focused()
    page.reload()
    assert page.locator("html").get_attribute("class") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"


def test_it_is_used_with_the_keyboard_alone(visit):
    """Skip link, keys, dialogs that give the focus back, the focus on the title of each page."""
    page = visit.page
    visit.open("/health")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox", name="Search all files")).to_be_focused()
    page.keyboard.press("?")  # in a field it is a letter
    expect(page.get_by_role("searchbox")).to_have_value("?")
    page.keyboard.press("Tab")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys of the console")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.get_by_role("heading", level=1, name="Health")).to_be_visible()


def test_on_a_narrow_screen_nothing_is_cut(visits):
    """320 pixels: no sideways scrolling, the navigation is behind a button."""
    visit = visits(viewport=NARROW)
    visit.open("/health")

    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 320
    visit.page.get_by_role("button", name="Menu").click()
    expect(visit.page.get_by_role("link", name="Health")).to_be_visible()

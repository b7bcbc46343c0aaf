"""Chromium on a real `filesync serve`: a page that fails the test when the policy is violated or an error is logged."""

import shutil
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from filesync_dagster_tests.web.console.place import Place, fill, served

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
QUIET = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--force-color-profile=srgb",
    "--font-render-hinting=none",
]
PATIENCE_MILLISECONDS = 60_000  # a machine may be busy with other tests
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
WIDE, MIDDLE, NARROW = ({"width": width, "height": 900} for width in (1440, 768, 320))


@dataclass
class Visit:
    """A page of the console, and what went wrong in it."""

    place: Place
    page: object
    errors: list = field(default_factory=list)
    expected: set = field(default_factory=set)

    def open(self, path):
        """Go to an address of the console, and wait until it shows what was asked for."""
        self.page.goto(f"{self.place.url}/console{path}")
        self.page.locator("h1").first.wait_for()
        self.settle()

    def settle(self):
        """Wait until nothing is loading."""
        from playwright.sync_api import expect

        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)

    def problems(self):
        """Return what no page may do: violate the policy, log an error, ask another host."""
        with suppress(Exception):  # a page that was closed has none
            self.errors += self.page.evaluate("window.violations")
        return [one for one in self.errors if not any(text in one for text in self.expected)]


@pytest.fixture(scope="module")
def browser():
    """Return Chromium."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        if not shutil.which(CHROMIUM):
            pytest.skip("Chromium is not installed")
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """Return a served place with data: one for all, so a test may not rely on what another one left or took away."""
    made = Place(tmp_path_factory.mktemp("console"))
    fill(made)
    with served(made):
        yield made


@pytest.fixture
def visits(browser, place):
    """Return a function that opens a page: of somebody who is signed in, unless said otherwise."""
    opened = []

    def visit(*, signed_in=True, at=place, viewport=WIDE, **options):
        context = browser.new_context(
            viewport=viewport, locale="en-GB", timezone_id="UTC", reduced_motion="reduce", **options
        )
        context.add_init_script(WATCH)
        if signed_in:
            context.add_cookies([{"name": "filesync_session", "value": at.cookie, "url": at.url, "httpOnly": True}])
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        one = Visit(at, page)
        page.on("pageerror", lambda error: one.errors.append(f"error: {error}"))
        page.on("console", lambda message: one.errors.append(message.text) if message.type == "error" else None)
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((at.url, "data:", "blob:"))
                else one.errors.append(f"asked another host: {request.url}")
            ),
        )
        opened.append((context, one))
        return one

    yield visit
    found = [problem for _, one in opened for problem in one.problems()]
    for context, _ in opened:
        context.close()
    assert found == []


@pytest.fixture
def visit(visits):
    """Return the page of somebody who is signed in."""
    return visits()

"""The built console is what its sources say, whole, small enough, and never silently absent. No Node is needed here."""

import gzip
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from filesync_dagster.core.errors import ServiceError
from filesync_dagster.web.console.bundle import Bundle
from filesync_dagster_tests.web.conftest import Client

ROOT = Path(__file__).parents[3]
CONSOLE = ROOT / "console"
STATIC = ROOT / "filesync_dagster" / "web" / "static"
SOURCE_FOLDERS = ("src", "build")
SOURCE_FILES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts")

FIRST_PAGE_SCRIPT_BYTES = 200 * 1024
FIRST_PAGE_STYLE_BYTES = 15 * 1024
ALL_SCRIPTS_BYTES = 450 * 1024
"""All compressed with gzip, as CONSOLE.md §9 has them."""

needs_sources = pytest.mark.skipif(not CONSOLE.is_dir(), reason="the sources of the console are in a clone only")


def sources_digest():
    """Return what build/hash.ts computes."""
    found = [path for name in SOURCE_FOLDERS for path in (CONSOLE / name).rglob("*") if path.is_file()]
    found += [CONSOLE / name for name in SOURCE_FILES]
    names = {path.relative_to(CONSOLE).as_posix(): path for path in found}
    kept = sorted(name for name in names if not re.search(r"\.d\.ts$|\.test\.tsx?$", name))
    lines = (f"{sha256(names[name].read_bytes()).hexdigest()}  {name}\n" for name in kept)
    return sha256("".join(lines).encode()).hexdigest()


def build():
    """Return what BUILD.json says."""
    return json.loads((STATIC / "BUILD.json").read_text())


def first_files():
    """Return the files that index.html loads before anything is shown."""
    return re.findall(r'(?:src|href)="\./(assets/[^"]+)"', (STATIC / "index.html").read_text())


@needs_sources
def test_the_bundle_is_of_these_sources():
    """Whoever changes the console builds it: `make console`."""
    assert build()["sources"] == sources_digest(), "the console is stale: run `make console`"


def test_every_file_is_there_and_as_it_was_built():
    """No file is missing, altered or left over, and each copy that is compressed has the same content."""
    files = build()["files"]
    found = {path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file()} - {"BUILD.json"}

    assert found == set(files)
    for name, about in files.items():
        content = (STATIC / name).read_bytes()
        assert (sha256(content).hexdigest(), len(content)) == (about["sha256"], about["bytes"]), name
        if name.endswith(".gz"):
            assert gzip.decompress(content) == (STATIC / name.removesuffix(".gz")).read_bytes()


def test_what_is_loaded_first_is_small():
    """The first page, and all pages together."""
    size = {
        name: (STATIC / f"{name}.gz").stat().st_size for name in build()["files"] if re.search(r"\.(js|css)$", name)
    }
    first = first_files()

    assert first
    assert sum(size[name] for name in first if name.endswith(".js")) <= FIRST_PAGE_SCRIPT_BYTES
    assert sum(size[name] for name in first if name.endswith(".css")) <= FIRST_PAGE_STYLE_BYTES
    assert sum(size[name] for name in size if name.endswith(".js")) <= ALL_SCRIPTS_BYTES


def test_nothing_of_others_is_loaded():
    """No address of another host is loaded, no script or style stands in the page: the policy would forbid it."""
    page = (STATIC / "index.html").read_text()

    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert not re.search(r"<style|<script(?![^>]*\bsrc=)", page)


def test_a_console_that_was_not_built_is_an_error_at_the_start(tmp_path):
    """Not a page that is not found."""
    with pytest.raises(ServiceError, match="make console"):
        Bundle(tmp_path)


def test_a_file_is_sent_as_it_is_accepted(stranger):
    """Compressed, for ever, with a tag; what there is not is 404 and not the page."""
    script = next(name for name in first_files() if name.endswith(".js"))
    answers = {
        coding: stranger.get(f"/console/{script}", headers={"accept-encoding": coding})
        for coding in ("br;q=0, gzip", "identity")
    }

    assert answers["identity"].content == answers["br;q=0, gzip"].content  # httpx decompresses
    assert answers["br;q=0, gzip"].headers["content-encoding"] == "gzip"
    assert "content-encoding" not in answers["identity"].headers
    assert "immutable" in answers["identity"].headers["cache-control"]
    again = stranger.get(
        f"/console/{script}",
        headers={"if-none-match": answers["identity"].headers["etag"], "accept-encoding": "identity"},
    )
    assert (again.status_code, again.content) == (304, b"")
    assert stranger.get("/console/assets/nothing.js").status_code == 404
    assert stranger.get("/console/assets/../index.html").status_code in {200, 404}
    assert stranger.get("/console/assets/%2e%2e/BUILD.json").status_code == 404


@pytest.mark.parametrize("path", ["/console/", "/console/health", "/console/files/docs/1", "/console/index.html"])
def test_every_address_of_the_console_is_its_page(stranger, path):
    """It is asked for each time, and may run nothing that is not ours."""
    answer = stranger.get(path)

    assert answer.status_code == 200
    assert '<base href="/console/"' in answer.text
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("prefix", "base"),
    [
        ("/tools/filesync", "/tools/filesync/console/"),
        ("/tools/", "/tools/console/"),
        ("//evil.example", "/console/"),
        ('/"><script>', "/console/"),
        ("https://evil.example", "/console/"),
        ("/../..", "/../../console/"),
    ],
)
def test_below_a_prefix_of_a_proxy_all_addresses_are_below_it(stranger, prefix, base):
    """A prefix that is no path is none."""
    page = stranger.get("/console/", headers={"x-forwarded-prefix": prefix}).text

    assert f'<base href="{base}"' in page
    assert page.count("<base ") == 1
    assert "evil" not in page


def test_the_theme_is_there_before_anything_is_painted(stranger):
    """The cookie says which; another value than the two is none."""
    dark = stranger.get("/console/", headers={"cookie": "filesync_theme=dark"}).text
    odd = stranger.get("/console/", headers={"cookie": 'filesync_theme=x" onload="y'}).text

    assert '<html lang="en" class="dark"' in dark
    assert "onload" not in odd


def test_the_door_leads_into_the_console(project: object, stranger: Client):
    """Without the slash at its end, wherever a proxy has it."""
    answer = stranger.get("/console")

    assert (answer.status_code, answer.headers["location"]) == (307, "console/")

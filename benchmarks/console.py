"""The web console in Chromium over `filesync serve` with a million files of a thousand endpoints: its budgets."""

import gzip
import json
import math
import os
import re
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import psutil
import pyarrow as pa

from benchmarks.database import NOW, ended
from benchmarks.diff import ENTRIES
from filesync_dagster import Filesync
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster_tests.web.console.conftest import CHROMIUM, QUIET
from filesync_dagster_tests.web.console.place import TOKEN, Place, served

STATIC = Path(__file__).parents[1] / "filesync_dagster" / "web" / "static"
LARGE_COUNT = 10
"""Endpoints that have nearly all of the files; each of the others has one."""
REPEATS = 40
SLOWDOWN = 4
SCROLL_SECONDS = 10
IDLE_SECONDS = 30
POLL_SECONDS = 30
"""How often an open page asks while it is told what changes (console/src/api/queries.ts)."""
WARM_UP_COUNT = 20

PAINTED = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null"""

FIRST_ROWS = """() => new Promise((done) => {
  const began = performance.now();
  [...document.querySelectorAll("ul[aria-label=Folders] a")].find((one) => one.textContent.startsWith("many")).click();
  const look = () => {
    const grid = document.querySelector("[role=grid]");
    const isThere = Number(grid?.getAttribute("aria-rowcount")) > 1000 && grid.querySelector("[aria-rowindex='2'] a");
    if (isThere) done(performance.now() - began); else requestAnimationFrame(look);
  };
  look();
})"""

SCROLL = """(seconds) => new Promise((done) => {
  const scroller = document.querySelector("[role=grid]");
  const [began, frames] = [performance.now(), []];
  let last = began, most = 0;
  const step = (now) => {
    frames.push(now - last);
    last = now;
    most = Math.max(most, scroller.querySelectorAll("[role=row]").length);
    scroller.scrollTop += 90;
    if (now - began < seconds * 1000) requestAnimationFrame(step); else done({ frames: frames.slice(1), most });
  };
  requestAnimationFrame(step);
})"""

TO_THE_END = """() => new Promise((done) => {
  const scroller = document.querySelector("[role=grid]");
  const began = performance.now();
  scroller.scrollTop = scroller.scrollHeight;
  const look = () => {
    const last = scroller.querySelector(`[aria-rowindex='${scroller.getAttribute("aria-rowcount")}'] a`);
    if (last) done(performance.now() - began); else requestAnimationFrame(look);
  };
  look();
})"""

NAVIGATE = """async (count) => {
  const pages = ["/", "/files", "/changes", "/held", "/reports", "/health", "/settings"];
  const until = (is) => new Promise((done) => {
    const began = performance.now();
    const look = () => (is() || performance.now() - began > 5000 ? done() : requestAnimationFrame(look));
    look();
  });
  for (let at = 0; at < count; at += 1) {
    const path = `/console${pages[at % pages.length]}`;
    [...document.querySelectorAll("nav a")].find((one) => new URL(one.href).pathname === path).click();
    await until(() => location.pathname === path && document.querySelector("h1"));
    await until(() => !document.querySelector("[aria-busy=true]"));
  }
}"""


def run(files: int, endpoints: int, navigations: int, consoles: int) -> dict[str, Any]:
    """Return what the bundle weighs, how fast pages and what they ask are, and what open pages cost."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder))
        fill(place, files, endpoints)
        with served(place):
            return {
                "files": files,
                "endpoints": endpoints,
                "load_per_core": round(os.getloadavg()[2] / (os.cpu_count() or 1), 1),
                **sizes(),
                **questions(place),
                **in_browser(place, navigations),
                **open_pages(place, consoles),
            }


def fill(place: Place, files: int, endpoints: int) -> None:
    """Write the inventory as if it had been synced: the first endpoint has its files in one folder."""
    lines = "\n".join(
        f"  - {{name: store_{n:04}, type: local, endpoint_details: {{path: store}}}}" for n in range(endpoints)
    )
    place.file.write_text(f"endpoints:\n{lines}\n")
    (place.folder / "store").mkdir()
    with place.opened() as filesync:
        for number, endpoint in enumerate(filesync.config.endpoints):
            share = files // LARGE_COUNT
            few = (
                (number * share, (number + 1) * share) if number < LARGE_COUNT else (files + number, files + number + 1)
            )
            _commit(filesync, endpoint, entries(*few, folder="many/" if number == 0 else ""))


def _commit(filesync: Filesync, endpoint: Any, rows: pa.Table) -> None:
    metadata = filesync.runtime.metadata
    endpoint_id = filesync.runtime.register(endpoint)
    with metadata.leases.hold(endpoint_id) as lease:
        log, state = ended(endpoint_id, f"first-{endpoint_id}", NOW, rows.num_rows)
        metadata.commit(lease, log, state, imported=iter(rows.to_batches(max_chunksize=50_000)))


def entries(low: int, high: int, folder: str) -> pa.Table:
    """Return the rows of files by their numbers; all in one folder, if it is named."""
    query = ENTRIES.format(edit=0, low=low, high=high, present="true")
    if folder:
        query = query.replace(
            "'projects/' || (i // 2000) || '/phase-' || (i % 7) || '/drawing-'", f"'{folder}drawing-'"
        )
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        return con.sql(query).to_arrow_table().cast(FILE_SCHEMA)


def sizes() -> dict[str, float]:
    """Return how many KiB a browser fetches, compressed with gzip: for the first page, and of all pages."""
    kib = {
        path.name: len(gzip.compress(path.read_bytes(), 9)) / 1024
        for path in (STATIC / "assets").iterdir()
        if path.suffix in {".js", ".css"}
    }
    first = re.findall(r'(?:src|href)="\./assets/([^"]+)"', (STATIC / "index.html").read_text())
    return {
        "first_scripts_kib": round(sum(kib[name] for name in first if name.endswith(".js")), 1),
        "first_styles_kib": round(sum(kib[name] for name in first if name.endswith(".css")), 1),
        "all_scripts_kib": round(sum(size for name, size in kib.items() if name.endswith(".js")), 1),
    }


def questions(place: Place) -> dict[str, float]:
    """Return milliseconds of what pages ask the server for: of 95 of 100, and the median."""
    asked: dict[str, Callable[[int], dict[str, Any]]] = {
        "overview": lambda _: {"url": "/api/overview"},
        "sort_by_size": lambda at: {
            "url": "/api/files",
            "params": {"sort": "size", "descending": "true", "limit": 200, "min_size": 0, "max_size": 10_000_000 - at},
        },
        "search": lambda at: {"url": "/api/files", "params": {"q": f"drawing-{at * 7919}", "limit": 200}},
        "search_nothing": lambda at: {"url": "/api/files", "params": {"q": f"no file is {at}", "limit": 200}},
    }
    found = {}
    with client(place) as http:
        for name, request_of in asked.items():
            times = [_request_ms(http, request_of(at)) for at in range(REPEATS)]
            found[f"{name}_p95_ms"] = percentile(times, 95)
            found[f"{name}_median_ms"] = round(statistics.median(times), 1)
    return found


def client(place: Place) -> httpx.Client:
    """Return a client that asks as a program does."""
    return httpx.Client(base_url=place.url, headers={"authorization": f"Bearer {TOKEN}"}, timeout=60)


def _request_ms(http: httpx.Client, request: dict[str, Any]) -> float:
    began = time.perf_counter()
    http.get(**request).raise_for_status()
    return (time.perf_counter() - began) * 1000


def percentile(values: list[float], hundredths: int) -> float:
    """Return what so many of a hundred values do not exceed."""
    return round(sorted(values)[math.ceil(len(values) * hundredths / 100) - 1], 1)


def in_browser(place: Place, navigations: int) -> dict[str, Any]:
    """Return how fast pages are painted and scrolled, and what they leave behind."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, "--enable-precise-memory-info"])
        try:
            return {
                **_first_paint(browser, place),
                **_long_list(browser, place),
                **_growth(browser, place, navigations),
            }
        finally:
            browser.close()


@contextmanager
def new_page(browser: Any, place: Place) -> Iterator[tuple[Any, Any]]:
    """Lend a page of somebody who is signed in, with nothing in its cache, and its developer tools."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB", timezone_id="UTC")
    context.add_cookies([{"name": "filesync_session", "value": place.cookie, "url": place.url, "httpOnly": True}])
    page = context.new_page()
    page.set_default_timeout(120_000)
    tools = context.new_cdp_session(page)
    tools.send("Performance.enable", {"timeDomain": "threadTicks"})
    yield page, tools
    context.close()


def metrics(tools: Any) -> dict[str, float]:
    """Return what Chromium counts of a page."""
    return {one["name"]: one["value"] for one in tools.send("Performance.getMetrics")["metrics"]}


def _first_paint(browser: Any, place: Place) -> dict[str, float]:
    painted, interactive, busy = [], [], []
    for _ in range(3):
        with new_page(browser, place) as (page, tools):
            tools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
            page.goto(f"{place.url}/console/", wait_until="commit")
            page.wait_for_function("() => document.querySelector('nav a') && document.querySelector('h1')")
            interactive.append(page.evaluate("() => performance.now()"))
            painted.append(page.evaluate(PAINTED))
            busy.append(metrics(tools)["TaskDuration"] * 1000)
    return {
        "first_paint_ms": round(min(painted)),
        "interactive_ms": round(min(interactive)),
        "interactive_cpu_ms": round(min(busy)),
    }


def _long_list(browser: Any, place: Place) -> dict[str, float]:
    with new_page(browser, place) as (page, tools):
        page.goto(f"{place.url}/console/files?endpoint=store_0000")
        page.get_by_role("list", name="Folders").get_by_role("link", name="many").wait_for()
        first_rows = page.evaluate(FIRST_ROWS)
        before = metrics(tools)["TaskDuration"]
        scrolled = page.evaluate(SCROLL, SCROLL_SECONDS)
        busy = metrics(tools)["TaskDuration"] - before
        to_the_end = page.evaluate(TO_THE_END)
        tools.send("HeapProfiler.collectGarbage")
        heap = metrics(tools)["JSHeapUsedSize"]
    frames = scrolled["frames"]
    return {
        "first_rows_ms": round(first_rows),
        "scroll_frames": len(frames),
        "scroll_longest_frame_ms": round(max(frames), 1),
        "scroll_p99_frame_ms": percentile(frames, 99),
        "scroll_cpu_ms_per_frame": round(busy * 1000 / len(frames), 2),
        "rows_in_page": scrolled["most"],
        "to_the_end_ms": round(to_the_end),
        "heap_mb": round(heap / 1e6, 1),
    }


def _growth(browser: Any, place: Place, navigations: int) -> dict[str, float]:
    with new_page(browser, place) as (page, tools):
        page.goto(f"{place.url}/console/")
        page.locator("nav a").first.wait_for()
        page.evaluate(NAVIGATE, WARM_UP_COUNT)
        before = _heap_mb(tools)
        page.evaluate(NAVIGATE, navigations)
        return {"navigations": navigations, "growth_mb": round(_heap_mb(tools) - before, 1)}


def _heap_mb(tools: Any) -> float:
    for _ in range(3):
        tools.send("HeapProfiler.collectGarbage")
    return metrics(tools)["JSHeapUsedSize"] / 1e6


def open_pages(place: Place, consoles: int) -> dict[str, float]:
    """Return what idle pages cost the server: each listens, and asks from time to time for what it shows."""
    server = _server_of(place)
    stop = threading.Event()
    pages = [threading.Thread(target=_idle_page, args=(place, stop, at / consoles)) for at in range(consoles)]
    for one in pages:
        one.start()
    try:
        time.sleep(POLL_SECONDS / 3)  # all of them listen by now
        before, began = _cpu_seconds(server), time.monotonic()
        time.sleep(IDLE_SECONDS)
        share = (_cpu_seconds(server) - before) / (time.monotonic() - began)
        with client(place) as http:
            times = [_request_ms(http, {"url": "/health"}) for _ in range(REPEATS * 3)]
    finally:
        stop.set()
        for one in pages:
            one.join()
    return {
        "consoles": consoles,
        "consoles_core_percent": round(share * 100, 1),
        "health_p99_ms": percentile(times, 99),
        "health_median_ms": round(statistics.median(times), 1),
    }


def _server_of(place: Place) -> psutil.Process:
    port = int(place.url.rsplit(":", 1)[1])
    for process in psutil.Process().children(recursive=True):
        if any(one.laddr.port == port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN):
            return process
    raise RuntimeError("The server is no process of this one.")


def _cpu_seconds(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:4])


def _idle_page(place: Place, stop: threading.Event, phase: float) -> None:
    listening = threading.Thread(target=_listen, args=(place, stop))
    listening.start()
    with client(place) as http:
        stop.wait(phase * POLL_SECONDS)
        while not stop.is_set():
            for url in ("/api/overview", "/health"):
                http.get(url)
            stop.wait(POLL_SECONDS)
    listening.join()


def _listen(place: Place, stop: threading.Event) -> None:
    with client(place) as http, http.stream("GET", "/api/events") as stream:
        for _ in stream.iter_raw():
            if stop.is_set():
                return


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(100_000, 50, 50, 20), indent=2) + "\n")

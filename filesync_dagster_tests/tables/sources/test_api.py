import itertools
import json
import time
from contextlib import closing

import pytest

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.api.rows import lines_of, parse_answer, rows_in
from filesync_dagster.tables.sources.base import Bookmark, SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster_tests.tables.sources.http_fakes import service

pytest.importorskip("filesync_dagster.tables.reading")

ROWS = [{"id": number, "name": f"n{number}"} for number in range(23)]
SIZE = 5


def by_page(asked):
    """Answer pages by their number, whatever size is asked for: the service has one of its own."""
    start = (int(asked.query.get("page", ["1"])[0]) - 1) * SIZE
    return 200, {}, {"data": ROWS[start : start + SIZE]}


def by_offset(asked):
    """Answer pages by how many rows were had."""
    start = int(asked.query.get("offset", ["0"])[0])
    return 200, {}, {"data": ROWS[start : start + SIZE]}


def by_cursor(asked):
    """Answer pages by a cursor that the last one told."""
    start = int(asked.query.get("cursor", ["0"])[0])
    following = start + SIZE if start + SIZE < len(ROWS) else None
    return 200, {}, {"data": ROWS[start : start + SIZE], "meta": {"next": following}}


def by_link(asked):
    """Answer pages by links in a header."""
    start = int(asked.query.get("at", ["0"])[0])
    more = {"link": f'</orders?at={start + SIZE}>; rel="next"'} if start + SIZE < len(ROWS) else {}
    return 200, more, {"data": ROWS[start : start + SIZE]}


def by_address(asked):
    """Answer pages by the whole address of the next one."""
    start = int(asked.query.get("at", ["0"])[0])
    following = f"/orders?at={start + SIZE}" if start + SIZE < len(ROWS) else None
    return 200, {}, {"data": ROWS[start : start + SIZE], "next": following}


PAGINGS = {
    "page": (by_page, {"paging": "page", "size_param": "per_page", "page_size": 100}),
    "offset": (by_offset, {"paging": "offset"}),
    "cursor": (by_cursor, {"paging": "cursor", "cursor_key": "meta.next"}),
    "link_header": (by_link, {"paging": "link_header"}),
    "address": (by_address, {"paging": "cursor", "cursor_key": "next"}),
}


def source_of(server, path="/orders", endpoint=None, **settings):
    """Return a source of the service."""
    given = {"base_url": server.url, "endpoints": [{"path": path, **(endpoint or {})}], **settings}
    return open_source("api", given, SourceContext("api", guard=AddressGuard.of_operator()))


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(30)


def rows_of(source, **how):
    """Return all rows of the only table of a source."""
    [table] = source.discover(soon())
    return [row for batch in source.read(table, **how) for row in batch.to_pylist()]


@pytest.mark.parametrize("paging", PAGINGS)
def test_all_rows_come_once(paging):
    """By each kind of paging, although the service has a page size of its own."""
    answer, settings = PAGINGS[paging]
    with service(answer) as server, closing(source_of(server, **settings)) as source:
        assert rows_of(source) == ROWS


@pytest.mark.parametrize("paging", PAGINGS)
def test_a_service_that_falters_is_asked_again(paging):
    """A 429 with Retry-After and a 500 cost time, and no row."""
    answer, settings = PAGINGS[paging]
    troubles = {3: (429, {"retry-after": "0"}, {}), 5: (500, {}, {})}
    counter = itertools.count(1)

    def faltering(asked):
        return troubles.get(next(counter)) or answer(asked)

    with service(faltering) as server, closing(source_of(server, **settings)) as source:
        assert rows_of(source) == ROWS


def test_a_service_that_asks_to_wait_is_waited_for():
    """As long as it asks."""
    counter = itertools.count(1)

    def busy(asked):
        return (429, {"retry-after": "1"}, {}) if next(counter) == 2 else by_page(asked)

    with service(busy) as server, closing(source_of(server, paging="page")) as source:
        began = time.monotonic()
        assert rows_of(source) == ROWS
        assert time.monotonic() - began >= 1


LOOPS = {
    "page": (lambda asked: (200, {}, {"data": ROWS[:SIZE]}), {"paging": "page"}),
    "offset": (lambda asked: (200, {}, {"data": ROWS[:SIZE]}), {"paging": "offset"}),
    "cursor": (
        lambda asked: (200, {}, {"data": [{"id": len(asked.query)}, {"t": time.monotonic_ns()}], "next": "same"}),
        {"paging": "cursor", "cursor_key": "next"},
    ),
    "link_header": (
        lambda asked: (200, {"link": '</orders?at=1>; rel="next"'}, {"data": [{"t": time.monotonic_ns()}]}),
        {"paging": "link_header"},
    ),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_is_an_error(loop):
    """The same page twice, or the same cursor: no row of it counts."""
    answer, settings = LOOPS[loop]
    with service(answer) as server, closing(source_of(server, max_pages=20, **settings)) as source:
        with pytest.raises(SourceRefused, match="repeats itself") as refused:
            rows_of(source)
        assert len(server.asked) <= 5
    assert (refused.value.code, refused.value.field) == ("protocol", "paging")


def test_pages_without_an_end_are_an_error():
    """More pages than allowed are never a part of a table."""
    counter = itertools.count()
    endless = service(lambda asked: (200, {}, {"data": [{"n": next(counter)}]}))
    with endless as server, closing(source_of(server, paging="page", max_pages=7)) as source:
        with pytest.raises(LimitReached):
            rows_of(source)
        assert len(server.asked) == 8


def test_a_limit_ends_the_pages():
    """Nobody reads a million rows to show three."""
    with service(by_page) as server, closing(source_of(server, paging="page")) as source:
        assert rows_of(source, limit=7) == ROWS[:7]
        assert len(server.asked) == 3


BAD = [
    (200, {"content-type": "text/html"}, b"<!doctype html><h1>Sign in</h1>", "protocol", "base_url"),
    (200, {}, b"{not json", "protocol", "base_url"),
    (200, {}, {"items": []}, "bad_config", "endpoints.0.data_key"),
    (200, {}, {"data": {"id": 1}}, "bad_config", "endpoints.0.data_key"),
    (200, {}, {"data": []}, "not_found", "endpoints.0.path"),
    (401, {}, {}, "auth", "auth"),
    (403, {}, {}, "forbidden", "auth"),
    (404, {}, {}, "not_found", "endpoints"),
    (302, {"location": "http://127.0.0.1:1/"}, {}, "protocol", "base_url"),
]


@pytest.mark.parametrize(("status", "headers", "body", "code", "field"), BAD)
def test_what_is_no_answer_names_the_field_to_correct(status, headers, body, code, field):
    """A sign-in page with status 200 is no empty table."""
    with service(lambda asked: (status, headers, body)) as server, closing(source_of(server)) as source:
        with pytest.raises(SourceRefused) as refused:
            source.discover(soon())
        assert server.asked
    assert (refused.value.code, refused.value.field) == (code, field)


def test_a_next_page_at_another_host_is_not_asked():
    """Who asks is told to one host only."""
    elsewhere = (200, {"link": '<http://evil.test/x>; rel="next"'}, {"data": ROWS[:1]})
    with service(lambda asked: elsewhere) as server, closing(source_of(server, paging="link_header")) as source:
        with pytest.raises(SourceRefused, match="another host"):
            rows_of(source)
        assert len(server.asked) == 2


def test_an_answer_without_end_is_an_error():
    """No answer is larger than any that is meant."""
    large = b'{"data": ["' + b"x" * 70_000_000 + b'"]}'
    with service(lambda asked: (200, {}, large)) as server, closing(source_of(server)) as source:
        with pytest.raises(SourceRefused) as refused:
            source.discover(soon())
        assert len(server.asked) == 1
    assert refused.value.code == "protocol"


AUTHS = [
    ({"type": "bearer", "token": "token-canary"}, "authorization", "Bearer token-canary"),
    ({"type": "basic", "username": "u", "password": "pass-canary"}, "authorization", "Basic dTpwYXNzLWNhbmFyeQ=="),
    ({"type": "api_key", "token": "token-canary", "header": "X-Key"}, "X-Key", "token-canary"),
]


@pytest.mark.parametrize(("auth", "header", "expected"), AUTHS)
def test_who_asks_is_said_in_a_header(auth, header, expected):
    """And headers of one's own are sent, too."""
    with (
        service(by_page) as server,
        closing(source_of(server, auth=auth, headers={"X-Trace": "trace-canary"})) as source,
    ):
        source.test(soon())
    headers = {name.lower(): value for name, value in server.asked[0].headers.items()}
    assert headers[header.lower()] == expected
    assert headers["x-trace"] == "trace-canary"


def test_a_test_asks_for_the_smallest_page_of_the_first_table():
    """One request, of one row."""
    settings = {"paging": "page", "size_param": "per_page"}
    with service(by_page) as server, closing(source_of(server, **settings)) as source:
        report = source.test(soon())
    assert [(asked.path, asked.query) for asked in server.asked] == [("/orders", {"per_page": ["1"], "page": ["1"]})]
    assert [table.name for table in report.tables] == ["orders"]
    assert report.warnings == ("The connection is not encrypted.",)


def test_parameters_and_what_is_newer():
    """They are sent as they were given; a bookmark as the parameter that means it."""
    settings = {"endpoint": {"params": {"status": "paid", "deep": True}}, "incremental_param": "since"}
    with service(by_page) as server, closing(source_of(server, **settings)) as source:
        rows_of(source, since=Bookmark("at", after="2026-01-01"))
    assert server.asked[-1].query == {"status": ["paid"], "deep": ["true"], "since": ["2026-01-01"]}


def test_a_post_sends_its_parameters_as_json():
    """For services that are asked so."""
    settings = {"endpoint": {"params": {"status": "paid"}}, "method": "POST", "paging": "offset"}

    def answer(asked):
        start = asked.json.get("offset", 0)
        return 200, {}, {"data": ROWS[start : start + SIZE]}

    with service(answer) as server, closing(source_of(server, **settings)) as source:
        assert rows_of(source) == ROWS
    assert server.asked[-1].json == {"status": "paid", "offset": 23}


def test_pages_of_csv_are_one_table():
    """Each with its header."""

    def answer(asked):
        start = int(asked.query.get("offset", ["0"])[0])
        lines = [f"{row['id']},{row['name']}" for row in ROWS[start : start + SIZE]]
        return 200, {"content-type": "text/csv"}, "\n".join(["id,name", *lines, ""]).encode()

    with service(answer) as server, closing(source_of(server, format="csv", paging="offset")) as source:
        assert rows_of(source) == ROWS


PATHS = ["http://evil.test/", "//evil.test/x", "/a/../../b", "\\\\evil.test", "/x#y"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_nowhere_else(path):
    """An endpoint is below the address."""
    given = {"base_url": "https://api.test", "endpoints": [{"path": path}]}
    with pytest.raises(SourceRefused) as refused:
        open_source("api", given, SourceContext())
    assert refused.value.field == "endpoints.0.path"


@pytest.mark.parametrize("headers", [{"Host": "x"}, {"X": "a\r\nHost: evil"}, {"a b": "x"}, {"Content-Length": "0"}])
def test_headers_say_nothing_of_where_a_request_goes(headers):
    """Neither by their names nor by a line break in a value."""
    given = {"base_url": "https://api.test", "endpoints": [{"path": "/x"}], "headers": headers}
    with pytest.raises(SourceRefused) as refused:
        open_source("api", given, SourceContext())
    assert refused.value.field.startswith("headers")


def test_numbers_keep_their_digits():
    """What JSON parsers round is written as it came."""
    text = (
        '{"data": [{"a": 1.10, "b": 12345678901234567890123, "c": 0.1000000000000000055, "d": 1e400, "e": "x\\u00e9"}]}'
    )
    found = rows_in(parse_answer(text.encode(), "it"), "data", "it", "f")
    assert lines_of(found).decode() == (
        '{"a": 1.10, "b": 12345678901234567890123, "c": 0.1000000000000000055, "d": 1e400, "e": "xé"}\n'
    )
    assert json.loads(lines_of([1, "x"]).split(b"\n")[0]) == {"value": 1}

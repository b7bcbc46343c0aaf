"""Pages of an API, followed to their end. A page that comes twice, or a cursor that does, is a loop and an error.

An end is an empty page, or an answer that names no further one; never a page that is shorter than was asked for:
services have bounds of their own.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpx

from filesync_dagster.connectors.rest.paging import same_host_link
from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.sources.addresses import url_parts
from filesync_dagster.tables.sources.api.config import ApiConfig, ApiEndpoint
from filesync_dagster.tables.sources.api.rows import lines_of, parse_answer, plain_text, rows_in, value_at
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.http_calls import HttpCalls
from filesync_dagster.tables.sources.refusals import refusal

CSV_LINES_END: Final = b"\n"


@dataclass(frozen=True)
class ApiPage:
    """One page: its rows as lines of JSON, or the body of a CSV answer, and how many rows that are."""

    body: bytes
    rows: int


class ApiPages:
    """The pages of one endpoint of an API. `headers` say who asks."""

    def __init__(
        self, config: ApiConfig, number: int, calls: HttpCalls, headers: Mapping[str, str], since: str | None = None
    ) -> None:
        self._config = config
        self._endpoint: ApiEndpoint = config.endpoints[number]
        self._field = f"endpoints.{number}"
        self._calls = calls
        self._headers = headers
        self._since = since
        self._url = f"{config.base_url.rstrip('/')}/{self._endpoint.path.lstrip('/')}"
        if url_parts(self._url, "base_url", may_ask=True).netloc != urlsplit(config.base_url).netloc:
            raise refusal("bad_config", self._what, field=f"{self._field}.path")

    @property
    def _what(self) -> str:
        return f"{self._endpoint.path} of {self._config.base_url}"

    def first(self, deadline: SourceDeadline, *, smallest: bool = False) -> ApiPage:
        """Return the first page; of one row, where the size can be asked for."""
        return self._page(self._ask(self._url, self._params(size=1 if smallest else None), deadline))

    def follow(self, deadline: SourceDeadline, rows_max: int | None = None) -> Iterator[ApiPage]:
        """Yield all pages, or as many as have `rows_max` rows. Raises SourceRefused for pages without an end."""
        seen: set[bytes] = set()
        rows, url, params = 0, self._url, self._params()
        for number in range(self._config.max_pages):
            answer = self._ask(url, params, deadline)
            page = self._page(answer)
            if page.rows:
                self._require_new(page.body, seen, "a page that was there before")
                yield page
            rows += page.rows
            following = self._following(answer, page, number, rows)
            if following is None or (rows_max is not None and rows > rows_max):
                return
            url, params = following
            self._require_new(f"{url}?{urlencode(params)}".encode(), seen, "a cursor that was there before")
        raise LimitReached(
            f"{self._what} has more than {self._config.max_pages:,} pages.", code="limit", field="max_pages"
        )

    def _following(
        self, answer: httpx.Response, page: ApiPage, number: int, rows: int
    ) -> tuple[str, dict[str, Any]] | None:
        """Return what the next page is asked for with, None after the last."""
        config = self._config
        if config.paging == "link_header":
            return self._link(answer.links.get("next", {}).get("url"), answer)
        if config.paging == "cursor":
            cursor = plain_text(value_at(parse_answer(answer.content, self._what), config.cursor_key))
            if cursor is not None and cursor.startswith(("http://", "https://", "/")):
                return self._link(cursor, answer)
            return None if cursor is None else (self._url, {**self._params(), config.cursor_param: cursor})
        if config.paging == "none" or not page.rows:
            return None
        if config.paging == "page":
            return self._url, {**self._params(), config.page_param: config.first_page + number + 1}
        return self._url, {**self._params(), config.offset_param: rows}

    def _link(self, link: str | None, answer: httpx.Response) -> tuple[str, dict[str, Any]] | None:
        if link is None:
            return None
        url = same_host_link(str(answer.request.url), link)
        if url is None:  # who asks is told to nobody else
            raise SourceRefused(
                f"{self._what} leads to another host for its next page.", code="protocol", field="paging"
            )
        return url, {}

    def _params(self, size: int | None = None) -> dict[str, Any]:
        config = self._config
        params: dict[str, Any] = dict(self._endpoint.params)
        if config.size_param:
            params[config.size_param] = size or config.page_size
        if config.paging == "page":
            params[config.page_param] = config.first_page
        if config.incremental_param and self._since is not None:
            params[config.incremental_param] = self._since
        return params

    def _ask(self, url: str, params: Mapping[str, Any], deadline: SourceDeadline) -> httpx.Response:
        if self._config.method == "POST":
            return self._calls.ask("POST", url, deadline, headers=self._headers, body=dict(params))
        query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in params.items()}
        return self._calls.ask("GET", url, deadline, headers=self._headers, params=query)

    def _page(self, answer: httpx.Response) -> ApiPage:
        if self._config.format == "csv":
            body = answer.content
            if body.lstrip()[:1] == b"<" or "html" in answer.headers.get("content-type", ""):
                message = f"{self._what} sent a web page in place of CSV."
                raise refusal("protocol", self._what, field="base_url", message=message)
            return ApiPage(body, max(0, len(body.strip().splitlines()) - 1))
        found = rows_in(
            parse_answer(answer.content, self._what), self._endpoint.data_key, self._what, f"{self._field}.data_key"
        )
        return ApiPage(lines_of(found), len(found))

    def _require_new(self, what: bytes, seen: set[bytes], said: str) -> None:
        digest = hashlib.sha256(what).digest()
        if digest in seen:
            raise SourceRefused(
                f"{self._what} repeats itself: it sent {said}.",
                hint="Check the kind of paging and the names of its parameters.",
                code="protocol",
                field="paging",
            )
        seen.add(digest)

"""A REST API as a source of tables."""

import base64
import math
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Final

from filesync_dagster.core.errors import LimitReached
from filesync_dagster.tables.sources.addresses import url_parts
from filesync_dagster.tables.sources.api.config import ApiConfig
from filesync_dagster.tables.sources.api.pages import ApiPages
from filesync_dagster.tables.sources.base import (
    BATCH_ROWS,
    Bookmark,
    FoundTable,
    SourceContext,
    SourceReport,
    TableRows,
    VisibleTable,
    smaller_limit,
)
from filesync_dagster.tables.sources.deadline import SourceDeadline, within
from filesync_dagster.tables.sources.file_tables import FileGroup, FileTables
from filesync_dagster.tables.sources.http_calls import READ_POLICY, TEST_POLICY, HttpCalls
from filesync_dagster.tables.sources.parse import FileOptions
from filesync_dagster.tables.sources.parsed_files import SourceFile
from filesync_dagster.tables.sources.refusals import refusal

PAGE_SECONDS: Final = 60.0


class ApiSource:
    """See `TableSource`. A discovery reads the first page of each endpoint; types are certain once all are read."""

    kind: ClassVar[str] = "api"
    Config: ClassVar[type[ApiConfig]] = ApiConfig

    def __init__(self, config: ApiConfig, context: SourceContext) -> None:
        url_parts(config.base_url, "base_url")
        self._config = config
        self._context = context
        self._what = f"The API at {config.base_url}"
        self._reading: list[FileTables] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Ask for the smallest page of the first endpoint."""
        started = time.monotonic()
        seconds = max(deadline.left, 0.1)
        with closing(self._calls(seconds, is_test=True)) as calls:
            pages = ApiPages(self._config, 0, calls, self._headers)
            within(deadline, lambda: pages.first(deadline, smallest=True), self._what)
        tables = (VisibleTable(self._config.endpoints[0].name),)
        plain = self._config.base_url.startswith("http://")
        warnings = ("The connection is not encrypted.",) if plain else ()
        return SourceReport(self._what, (time.monotonic() - started) * 1000, tables, warnings)

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Read the first page of each endpoint. The number of rows is not known, and types are those of that page."""
        found: list[FoundTable] = []
        with closing(self._calls(PAGE_SECONDS)) as calls:
            for number in range(len(self._config.endpoints)):
                pages = ApiPages(self._config, number, calls, self._headers)
                [table] = self._parsed(number, [pages.first(deadline).body], deadline)[1]
                found.append(_without_rows(table))
        return tuple(found)

    def read(
        self,
        table: FoundTable,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        since: Bookmark | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> TableRows:
        """Read all pages of an endpoint, then their rows. `since` is sent as `incremental_param`."""
        number = next((i for i, one in enumerate(self._config.endpoints) if one.name == table.name), None)
        if number is None:
            raise refusal("not_found", self._what, message=f"{self._what} has no table {table.name!r}.")
        if since is not None and self._config.incremental_param is None:
            raise refusal("unsupported", self._what, field="incremental_param")
        deadline = self._context.deadline(math.inf)
        rows_max = smaller_limit(self._config.limit, limit)
        bodies: list[Path] = []
        with closing(self._calls(PAGE_SECONDS)) as calls:
            pages = ApiPages(self._config, number, calls, self._headers, since.after if since else None)
            rows = 0
            for page in pages.follow(deadline, rows_max):
                rows += page.rows
                if rows > self._context.limits.rows:
                    raise LimitReached(f"{table.name} has more than {self._context.limits.rows:,} rows.", code="limit")
                self._save(bodies, page.body)
        tables, [found] = self._parsed(number, bodies, deadline)
        return tables.read(found, columns=columns, limit=rows_max, batch_rows=batch_rows)

    def close(self) -> None:
        """Remove what was fetched."""
        while self._reading:
            self._reading.pop().close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def _headers(self) -> dict[str, str]:
        """Who asks. Made each time, so that nothing that may be printed holds it."""
        return _headers_of(self._config)

    def _calls(self, seconds: float, *, is_test: bool = False) -> HttpCalls:
        fields = {"auth": "auth", "forbidden": "auth", "not_found": "endpoints"}
        policy = TEST_POLICY if is_test else READ_POLICY
        return HttpCalls(
            self._context.guard, self._what, field="base_url", fields=fields, policy=policy, seconds=seconds
        )

    def _save(self, bodies: list[Path], body: bytes) -> None:
        """Write a page to the disk: lines of JSON follow each other in one file, each CSV answer is a file."""
        if self._config.format == "csv" or not bodies:
            bodies.append(self._path())
        with bodies[-1].open("ab") as sink:
            sink.write(body)

    def _path(self) -> Path:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="api-", dir=self._context.folder)
        suffix = "csv" if self._config.format == "csv" else "ndjson"
        with tempfile.NamedTemporaryFile(suffix=f".{suffix}", dir=self._folder.name, delete=False) as file:
            return Path(file.name)

    def _parsed(
        self, number: int, bodies: Sequence[bytes | Path], deadline: SourceDeadline
    ) -> tuple[FileTables, tuple[FoundTable, ...]]:
        """Return the table that pages of one endpoint are."""
        endpoint = self._config.endpoints[number]
        paths: list[Path] = []
        for body in bodies:
            if isinstance(body, bytes):
                self._save(paths, body)
            else:
                paths.append(body)
        if not any(path.stat().st_size for path in paths):
            raise refusal(
                "not_found",
                self._what,
                field=f"endpoints.{number}.path",
                message=f"{endpoint.path} has no rows, so nothing tells which columns it has.",
            )
        options = FileOptions(format="csv" if self._config.format == "csv" else "json")
        tables = FileTables(self._context, self._what, options, fields={})
        self._reading.append(tables)
        suffix = "csv" if self._config.format == "csv" else "ndjson"
        files = tuple(_file_at(path, f"{endpoint.name}.{suffix}") for path in paths)
        found = tables.find([FileGroup(endpoint.name, files)], deadline)
        return tables, tables.rename(found[0], endpoint.name) if len(found) == 1 else found


def _headers_of(config: ApiConfig) -> dict[str, str]:
    headers = {"accept": "text/csv" if config.format == "csv" else "application/json", "user-agent": "filesync"}
    headers |= {name: secret.get_secret_value() for name, secret in config.headers.items()}
    auth = config.auth
    token = auth.token.get_secret_value() if auth.token else ""
    if auth.type == "bearer":
        headers["authorization"] = f"Bearer {token}"
    elif auth.type == "api_key":
        headers[auth.header] = token
    elif auth.type == "basic":
        password = auth.password.get_secret_value() if auth.password else ""
        headers["authorization"] = f"Basic {base64.b64encode(f'{auth.username}:{password}'.encode()).decode()}"
    return headers


def _file_at(path: Path, name: str) -> SourceFile:
    return SourceFile(name, None, lambda: path.open("rb"), None, path)


def _without_rows(table: FoundTable) -> FoundTable:
    return replace(table, rows_estimate=None, bytes=None)

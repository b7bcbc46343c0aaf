"""Files that are looked for: over all endpoints, and page by page. Every query of the database about that is here.

All of them are ordered by (endpoint_id, path, external_id), and go on behind the last row of the page before. Patterns
and letters of any case are narrowed down by LIKE, and decided in Arrow, which means the same on both databases.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa
from sqlalchemy import ColumnElement, Select, select, tuple_

from filesync_dagster.core.filters import glob_expression
from filesync_dagster.core.path_filter import WILDCARDS, PathFilter
from filesync_dagster.core.schemas import TIMESTAMP
from filesync_dagster.storage.database.arrow_rows import Field, pc
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.row_streams import (
    JOURNAL_SCHEMA,
    file_column,
    in_folder,
    plain_column,
    read_batch,
    starts_below,
)
from filesync_dagster.storage.database.tables import PATH_START, PATH_START_CHARACTERS, file_changes, files

PAGE_ROWS = 1000
"""Rows that are read at once while something is looked for: the memory that a search takes."""

ALGORITHMS = ("md5", "etag", "sha1", "sha256", "crc32c", "quickxor")
"""What a hash may begin with, for those who look for the digits alone."""

_FOUND_FIELDS: "list[Field]" = [
    pa.field("endpoint_id", pa.int64(), nullable=False),
    pa.field("external_id", pa.string(), nullable=False),
    pa.field("path", pa.string(), nullable=False),
    pa.field("name_search", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("size", pa.int64()),
    pa.field("modified_at", TIMESTAMP),
    pa.field("version", pa.string()),
    pa.field("content_hash", pa.string()),
    pa.field("owner", pa.string()),
]

FOUND_SCHEMA = pa.schema(_FOUND_FIELDS)
"""A file that was found."""


class FileKey(NamedTuple):
    """The place of a file in the order of all files."""

    endpoint_id: int
    path: str
    external_id: str


@dataclass(frozen=True)
class FileQuery:
    """What is looked for among live files: all that is said must hold. Text is found in any case.

    Raises ValueError for a pattern that is none.
    """

    text: str | None = None  # a part of the name, or, with a slash, of the path; or a pattern: `*.dwg`, `drawings/**`
    path: PathFilter | None = None
    owner: str | None = None  # a part of it
    content_hash: str | None = None  # `md5:…`, or its digits alone
    min_size: int | None = None
    max_size: int | None = None
    modified_after: datetime | None = None  # or at that moment
    modified_before: datetime | None = None

    def __post_init__(self) -> None:
        _ = self._expression

    def select(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows of a batch (with `path`, `name_search`) that its path and its text mean."""
        if self.path is not None:
            batch = self.path.select(batch)
        if self._expression is None:
            return batch
        values = _folded(batch.column("path")) if self.is_about_paths else batch.column("name_search")
        return batch.filter(pc.match_substring_regex(values, self._expression))

    @property
    def is_narrowed(self) -> bool:
        """Whether the database finds more than is meant, from which `select` takes what is."""
        return self._expression is not None or (self.path is not None and self.path.expression is not None)

    @property
    def text_expression(self) -> str | None:
        """What its text means, as RE2 has it, of a name or a path in NFC and small letters."""
        return self._expression

    @property
    def is_about_paths(self) -> bool:
        """Whether its text is looked for in paths, not in names."""
        return self.text is not None and "/" in self.text

    @cached_property
    def _expression(self) -> str | None:
        if self.text is None:
            return None
        text = _fold(self.text)
        return glob_expression(text) if WILDCARDS & set(text) else f"(?s){re.escape(text)}"


class SearchRepository:
    """Live files by what is known of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(
        self, endpoint_ids: Collection[int], query: FileQuery, *, after: FileKey | None = None, limit: int | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield what is found, in FOUND_SCHEMA, up to `limit` rows; with `after`, what comes behind that file.

        No transaction is kept open between two batches: a sync that commits meanwhile is seen by those that follow.
        """
        left = limit
        while left is None or left > 0:
            size = PAGE_ROWS if left is None or query.is_narrowed else min(left, PAGE_ROWS)
            page = self._page(endpoint_ids, query, after, size)
            found = query.select(page)
            if left is not None:
                found = found.slice(0, left)
                left -= found.num_rows
            if found.num_rows:
                yield found
            if page.num_rows < size:
                return
            after = key_of(page)

    def changes(
        self,
        endpoint_id: int,
        *,
        after_seq: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
    ) -> pa.RecordBatch:
        """Return changes of an endpoint behind a place in its journal, oldest first, in JOURNAL_SCHEMA.

        One endpoint's alone: of several, one that is journalled later may have the lower number.
        """
        journal = file_changes.c
        columns = [plain_column(journal[name]) for name in JOURNAL_SCHEMA.names]
        query = select(*columns).where(journal.endpoint_id == endpoint_id, journal.seq > after_seq)
        if since is not None:
            query = query.where(journal.observed_at >= since)
        if until is not None:
            query = query.where(journal.observed_at < until)
        with self._database.read_transaction() as connection:
            return _batch_of(connection.execute(query.order_by(journal.seq).limit(limit)).all(), JOURNAL_SCHEMA)

    def _page(
        self, endpoint_ids: Collection[int], query: FileQuery, after: FileKey | None, size: int
    ) -> pa.RecordBatch:
        """Return the next page: of the endpoint that the one before ended in, then of those behind it."""
        if after is None:
            return _batch_of(self._read(endpoint_ids, query, None, size), FOUND_SCHEMA)
        rows = self._read([after.endpoint_id], query, after, size)
        behind = [number for number in endpoint_ids if number > after.endpoint_id]
        if behind and len(rows) < size:
            rows = [*rows, *self._read(behind, query, None, size - len(rows))]
        return _batch_of(rows, FOUND_SCHEMA)

    def _read(
        self, endpoint_ids: Collection[int], query: FileQuery, after: FileKey | None, limit: int
    ) -> Sequence[Sequence[Any]]:
        place: list[ColumnElement[Any]] = [files.c.path, files.c.external_id]
        behind = [after.path, after.external_id] if after else []
        # By its hash a file is found at once, if nothing suggests to go through all in their order.
        endpoint = files.c.endpoint_id + 0 if query.content_hash else files.c.endpoint_id
        conditions = [endpoint.in_(endpoint_ids), files.c.deleted_at.is_(None), *self.conditions(query)]
        if not self._database.is_sqlite:  # its index has the start of each path: the same order
            place.insert(0, PATH_START)
            if after is not None:
                behind.insert(0, after.path[:PATH_START_CHARACTERS])
            if query.path is not None and query.path.folder:
                conditions.append(starts_below(query.path.folder))
        if behind:
            conditions.append(tuple_(*place) > tuple_(*behind))
        columns = [_column(name) for name in FOUND_SCHEMA.names]
        statement: Select[Any] = select(*columns).where(*conditions).order_by(endpoint, *place).limit(limit)
        with self._database.read_transaction() as connection:
            return connection.execute(statement).all()

    def conditions(self, query: FileQuery) -> Iterator[ColumnElement[bool]]:
        """Yield what the database decides, or narrows down."""
        if query.path is not None and query.path.folder:
            yield in_folder(query.path.folder)
        if query.text is not None:
            # A database knows capitals of ASCII alone: in a path, which is stored raw, the others may be anything.
            like = _like(_fold(query.text), any_letter=query.is_about_paths)
            column = files.c.path if query.is_about_paths else files.c.name_search
            yield self._is_like(column, like) if query.is_about_paths else column.like(like, escape="\\")
        if query.owner is not None:
            yield self._is_like(files.c.owner, f"%{_escaped(query.owner)}%")
        yield from _facts(query)

    def _is_like(self, column: ColumnElement[Any], like: str) -> ColumnElement[bool]:
        """Return the condition of a pattern in any case: SQLite's LIKE knows no other."""
        return (column.like if self._database.is_sqlite else column.ilike)(like, escape="\\")


def key_of(batch: pa.RecordBatch) -> FileKey:
    """Return the place of the last row of a batch."""
    return FileKey(*(batch.column(name)[-1].as_py() for name in FileKey._fields))


def _batch_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    return read_batch(rows, schema) if rows else pa.RecordBatch.from_pylist([], schema=schema)


def _column(name: str) -> ColumnElement[Any]:
    return files.c[name] if name in {"endpoint_id", "name_search"} else file_column(name)


def _facts(query: FileQuery) -> Iterator[ColumnElement[bool]]:
    if query.content_hash is not None:
        digits = query.content_hash
        yield files.c.content_hash.in_([digits] if ":" in digits else [f"{name}:{digits}" for name in ALGORITHMS])
    bounds = [
        (query.min_size, files.c.size.__ge__),
        (query.max_size, files.c.size.__le__),
        (query.modified_after, files.c.date_updated.__ge__),
        (query.modified_before, files.c.date_updated.__lt__),
    ]
    yield from (is_within(bound) for bound, is_within in bounds if bound is not None)


def _fold(text: str) -> str:
    """Return text as `name_search` has names: NFC, lower case, by the same library."""
    return str(_folded(pa.array([text], pa.string()))[0].as_py())


def _folded(values: Any) -> Any:
    return pc.utf8_lower(pc.utf8_normalize(values, form="NFC"))


def _like(text: str, *, any_letter: bool) -> str:
    r"""Return a pattern of LIKE for at least all that a text or a pattern means.

    >>> _like("a_b", any_letter=False), _like("*.dwg", any_letter=False), _like("süd/[ab]?", any_letter=True)
    ('%a\\_b%', '%.dwg%', '%s%d/__%')
    """
    if not WILDCARDS & set(text):
        return f"%{_letters(text, any_letter)}%"
    literal = re.sub(r"\[!?\]?[^\]]*\]", "?", text)
    parts = [{"*": "%", "?": "_"}.get(part) or _letters(part, any_letter) for part in re.split(r"([*?])", literal)]
    # `**/` may stand for no folder at all, so its slash is none that must be there.
    return re.sub(r"%%+", "%", f"%{''.join(parts)}%".replace("%%/", "%"))


def _letters(text: str, any_letter: bool) -> str:
    escaped = _escaped(text)
    return re.sub(r"[^\x00-\x7f]+", "%", escaped) if any_letter else escaped


def _escaped(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)

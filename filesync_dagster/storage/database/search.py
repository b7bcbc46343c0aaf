"""Files that are looked for: over all endpoints, by folder, and page by page. Every query about that is here.

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
from sqlalchemy import ColumnElement, Select, case, func, or_, select, tuple_

from filesync_dagster.core.filters import glob_expression
from filesync_dagster.core.model import Kind
from filesync_dagster.core.path_filter import WILDCARDS, PathFilter
from filesync_dagster.core.schemas import TIMESTAMP
from filesync_dagster.storage.database.arrow_rows import Field, pc
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.row_streams import (
    JOURNAL_SCHEMA,
    below,
    file_column,
    in_folder,
    plain_column,
    read_batch,
)
from filesync_dagster.storage.database.tables import file_changes, files

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
    def is_about_paths(self) -> bool:
        """Whether its text is looked for in paths, not in names."""
        return self.text is not None and "/" in self.text

    @cached_property
    def _expression(self) -> str | None:
        if self.text is None:
            return None
        text = _fold(self.text)
        return glob_expression(text) if WILDCARDS & set(text) else f"(?s){re.escape(text)}"


@dataclass(frozen=True)
class FolderEntry:
    """What lies right in a folder: a file, or a folder with all that is in it."""

    name: str
    is_folder: bool
    files: int
    bytes: int


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
            page = self._page(endpoint_ids, query, after)
            found = query.select(page)
            if left is not None:
                found = found.slice(0, left)
                left -= found.num_rows
            if found.num_rows:
                yield found
            if page.num_rows < PAGE_ROWS:
                return
            after = key_of(page)

    def children(self, endpoint_id: int, folder: str, *, limit: int) -> list[FolderEntry]:
        """Return what lies right in a folder ("" is the topmost), the largest first."""
        rest = files.c.path if not folder else func.substr(files.c.path, len(folder) + 2)
        slash = func.instr(rest, "/") if self._database.is_sqlite else func.strpos(rest, "/")
        inside = case((slash > 0, 1), else_=0)
        name = case((slash > 0, func.substr(rest, 1, slash - 1)), else_=rest).label("name")
        is_folder = case((or_(inside == 1, files.c.kind == Kind.FOLDER.value), 1), else_=0).label("is_folder")
        query = (
            select(name, is_folder, _count(), _bytes())
            .where(*_live_below(endpoint_id, folder))
            .group_by(name, is_folder)
            .order_by(_bytes().desc(), _count().desc(), name)
            .limit(limit)
        )
        with self._database.read_transaction() as connection:
            return [FolderEntry(row[0], bool(row[1]), int(row[2]), int(row[3])) for row in connection.execute(query)]

    def size_of(self, endpoint_id: int, folder: str) -> tuple[int, int]:
        """Return how many files a folder has, however deep, and their bytes."""
        query = select(_count(), _bytes()).where(*_live_below(endpoint_id, folder))
        with self._database.read_transaction() as connection:
            count, size = connection.execute(query).one()
        return int(count), int(size)

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

    def _page(self, endpoint_ids: Collection[int], query: FileQuery, after: FileKey | None) -> pa.RecordBatch:
        order = (files.c.endpoint_id, files.c.path, files.c.external_id)
        statement: Select[Any] = select(*(_column(name) for name in FOUND_SCHEMA.names)).where(
            files.c.endpoint_id.in_(endpoint_ids), files.c.deleted_at.is_(None), *_conditions(query)
        )
        if after is not None:
            statement = statement.where(tuple_(*order) > tuple_(*after))
        with self._database.read_transaction() as connection:
            rows = connection.execute(statement.order_by(*order).limit(PAGE_ROWS)).all()
        return _batch_of(rows, FOUND_SCHEMA)


def key_of(batch: pa.RecordBatch) -> FileKey:
    """Return the place of the last row of a batch."""
    return FileKey(*(batch.column(name)[-1].as_py() for name in FileKey._fields))


def _batch_of(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    return read_batch(rows, schema) if rows else pa.RecordBatch.from_pylist([], schema=schema)


def _column(name: str) -> ColumnElement[Any]:
    return files.c[name] if name in {"endpoint_id", "name_search"} else file_column(name)


def _conditions(query: FileQuery) -> Iterator[ColumnElement[bool]]:
    """Yield what the database decides, or narrows down."""
    if query.path is not None and query.path.folder:
        yield in_folder(query.path.folder)
    if query.text is not None:
        # A database knows capitals of ASCII alone: in a path, which is stored raw, the others may be anything.
        like = _like(_fold(query.text), any_letter=query.is_about_paths)
        column = files.c.path if query.is_about_paths else files.c.name_search
        yield column.ilike(like, escape="\\") if query.is_about_paths else column.like(like, escape="\\")
    yield from _facts(query)


def _facts(query: FileQuery) -> Iterator[ColumnElement[bool]]:
    if query.owner is not None:
        yield files.c.owner.ilike(f"%{_escaped(query.owner)}%", escape="\\")
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


def _live_below(endpoint_id: int, folder: str) -> Iterator[ColumnElement[bool]]:
    yield files.c.endpoint_id == endpoint_id
    yield files.c.deleted_at.is_(None)
    if folder:
        yield below(folder)


def _count() -> ColumnElement[Any]:
    return func.coalesce(func.sum(case((files.c.kind != Kind.FOLDER.value, 1), else_=0)), 0)


def _bytes() -> ColumnElement[Any]:
    return func.coalesce(func.sum(files.c.size), 0)


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

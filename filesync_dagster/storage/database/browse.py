"""Files as somebody walks through them: what lies in a folder, in any order, from any place on; one file; its journal.

Every page begins behind the last row of the one before, or at a row by its number where the number is known.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import pyarrow as pa
from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, tuple_

from filesync_dagster.core.model import ChangeKind
from filesync_dagster.core.path_filter import WILDCARDS
from filesync_dagster.storage.database.column_types import UtcDateTime
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.row_streams import below, starts_below
from filesync_dagster.storage.database.search import FileQuery, SearchRepository
from filesync_dagster.storage.database.tables import PATH_START, PATH_START_CHARACTERS, file_changes, files

SCAN_ROWS = 1_000
"""Rows that are read at once while a pattern decides which of them are meant."""

COUNTED_MAX_ROWS = 100_000
"""Rows that are counted when nobody insists on all of them."""

Sort = Literal["path", "size", "modified"]


@dataclass(frozen=True)
class BrowseQuery:
    """What is walked through: what a search means, and besides that what only somebody who looks around asks."""

    what: FileQuery = field(default_factory=FileQuery)
    folder: str | None = None  # all that lies in it
    is_direct: bool = False  # right in that folder
    kinds: tuple[str, ...] = ()
    with_gone: bool = False
    sort: Sort = "path"
    descending: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the database finds just what is meant, so that rows can be counted and have numbers."""
        text = self.what.text
        is_plain = text is None or ("/" not in text and not WILDCARDS & set(text))
        return is_plain and (self.what.path is None or self.what.path.expression is None)


RowKey = tuple[Any, ...]
"""The place of a row in an order: what it is ordered by, and what no two rows have in common."""

KEY_TYPES: dict[Sort, tuple[type[str | int], ...]] = {
    "path": (int, str, str),
    "size": (int, int),
    "modified": (str, int),
}
"""Of what a place is made: endpoint, path and id; size and number of the row; moment and number of the row."""

LAST = "\U0010ffff"
"""Behind every name in byte order: past a folder and all that lies in it."""

NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Before every moment: of what has none."""


class FileCount(NamedTuple):
    """How many files there are, folders among them, and how large they are together."""

    rows: int
    bytes: int


@dataclass(frozen=True)
class FolderChild:
    """What lies right in a folder: a file, or a folder with what is below it."""

    name: str
    path: str
    is_folder: bool
    external_id: str | None  # None: a folder that is only the beginning of paths
    files: int | None  # below it, as far as they were counted
    is_exact: bool
    behind: str  # from where what follows is looked for


class BrowseRepository:
    """Live files, and those that are gone, as they are walked through."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._search = SearchRepository(database)

    def page(
        self,
        endpoint_ids: Collection[int],
        query: BrowseQuery,
        *,
        after: RowKey | None = None,
        offset: int = 0,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return rows of `files`, as dictionaries, in the order of the query. `offset` needs an exact query."""
        found: list[dict[str, Any]] = []
        while len(found) < limit:
            size = limit - len(found) if query.is_exact else SCAN_ROWS
            rows = self._read(endpoint_ids, query, after, offset, size)
            found += rows if query.is_exact else _chosen(rows, query.what)
            if len(rows) < size:
                break
            after, offset = key_of(rows[-1], query.sort), 0
        return found[:limit]

    def count(self, endpoint_ids: Collection[int], query: BrowseQuery, *, limit: int | None = None) -> FileCount:
        """Return how many rows there are, and their bytes; at most `limit` are looked at. Needs an exact query."""
        where = self._conditions(endpoint_ids, query)
        rows = select(files.c.size).where(*where).limit(limit).subquery()
        counting = select(func.count(), func.coalesce(func.sum(rows.c.size), 0)).select_from(rows)
        with self._database.read_transaction() as connection:
            number, size = connection.execute(counting).one()
        return FileCount(number, int(size))

    def children(
        self,
        endpoint_id: int,
        folder: str,
        *,
        after: str | None,
        limit: int,
        counted: int,
        folders_only: bool = False,
    ) -> Iterator[FolderChild]:
        """Yield what lies right in a folder ("" is the top), by path, behind a place; folders with their counts.

        Each is found by one step in the index, however much lies below it. At most `counted` files are counted.
        """
        start, left = f"{folder}/" if folder else "", limit
        with self._database.read_transaction() as connection:
            while left:
                found = self._next(connection, endpoint_id, start, after, folders_only=folders_only)
                if found is None:
                    return
                path, external_id, kind = found
                name, slash, _rest = path[len(start) :].partition("/")
                at = f"{start}{name}"
                after = f"{at}/{LAST}" if slash else path
                if slash and self._has_row(connection, endpoint_id, at):
                    continue  # it came by itself: `a-b` is between `a` and what lies in it
                left -= 1
                is_folder = bool(slash) or kind == "folder"
                number = self._number_below(connection, endpoint_id, at, counted + 1) if is_folder else None
                is_exact = number is None or number <= counted
                own_id = None if slash else external_id
                yield FolderChild(name, at, is_folder, own_id, number if is_exact else counted, is_exact, after)

    def _next(
        self, connection: Connection, endpoint_id: int, start: str, behind: str | None, *, folders_only: bool
    ) -> tuple[str, str, str] | None:
        where = [files.c.endpoint_id == endpoint_id, files.c.deleted_at.is_(None)]
        where += [files.c.path > behind] if behind else []
        if folders_only:
            rest = func.substr(files.c.path, len(start) + 1) if start else files.c.path
            where.append(or_(rest.like("%/%"), files.c.kind == "folder"))
        if start:
            folder = start[:-1]
            where.append(below(folder))
            where += [] if self._database.is_sqlite else [starts_below(folder)]
        order: list[ColumnElement[Any]] = [files.c.path]
        if not self._database.is_sqlite:  # its index has the start of each path
            order.insert(0, PATH_START)
            where += [PATH_START.op(">=")(behind[:PATH_START_CHARACTERS])] if behind else []
        query = select(files.c.path, files.c.external_id, files.c.kind).where(*where).order_by(*order).limit(1)
        row = connection.execute(query).first()
        return (row.path, row.external_id, row.kind) if row else None

    def _has_row(self, connection: Connection, endpoint_id: int, path: str) -> bool:
        where = [files.c.endpoint_id == endpoint_id, files.c.deleted_at.is_(None), files.c.path == path]
        where += [] if self._database.is_sqlite else [PATH_START.op("=")(path[:PATH_START_CHARACTERS])]
        return connection.execute(select(literal(1)).where(*where).limit(1)).first() is not None

    def _number_below(self, connection: Connection, endpoint_id: int, folder: str, limit: int) -> int:
        where = [files.c.endpoint_id == endpoint_id, files.c.deleted_at.is_(None), below(folder)]
        where += [] if self._database.is_sqlite else [starts_below(folder)]
        rows = select(literal(1)).where(*where).limit(limit).subquery()
        return int(connection.execute(select(func.count()).select_from(rows)).scalar_one())

    def file(self, endpoint_id: int, external_id: str) -> dict[str, Any] | None:
        """Return a row of `files`, live or gone."""
        where = (files.c.endpoint_id == endpoint_id, files.c.external_id == external_id)
        with self._database.read_transaction() as connection:
            row = connection.execute(select(files).where(*where)).mappings().first()
        return dict(row) if row else None

    def copies(self, content_hash: str, *, but: int, limit: int) -> list[dict[str, Any]]:
        """Return live files with a content, but one row: by size and hash, in whichever endpoint."""
        where = (files.c.content_hash == content_hash, files.c.deleted_at.is_(None), files.c.id != but)
        with self._database.read_transaction() as connection:
            return [dict(row) for row in connection.execute(select(files).where(*where).limit(limit)).mappings()]

    def journal(
        self,
        endpoint_ids: Collection[int],
        *,
        external_id: str | None = None,
        kinds: Sequence[str] = (),
        folder: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        before_seq: int | None = None,
        limit: int,
    ) -> list[dict[str, Any]]:
        """Return changes, the last one first, before a place in the journal."""
        journal = file_changes.c
        where: list[ColumnElement[bool]] = [journal.endpoint_id.in_(endpoint_ids)]
        where += [journal.seq < before_seq] if before_seq is not None else []
        where += [journal.external_id == external_id] if external_id is not None else []
        where += [journal.change.in_(kinds)] if kinds else []
        where += [journal.observed_at >= since] if since is not None else []
        where += [journal.observed_at < until] if until is not None else []
        if folder:
            inside = and_(journal.path > f"{folder}/", journal.path < f"{folder}0")
            where.append(or_(journal.path == folder, inside))
        query = select(file_changes).where(*where).order_by(journal.seq.desc()).limit(limit)
        with self._database.read_transaction() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def rows_below(self, changes: Collection[dict[str, Any]], limit: int) -> dict[int, int]:
        """Return how many live rows are below each moved folder of some changes, by their seq; at most `limit` each."""
        found: dict[int, int] = {}
        with self._database.read_transaction() as connection:
            for one in changes:
                if one["change"] != ChangeKind.MOVED:
                    continue
                same = (files.c.endpoint_id == one["endpoint_id"], files.c.external_id == one["external_id"])
                row = connection.execute(select(files.c.kind, files.c.path).where(*same).limit(1)).first()
                if row is not None and row.kind == "folder":
                    found[one["seq"]] = self._number_below(connection, one["endpoint_id"], row.path, limit)
        return found

    def _read(
        self, endpoint_ids: Collection[int], query: BrowseQuery, after: RowKey | None, offset: int, limit: int
    ) -> list[dict[str, Any]]:
        """Return the next rows: by path, of the endpoint that the page before ended in, then of those behind it."""
        if after is None or query.sort != "path":
            return self._select(endpoint_ids, query, after, offset, limit)
        last = after[0]
        rows = self._select([last], query, after, 0, limit) if last in endpoint_ids else []
        behind = [one for one in endpoint_ids if (one < last if query.descending else one > last)]
        if behind and len(rows) < limit:
            rows += self._select(behind, query, None, 0, limit - len(rows))
        return rows

    def _select(
        self, endpoint_ids: Collection[int], query: BrowseQuery, after: RowKey | None, offset: int, limit: int
    ) -> list[dict[str, Any]]:
        where, order = self._conditions(endpoint_ids, query), _order(query.sort)
        place = [] if after is None else list(after[1:] if query.sort == "path" else after)
        if query.sort == "modified" and place:
            place[0] = datetime.fromisoformat(place[0])
        if query.sort == "path" and not self._database.is_sqlite:  # its index has the start of each path
            order.insert(0, PATH_START)
            place = [place[0][:PATH_START_CHARACTERS], *place] if place else []
        if place:
            given = tuple_(*(literal(value, column.type) for value, column in zip(place, order, strict=True)))
            where.append(tuple_(*order) < given if query.descending else tuple_(*order) > given)
        columns = [files.c.endpoint_id, *order] if query.sort == "path" else order
        ordered = [column.desc() if query.descending else column.asc() for column in columns]
        statement = select(files).where(*where).order_by(*ordered).limit(limit).offset(offset or None)
        with self._database.read_transaction() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def _conditions(self, endpoint_ids: Collection[int], query: BrowseQuery) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = [files.c.endpoint_id.in_(endpoint_ids)]
        found += [] if query.with_gone else [files.c.deleted_at.is_(None)]
        found += [files.c.kind.in_(query.kinds)] if query.kinds else []
        if query.folder:
            found.append(below(query.folder))
            found += [] if self._database.is_sqlite else [starts_below(query.folder)]
        if query.is_direct:
            start = len(query.folder) + 2 if query.folder else 1
            found.append(func.substr(files.c.path, start).not_like("%/%"))
        return [*found, *self._search.conditions(query.what)]


def key_of(row: dict[str, Any], sort: Sort) -> RowKey:
    """Return the place of a row in an order."""
    if sort == "size":
        return (-1 if row["size"] is None else int(row["size"]), int(row["id"]))
    if sort == "modified":
        return ((row["date_updated"] or NEVER).isoformat(), int(row["id"]))
    return (int(row["endpoint_id"]), str(row["path"]), str(row["external_id"]))


def _order(sort: Sort) -> list[ColumnElement[Any]]:
    if sort == "size":
        return [func.coalesce(files.c.size, -1), files.c.id]
    if sort == "modified":
        return [func.coalesce(files.c.date_updated, literal(NEVER, UtcDateTime)), files.c.id]
    return [files.c.path, files.c.external_id]


def _chosen(rows: Sequence[dict[str, Any]], query: FileQuery) -> list[dict[str, Any]]:
    """Return the rows that a pattern means."""
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in ("path", "name_search")}
    batch = pa.RecordBatch.from_pydict({**columns, "at": list(range(len(rows)))})
    chosen: list[Any] = query.select(batch).column("at").to_pylist()
    return [rows[at] for at in chosen]

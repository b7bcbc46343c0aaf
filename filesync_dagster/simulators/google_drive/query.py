"""The `q` parameter: `'id' in parents and (name contains 'x' or not trashed = true)` becomes a test of an item."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from operator import eq, ge, gt, le, lt, ne

from filesync_dagster.simulators.google_drive.items import DriveItem
from filesync_dagster.simulators.google_drive.problems import invalid
from filesync_dagster.simulators.google_drive.store import DriveStore

Test = Callable[[DriveItem], bool]

_TOKEN = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|(!=|<=|>=|=|<|>|\(|\))|([A-Za-z][\w.]*))")
COMPARISONS = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
TIMES = {"modifiedTime": "modified", "createdTime": "created", "viewedByMeTime": "modified"}
FLAGS = ("trashed", "starred", "sharedWithMe")


@dataclass(frozen=True)
class Query:
    """A test, and the folders that its items must lie in (None: anywhere).

    `parents` has more than one id when they are joined by `or`.
    """

    test: Test
    parents: tuple[str, ...] | None = None


def parse_query(text: str, state: DriveStore) -> Query:
    """Return the query; raise Refusal for what is not one."""
    parser = _Parser(text, state)
    query = parser.either()
    if parser.tokens:
        raise invalid("q")
    return query


class _Parser:
    def __init__(self, text: str, state: DriveStore) -> None:
        self.state = state
        self.tokens: list[tuple[str, str]] = []  # kind: value, sign, word
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                raise invalid("q")
            value, sign, word = match.groups()
            if value is not None:
                self.tokens.append(("value", re.sub(r"\\(.)", r"\1", value)))
            else:
                self.tokens.append(("sign", sign) if sign else ("word", word))
            at = match.end()

    def take(self, kind: str) -> str:
        if not self.tokens or self.tokens[0][0] != kind:
            raise invalid("q")
        return self.tokens.pop(0)[1]

    def accept(self, text: str) -> bool:
        if self.tokens and self.tokens[0][0] != "value" and self.tokens[0][1] == text:
            self.tokens.pop(0)
            return True
        return False

    def either(self) -> Query:
        """Parse terms joined by `or`."""
        queries = [self.both()]
        while self.accept("or"):
            queries.append(self.both())
        if len(queries) == 1:
            return queries[0]
        tests = [query.test for query in queries]
        parents: list[str] | None = []
        for query in queries:
            parents = None if parents is None or query.parents is None else [*parents, *query.parents]
        return Query(
            lambda item: any(test(item) for test in tests), None if parents is None else tuple(dict.fromkeys(parents))
        )

    def both(self) -> Query:
        """Parse terms joined by `and`."""
        queries = [self.term()]
        while self.accept("and"):
            queries.append(self.term())
        if len(queries) == 1:
            return queries[0]
        tests = [query.test for query in queries]
        parents = next((query.parents for query in queries if query.parents is not None), None)
        return Query(lambda item: all(test(item) for test in tests), parents)

    def term(self) -> Query:
        """Parse `not`, brackets, `'value' in field`, or `field sign value`."""
        if self.accept("not"):
            inner = self.term().test
            return Query(lambda item: not inner(item))
        if self.accept("("):
            query = self.either()
            if not self.accept(")"):
                raise invalid("q")
            return query
        if self.tokens and self.tokens[0][0] == "value":
            return self.membership()
        return Query(self.comparison())

    def membership(self) -> Query:
        value = self.take("value")
        if not self.accept("in"):
            raise invalid("q")
        field = self.take("word")
        if field == "parents":
            folder = self.state.root_id if value == "root" else value
            return Query(lambda item: any(parent.id == folder for parent in item.parents), (folder,))
        person = self.state.account if value == "me" else value
        if field == "owners":
            return Query(lambda item: item.owner == person)
        if field in {"writers", "readers"}:
            return Query(partial(_granted, person, field))
        raise invalid("q")

    def comparison(self) -> Test:
        field = self.take("word")
        if field == "sharedWithMe" and not (self.tokens and self.tokens[0][0] == "sign"):
            return lambda item: self.is_flagged(field, item)
        sign = self.tokens.pop(0)[1] if self.tokens else ""
        if field in FLAGS and sign in {"=", "!="}:
            wanted = self.flag() == (sign == "=")
            return lambda item: self.is_flagged(field, item) == wanted
        value = self.take("value")
        if field in TIMES and sign in COMPARISONS:
            return _time_test(TIMES[field], sign, value)
        return _text_test(field, sign, value)

    def flag(self) -> bool:
        word = self.take("word")
        if word not in {"true", "false"}:
            raise invalid("q")
        return word == "true"

    def is_flagged(self, field: str, item: DriveItem) -> bool:
        if field == "trashed":
            return item.trashed
        if field == "starred":
            return item.starred
        given = any(grant.email == self.state.account for grant in (item.grants or {}).values())
        return given and item.owner != self.state.account


def _time_test(name: str, sign: str, value: str) -> Test:
    try:
        at = milliseconds(value)
    except ValueError:
        raise invalid("q") from None
    compare = COMPARISONS[sign]
    return lambda item: bool(compare(getattr(item, name), at))


def _text_test(field: str, sign: str, value: str) -> Test:
    folded = value.casefold()
    if field == "name" and sign == "contains":  # the start of a word
        return lambda item: any(word.startswith(folded) for word in _tails(item.name.casefold()))
    if field == "name" and sign in {"=", "!="}:
        return lambda item: (item.name.casefold() == folded) == (sign == "=")
    if field == "mimeType" and sign == "contains":
        return lambda item: item.mime_type.startswith(value)
    if field == "mimeType" and sign in {"=", "!="}:
        return lambda item: (item.mime_type == value) == (sign == "=")
    if field == "shortcutDetails.targetId" and sign in {"=", "!="}:
        return lambda item: (item.target is not None and item.target.id == value) == (sign == "=")
    raise invalid("q")


def _tails(name: str) -> list[str]:
    """Return the name from each of its words on."""
    return [name[match.start() :] for match in re.finditer(r"\w+", name)] or [name]


def _granted(person: str, field: str, item: DriveItem) -> bool:
    roles = {"writer", "fileOrganizer", "organizer"} | ({"reader", "commenter"} if field == "readers" else set())
    return item.owner == person or any(
        grant.email == person and grant.role in roles
        for above in item.above()
        for grant in (above.grants or {}).values()
    )


def milliseconds(text: str) -> int:
    """Return an RFC 3339 time in milliseconds since 1970; without a zone it is UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return round(at.timestamp() * 1000)

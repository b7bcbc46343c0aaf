"""Pages that follow each other, by tokens or by links, to an end."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin, urlsplit

from filesync_dagster.connectors.rest.errors import ASK_LATER
from filesync_dagster.core.errors import ProtocolViolation

EMPTY_PAGES_MAX = 200
"""So many in a row are believed, though each says that there is more: stores filter what they have looked through."""

KNOWN_PAGES_MAX = 3
"""So many in a row may hold only what was there before, under tokens of their own."""

REMEMBERED_IDS = 50_000
"""Of so many entries, and of those before them up to as many again, it is known that a page had them."""

Token = TypeVar("Token")
Answer = TypeVar("Answer")


class PageChain(Generic[Token]):
    """Looks after that pages lead neither back nor into nothing for ever. `where` names the store in messages."""

    def __init__(
        self,
        where: str,
        first: Token | None = None,
        *,
        hint: str = ASK_LATER,
        empty_pages_max: int = EMPTY_PAGES_MAX,
    ) -> None:
        self._where = where
        self._hint = hint
        self._visited = {first}
        self._empty_pages_max = empty_pages_max
        self._empty_pages = 0  # in a row
        self._known = _KnownPages()
        self._known_pages = 0  # in a row

    def advance(self, following: Token | None, found: Collection[object] = ()) -> Token | None:
        """Return what the next page is asked for with, None after the last.

        `found` is what the last page held: entries, or rather their ids, since what is told of an entry may change.
        Raises ProtocolViolation for one that was there before, and when there are only pages any more that are empty or
        hold what others held before.
        """
        if following is None:
            return None
        if following in self._visited:
            raise self._violation("repeats itself: a page leads back to one before")
        self._empty_pages = 0 if found else self._empty_pages + 1
        if self._empty_pages > self._empty_pages_max:
            raise self._violation(f"repeats itself: it sent {self._empty_pages} empty pages and no end of them")
        if found:
            self._watch(found)
        self._visited.add(following)
        return following

    def _watch(self, found: Collection[object]) -> None:
        """Note what a page held. Raises ProtocolViolation when nothing new has come for some pages."""
        self._known_pages = 0 if self._known.add(found) else self._known_pages + 1
        if self._known_pages >= KNOWN_PAGES_MAX:
            raise self._violation("repeats itself: page after page holds what was there before")

    def _violation(self, what: str) -> ProtocolViolation:
        return ProtocolViolation(f"{self._where} {what}.", hint=self._hint)


class _KnownPages:
    """What pages held: the ids of the last ones, and a hash of each, so that a circle of any length is noticed."""

    def __init__(self) -> None:
        self._pages: set[int] = set()
        self._recent: set[int] = set()
        self._older: set[int] = set()

    def add(self, entries: Collection[object]) -> bool:
        """Take a page; say whether it has something new."""
        hashes = {_hash(entry) for entry in entries}
        page = hash(frozenset(hashes))
        is_new = page not in self._pages and any(one not in self._recent and one not in self._older for one in hashes)
        self._pages.add(page)
        if len(self._recent) > REMEMBERED_IDS:
            self._older, self._recent = self._recent, set()
        self._recent |= hashes
        return is_new


def _hash(entry: object) -> int:
    try:
        return hash(entry)
    except TypeError:  # a JSON object
        return hash(repr(entry))


def follow_pages(
    ask: Callable[[str | None], Answer],
    following: Callable[[Answer], str | None],
    entries: Callable[[Answer], Collection[object]],
    where: str,
) -> Iterator[Answer]:
    """Yield the answer to `ask(None)` and all that its tokens lead to."""
    chain = PageChain[str](where)
    token: str | None = None
    while True:
        answer = ask(token)
        yield answer
        token = chain.advance(following(answer), entries(answer))
        if token is None:
            return


def next_token_in(answer: Mapping[str, Any], name: str, where: str, hint: str = ASK_LATER) -> str | None:
    """Return the token of the next page, None on the last one. Raises ProtocolViolation when it is no text."""
    token = answer.get(name)
    if token is not None and (not isinstance(token, str) or not token):
        raise ProtocolViolation(f"{where} sent a page whose {name} cannot be read.", hint=hint)
    return token


def same_host_link(url: str, link: object) -> str | None:
    """Return the address that a link in the answer of a `url` leads to; None if it is none, or at another host."""
    if not isinstance(link, str):
        return None
    try:
        following = urljoin(url, link)
        [there, here] = [(parts.scheme, parts.hostname, parts.port) for parts in map(urlsplit, (following, url))]
    except ValueError:
        return None
    return following if there == here else None

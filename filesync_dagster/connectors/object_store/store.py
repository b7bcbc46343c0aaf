"""What an object store is to a listing: pages of keys, and what the next one is asked for with."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import ge, gt
from typing import Any, Protocol, Self

from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import ListingGap


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """One page of a listing: keys, and columns of equal length beside them, in the order of the answer.

    `truncated` says that more follows, `token` what the next page is asked for with.
    """

    keys: list[bytes]
    columns: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    truncated: bool = False
    token: str | None = None
    gaps: tuple[ListingGap, ...] = ()  # entries that have no key

    def between(self, start: int, stop: int) -> "ObjectPage":
        """Return the rows from `start` up to, not including, `stop`."""
        if start == 0 and stop == len(self.keys):
            return self
        part = slice(start, stop)
        return replace(
            self, keys=self.keys[part], columns={name: column[part] for name, column in self.columns.items()}
        )

    def rows(self, numbers: Sequence[int]) -> "ObjectPage":
        """Return some rows."""
        columns = {name: [column[row] for row in numbers] for name, column in self.columns.items()}
        return replace(self, keys=[self.keys[row] for row in numbers], columns=columns)

    def distinct(self) -> "ObjectPage":
        """Return the page without keys that are equal to the one before them: some stores list one twice."""
        if not any(map(ge, self.keys, self.keys[1:])):
            return self
        kept = [row for row, key in enumerate(self.keys) if row == 0 or key != self.keys[row - 1]]
        return self if len(kept) == len(self.keys) else self.rows(kept)

    @property
    def falls(self) -> bool:
        """Whether a key is less than the one before it."""
        return any(map(gt, self.keys, self.keys[1:]))


class ObjectStore(Protocol):
    """One bucket and prefix, asked for pages. Each answer is complete and of keys below the prefix, or an error."""

    @property
    def where(self) -> str:
        """The bucket and the address, for messages."""
        ...

    @property
    def hint(self) -> str:
        """What to do about a store that answers what it should not."""
        ...

    @property
    def prefix(self) -> str:
        """What all keys begin with; see `text_of`."""
        ...

    @property
    def ordered(self) -> bool:
        """Whether keys come in the order of their bytes."""
        ...

    @property
    def starts_anywhere(self) -> bool:
        """Whether a page can be asked for that follows any key, if only about: what it begins with is proved."""
        ...

    @property
    def follows_tokens(self) -> bool:
        """Whether the page after another one is asked for with its token, not with its last key."""
        ...

    def page(
        self,
        *,
        after: bytes | None = None,
        token: str | None = None,
        limit: int | None = None,
        stopped: Callable[[], bool] = never,
    ) -> ObjectPage:
        """Return the page that follows the key `after`, or that `token` stands for; the first if both are None.

        Raises SourceError, also for a page that is truncated and does not say where the listing goes on.
        """
        ...

    def folders(self, below: str, after: bytes) -> list[bytes]:
        """Return common prefixes below one, at most a page of them, from about `after` on. Only good as cuts."""
        ...


class KeyedStore(ObjectStore, Protocol):
    """An ordered store that can be asked for single keys."""

    def below(self, prefix: str) -> Self:
        """Return the same bucket below another prefix."""
        ...

    def exists(self, key: bytes, stopped: Callable[[], bool]) -> bool | None:
        """Say by other means than a listing whether there is an object; None where the store does not tell."""
        ...


class TokenStore(KeyedStore, Protocol):
    """A store that can be followed by its tokens whatever the order of its keys."""

    def without_order(self) -> Self:
        """Return the same store, whose order is not relied on."""
        ...


def text_of(key: bytes) -> str:
    """Return a key as text that keeps every byte."""
    return key.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return the key of `text_of`."""
    return text.encode("utf-8", "surrogateescape")


def place_token(begun: str | None, token: str) -> str:
    """Return a token together with the key that its listing began at: neither is right without the other."""
    return json.dumps([begun, token])


def token_place(token: str) -> tuple[str | None, str]:
    """Return what `place_token` put together. Raises ProtocolViolation for what is none of it."""
    try:
        begun, following = json.loads(token)
    except (ValueError, TypeError) as exc:
        raise ProtocolViolation("A checkpoint of another kind of listing cannot be gone on from.") from exc
    return begun, following

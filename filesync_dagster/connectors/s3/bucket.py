"""What is asked of a bucket: one page at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from filesync_dagster.connectors.object_store.store import ObjectPage, bytes_of, text_of
from filesync_dagster.connectors.rest.calls import never
from filesync_dagster.connectors.s3.answers import (
    TRY_PROVIDER,
    KeyEncoding,
    VersionListing,
    listing_of,
    prefixes_of,
    versions_of,
)
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.connectors.s3.transport import Transport
from filesync_dagster.core.errors import ProtocolViolation

Result = TypeVar("Result")

ENCODING = {"encoding-type": "url"}


@dataclass(slots=True)
class _Habits:
    """What the answers of a bucket have shown of its store. Shared by the threads of a listing."""

    encoding: KeyEncoding
    takes_encoding: bool | None = None  # whether it may be asked for URL-encoded keys


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """One bucket and prefix as an object store."""

    transport: Transport
    quirks: Quirks
    prefix: str
    page_size: int
    owners: bool
    habits: _Habits = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "habits", _Habits(KeyEncoding(plus_is_space=self.quirks.plus_is_space)))

    @property
    def where(self) -> str:
        """The bucket and the address, for messages."""
        return self.transport.where

    @property
    def hint(self) -> str:
        """What to do about a store that answers what it should not."""
        return TRY_PROVIDER

    @property
    def ordered(self) -> bool:
        """Whether keys come in the order of their bytes."""
        return self.quirks.ordered

    @property
    def starts_anywhere(self) -> bool:
        """Whether a page may be asked for that follows any key."""
        return self.quirks.start_after

    @property
    def follows_tokens(self) -> bool:
        """Whether the page after another one is asked for with its token."""
        return self.quirks.list_version != 1

    def page(
        self,
        *,
        after: bytes | None = None,
        token: str | None = None,
        limit: int | None = None,
        stopped: Callable[[], bool] = never,
    ) -> ObjectPage:
        """Return the page that follows the key `after`, or that `token` stands for; the first if both are None."""
        query = self._query(limit or self.page_size, after, token)
        page = self._read(query, lambda body: listing_of(body, self.habits.encoding, self.where), stopped)
        self._check(page)
        return page

    def folders(self, below: str, after: bytes) -> list[bytes]:
        """Return common prefixes below one, at most a page of them, from about `after` on. Only good as cuts."""
        query = self._query(1000, after) | {"prefix": below, "delimiter": "/"}
        return self._read(query, lambda body: prefixes_of(body, self.habits.encoding, self.where))

    def versions(self, key_marker: str | None, version_marker: str | None) -> VersionListing:
        """Return the page of versions that follows a pair of markers. They are only right together."""
        query = {"versions": "", "max-keys": str(self.page_size)}
        if self.prefix:
            query["prefix"] = self.prefix
        if key_marker is not None:
            query["key-marker"] = key_marker
            if version_marker is not None:
                query["version-id-marker"] = version_marker
        listing = self._read(query, lambda body: versions_of(body, self.habits.encoding, self.where))
        if listing.truncated and listing.key_marker is None:
            raise ProtocolViolation(f"{self.where} cut a listing of versions short without saying where it goes on.")
        prefix = bytes_of(self.prefix)
        if any(not version.key.startswith(prefix) for version in listing.versions):
            raise ProtocolViolation(f"{self.where} listed versions outside the prefix that was asked for.")
        return listing

    def below(self, prefix: str) -> "S3Bucket":
        """Return the same bucket below another prefix."""
        other = replace(self, prefix=prefix)
        object.__setattr__(other, "habits", self.habits)
        return other

    def exists(self, key: bytes, stopped: Callable[[], bool]) -> bool | None:
        """Say whether there is an object; None where the store does not tell."""
        return self.transport.has(key, stopped=stopped)

    def _query(self, limit: int, after: bytes | None = None, token: str | None = None) -> dict[str, str]:
        query = {"max-keys": str(limit)}
        if self.prefix:
            query["prefix"] = self.prefix
        if not self.follows_tokens:
            marker = token if after is None else text_of(after)
            return query if marker is None else query | {"marker": marker}
        query["list-type"] = "2"
        if self.owners:
            query["fetch-owner"] = "true"
        if token is not None:
            query["continuation-token"] = token
        elif after is not None:
            query["start-after"] = text_of(after)
        return query

    def _read(
        self, query: dict[str, str], parse: Callable[[bytes], Result], stopped: Callable[[], bool] = never
    ) -> Result:
        """Ask for URL-encoded keys, which may hold any character; not so a store that refuses to be asked for them."""
        habits = self.habits
        if habits.takes_encoding is False:
            return self.transport.read(query, parse, stopped=stopped)
        try:
            found = self.transport.read(query | ENCODING, parse, stopped=stopped)
        except ProtocolViolation:
            if habits.takes_encoding is not None:
                raise
            found = self.transport.read(query, parse, stopped=stopped)
            habits.takes_encoding = False
        else:
            habits.takes_encoding = True
        return found

    def _check(self, page: ObjectPage) -> None:
        if page.truncated:
            # Without a token (or, in version 1, a last key) there is no way to go on, and the page is not the end.
            stuck = page.token is None if self.follows_tokens else not page.keys
            if stuck:
                raise ProtocolViolation(
                    f"{self.where} cut a listing short without saying where it goes on.", hint=TRY_PROVIDER
                )
        prefix = bytes_of(self.prefix)
        if prefix and not all(key.startswith(prefix) for key in page.keys):
            raise ProtocolViolation(
                f"{self.where} listed keys outside the prefix that was asked for.", hint=TRY_PROVIDER
            )

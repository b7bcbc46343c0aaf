"""What is asked of a bucket: one page at a time."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import ge

from filesync_dagster.connectors.rest.calls import never
from filesync_dagster.connectors.s3.answers import S3Listing, VersionListing, listing_of, versions_of
from filesync_dagster.connectors.s3.errors import TRY_PROVIDER
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.connectors.s3.transport import Transport
from filesync_dagster.core.errors import ProtocolViolation


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """One bucket and prefix, asked for pages. Each answer is complete and of the right keys, or an error."""

    transport: Transport
    quirks: Quirks
    prefix: str
    page_size: int
    owners: bool

    def page(
        self,
        *,
        after: bytes | None = None,
        token: str | None = None,
        limit: int | None = None,
        stopped: Callable[[], bool] = never,
    ) -> S3Listing:
        """Return the page that follows the key `after`, or that `token` stands for; the first if both are None."""
        query = self._query(limit or self.page_size)
        if self.quirks.list_version == 1:
            if after is not None:
                query["marker"] = text_of(after)
        else:
            query["list-type"] = "2"
            if self.owners:
                query["fetch-owner"] = "true"
            if token is not None:
                query["continuation-token"] = token
            elif after is not None:
                query["start-after"] = text_of(after)
        listing = listing_of(self.transport.get(query, stopped=stopped), self.quirks, self.transport.where)
        self._check(listing)
        return listing

    def folders(self, below: str, after: bytes) -> list[bytes]:
        """Return common prefixes below one, at most a page of them, from about `after` on. Only good as cuts."""
        query = self._query(1000) | {"prefix": below, "delimiter": "/"}
        if self.quirks.list_version == 1:
            query["marker"] = text_of(after)
        else:
            query |= {"list-type": "2", "start-after": text_of(after)}
        return listing_of(self.transport.get(query), self.quirks, self.transport.where).prefixes

    def versions(self, key_marker: str | None, version_marker: str | None) -> VersionListing:
        """Return the page of versions that follows a pair of markers. They are only right together."""
        query = {"versions": ""} | self._query(self.page_size)
        if key_marker is not None:
            query["key-marker"] = key_marker
            if version_marker is not None:
                query["version-id-marker"] = version_marker
        where = self.transport.where
        listing = versions_of(self.transport.get(query), self.quirks, where)
        if listing.truncated and listing.key_marker is None:
            raise ProtocolViolation(f"{where} cut a listing of versions short without saying where it goes on.")
        prefix = bytes_of(self.prefix)
        if any(not version.key.startswith(prefix) for version in listing.versions):
            raise ProtocolViolation(f"{where} listed versions outside the prefix that was asked for.")
        return listing

    def _query(self, limit: int) -> dict[str, str]:
        query = {"max-keys": str(limit)}
        if self.prefix:
            query["prefix"] = self.prefix
        if self.quirks.url_encoding:
            query["encoding-type"] = "url"
        return query

    def _check(self, listing: S3Listing) -> None:
        where = self.transport.where
        if listing.truncated:
            # Without a token (or, in version 1, a last key) there is no way to go on, and the page is not the end.
            stuck = not listing.keys if self.quirks.list_version == 1 else listing.token is None
            if stuck:
                raise ProtocolViolation(
                    f"{where} cut a listing short without saying where it goes on.", hint=TRY_PROVIDER
                )
        prefix = bytes_of(self.prefix)
        if prefix and not all(key.startswith(prefix) for key in listing.keys):
            raise ProtocolViolation(f"{where} listed keys outside the prefix that was asked for.", hint=TRY_PROVIDER)


def is_rising(keys: list[bytes]) -> bool:
    """Whether each key is greater than the one before it."""
    return not any(map(ge, keys, keys[1:]))


def text_of(key: bytes) -> str:
    """Return a key as text that keeps every byte."""
    return key.decode("utf-8", "surrogateescape")


def bytes_of(text: str) -> bytes:
    """Return the key of `text_of`."""
    return text.encode("utf-8", "surrogateescape")

"""What is asked of a container: one page at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from filesync_dagster.connectors.azure_blob.answers import REPORT, listing_of, prefixes_of
from filesync_dagster.connectors.azure_blob.transport import VERSION, BlobTransport
from filesync_dagster.connectors.object_store.chain import Unprovable
from filesync_dagster.connectors.object_store.store import ObjectPage, bytes_of, place_token, text_of, token_place
from filesync_dagster.connectors.rest.errors import BadRequest
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import ProtocolViolation

RANGES_VERSION: Final = "2026-06-06"
"""The first version of the protocol in which a listing can begin at a name (`startFrom`)."""


@dataclass(slots=True)
class _Habits:
    """What the answers have shown of the service. Shared by the threads of a listing."""

    version: str = RANGES_VERSION
    begins_anywhere: bool = True


@dataclass(frozen=True, slots=True)
class BlobContainer:
    """One container and prefix as an object store.

    Where a listing begins is asked for with `startFrom`; an older service does not know it, and some refuse names that
    they compare without case. Both are listed from the beginning, by their markers.
    """

    transport: BlobTransport
    prefix: str
    page_size: int
    ordered: bool = True
    habits: _Habits = field(default_factory=_Habits)

    @property
    def where(self) -> str:
        """The container and the address, for messages."""
        return self.transport.where

    @property
    def hint(self) -> str:
        """What to do about a service that answers what it should not."""
        return REPORT

    @property
    def starts_anywhere(self) -> bool:
        """Whether a page may be asked for that follows any name."""
        return self.habits.begins_anywhere

    @property
    def follows_tokens(self) -> bool:
        """Always: markers are opaque."""
        return True

    def page(
        self,
        *,
        after: bytes | None = None,
        token: str | None = None,
        limit: int | None = None,
        stopped: Callable[[], bool] = never,
    ) -> ObjectPage:
        """Return the page that follows the key `after`, or that `token` stands for; the first if both are None."""
        begun, marker = (None if after is None else text_of(after), None) if token is None else token_place(token)
        query = {"comp": "list", "maxresults": str(limit or self.page_size)}
        if self.prefix:
            query["prefix"] = self.prefix
        if begun is not None:
            query["startFrom"] = begun
        if marker is not None:
            query["marker"] = marker
        page = self._read(query, stopped)
        if self.prefix and not all(key.startswith(bytes_of(self.prefix)) for key in page.keys):
            raise ProtocolViolation(f"{self.where} listed names outside the prefix that was asked for.", hint=REPORT)
        return page if page.token is None else replace(page, token=place_token(begun, page.token))

    def folders(self, below: str, after: bytes) -> list[bytes]:
        """Return common prefixes below one, at most a page of them, from about `after` on. Only good as cuts."""
        query = {"comp": "list", "maxresults": str(self.page_size), "delimiter": "/", "prefix": below}
        if after > bytes_of(below):
            query["startFrom"] = text_of(after)
        where = self.where
        try:
            return self.transport.read(query, lambda body: prefixes_of(body, where), version=self.habits.version)
        except BadRequest:
            query.pop("startFrom", None)
            return self.transport.read(query, lambda body: prefixes_of(body, where))

    def below(self, prefix: str) -> "BlobContainer":
        """Return the same container below another prefix."""
        return replace(self, prefix=prefix)

    def without_order(self) -> "BlobContainer":
        """Return the same container, whose order is not relied on."""
        return replace(self, ordered=False)

    def exists(self, key: bytes, stopped: Callable[[], bool]) -> bool | None:
        """Say whether there is a blob; None where the service does not tell."""
        return self.transport.has(key, stopped=stopped)

    def _read(self, query: dict[str, str], stopped: Callable[[], bool]) -> ObjectPage:
        """Ask with the version that can begin anywhere, until the service shows that it does not know it."""
        habits, where = self.habits, self.where
        version = habits.version
        try:
            return self.transport.read(query, lambda body: listing_of(body, where), version=version, stopped=stopped)
        except BadRequest:
            if version == VERSION:
                raise
            if "startFrom" in query:
                habits.begins_anywhere = False
                raise Unprovable(f"{where} does not begin a listing at a name.") from None
            found = self.transport.read(query, lambda body: listing_of(body, where), stopped=stopped)
            habits.version, habits.begins_anywhere = VERSION, False
            return found

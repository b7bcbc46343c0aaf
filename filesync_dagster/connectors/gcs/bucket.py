"""What is asked of a bucket: one page at a time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from filesync_dagster.connectors.gcs.errors import REPORT
from filesync_dagster.connectors.gcs.transport import GcsTransport
from filesync_dagster.connectors.object_store.store import ObjectPage, bytes_of, place_token, text_of, token_place
from filesync_dagster.connectors.rest.answers import list_in
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.connectors.rest.paging import next_token_in
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import ProtocolViolation

SCOPE: Final = ""
COLUMNS: Final = (
    "generation", "metageneration", "size", "md5Hash", "crc32c", "updated", "timeCreated", "storageClass",
    "contentType",
)  # fmt: skip
PAST_COLUMNS: Final = ("timeDeleted", "softDeleteTime")  # what is live has none
ACL_COLUMNS: Final = ("owner", "acl")


@dataclass(frozen=True, slots=True)
class GcsBucket:
    """One bucket and prefix as an object store. `which`: parameters that select what is listed, such as versions."""

    transport: GcsTransport
    prefix: str
    page_size: int
    acls: bool = False
    ordered: bool = True
    which: Mapping[str, str] | None = None

    @property
    def where(self) -> str:
        """The bucket and the address, for messages."""
        return self.transport.where

    @property
    def hint(self) -> str:
        """What to do about a store that answers what it should not."""
        return REPORT

    @property
    def starts_anywhere(self) -> bool:
        """Always: `startOffset`."""
        return True

    @property
    def follows_tokens(self) -> bool:
        """Always: tokens are opaque."""
        return True

    @property
    def columns(self) -> tuple[str, ...]:
        """What is asked for of each object, besides its name."""
        return (*COLUMNS, *(PAST_COLUMNS if self.which else ()), *(ACL_COLUMNS if self.acls else ()))

    def page(
        self,
        *,
        after: bytes | None = None,
        token: str | None = None,
        limit: int | None = None,
        stopped: Callable[[], bool] = never,
    ) -> ObjectPage:
        """Return the page that follows the key `after`, or that `token` stands for; the first if both are None."""
        begun, following = (None if after is None else text_of(after), None) if token is None else token_place(token)
        query = {
            "fields": f"kind,nextPageToken,items(name,{','.join(self.columns)})",  # without it no token comes
            "maxResults": str(limit or self.page_size),
            "projection": "full" if self.acls else "noAcl",
            **(self.which or {}),
        }
        if self.prefix:
            query["prefix"] = self.prefix
        if begun is not None:
            query["startOffset"] = begun
        if following is not None:
            query["pageToken"] = following
        page = self.transport.read("/o", query, self._page, stopped=stopped)
        if self.prefix and not all(key.startswith(bytes_of(self.prefix)) for key in page.keys):
            raise ProtocolViolation(f"{self.where} listed names outside the prefix that was asked for.", hint=REPORT)
        return page if page.token is None else replace(page, token=place_token(begun, page.token))

    def folders(self, below: str, after: bytes) -> list[bytes]:
        """Return common prefixes below one, at most a page of them, from about `after` on. Only good as cuts."""
        query = {"fields": "kind,nextPageToken,prefixes", "maxResults": "1000", "delimiter": "/", "prefix": below}
        if after > bytes_of(below):
            query["startOffset"] = text_of(after)
        return self.transport.read("/o", query, _prefixes_in)

    def below(self, prefix: str) -> "GcsBucket":
        """Return the same bucket below another prefix."""
        return replace(self, prefix=prefix)

    def without_order(self) -> "GcsBucket":
        """Return the same bucket, whose order is not relied on."""
        return replace(self, ordered=False)

    def exists(self, key: bytes, stopped: Callable[[], bool]) -> bool | None:
        """Say whether there is an object."""
        return self.transport.object(key, "name", stopped=stopped) is not None

    def _page(self, answer: dict[str, Any]) -> ObjectPage:
        if answer.get("kind") != "storage#objects":
            raise ProtocolViolation(f"{self.where} sent something else instead of a listing.", hint=REPORT)
        items = list_in(answer, "items", self.where, REPORT) if "items" in answer else []
        named = [item for item in items if _is_name(item.get("name"))]
        nameless = [item for item in items if not _is_name(item.get("name"))] if len(named) < len(items) else []
        token = next_token_in(answer, "nextPageToken", self.where)
        return ObjectPage(
            keys=[item["name"].encode("utf-8", "surrogatepass") for item in named],
            columns={name: [item.get(name) for item in named] for name in self.columns},
            truncated=token is not None,
            token=token,
            gaps=tuple(gap_without("a name", item, scope=SCOPE) for item in nameless),
        )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _prefixes_in(answer: dict[str, Any]) -> list[bytes]:
    found = answer.get("prefixes")
    return [prefix.encode() for prefix in found if isinstance(prefix, str)] if isinstance(found, list) else []

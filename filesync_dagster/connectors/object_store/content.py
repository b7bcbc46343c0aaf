"""The content of an object: of the version that the inventory has, or none."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.content import RangedContent, range_header, size_told
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import ContentMismatch

NEXT_SYNC: Final = "The next sync tells what it is now."


@dataclass(frozen=True, slots=True)
class ObjectReading:
    """How one object of a store is read, at the version of its entry. `where` names it in messages.

    `ask` sends one request with the headers of a part, and returns the answer when it is 200 or 206. `require_same`
    raises StaleSource for the headers of an answer that has another version; `confirm` asks for them first.
    """

    calls: Calls | AuthorizedCalls
    entry: FileEntry
    where: str
    ask: Callable[[Mapping[str, str]], Download]
    require_same: Callable[[Mapping[str, str]], None]
    confirm: Callable[[], None]

    def open(self, offset: int, length: int | None) -> ContentStream:
        """Return the content, or a part of it. Raises SourceError."""
        require_file(self.entry)
        span = ByteSpan.of(self.entry.size, offset, length)
        content = RangedContent(
            self.calls, lambda at: self._ask(at, span.end), where=self.where, start=span.start, end=span.end,
            clipped=not span.whole,
        )  # fmt: skip
        content.open()
        hashed = self.entry.content_hash if span.whole else None
        return ContentStream(
            content.blocks(),
            what=self.where,
            size=span.size,
            mime_type=self.entry.mime_type,
            content_hash=hashed,
            confirm=None if hashed else self.confirm,
            doubt=self.confirm,
            release=content.close,
        )

    def _ask(self, at: int, end: int | None) -> Download:
        answer = self.ask(range_header(at, end, self.entry.size))
        try:
            self.require_same(answer.headers)
            self._require_size(size_told(answer))
        except BaseException:
            answer.close()
            raise
        return answer

    def _require_size(self, told: int | None) -> None:
        listed = self.entry.size
        if told is not None and listed is not None and told != listed:
            raise ContentMismatch(f"{self.where} has {told:,} bytes by the answer, and {listed:,} by its listing.")

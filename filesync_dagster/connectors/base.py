"""What a connector is: the contract of `Source`, and of what some sources can do besides.

The docstrings here are the contract; the contract suite (`filesync_dagster.testing`)
holds every connector to it. Implementations add a docstring only where they differ.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias, runtime_checkable

from pydantic import BaseModel

from filesync_dagster.connectors.destination import Destination, Receipt, Upload
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.model import Capabilities, ConnectionReport, Delta, Page

Prune: TypeAlias = Callable[[str], bool]
"""Says that everything below a path is filtered out, so that a connector need not look there."""


@runtime_checkable
class Source(Protocol):
    """Lists one endpoint. Complete at construction; constructing one makes no network call."""

    @property
    def capabilities(self) -> Capabilities:
        """Facts; no I/O."""
        ...

    def check(self) -> ConnectionReport:
        """Connect and tell what can be seen. Raises SourceError when nothing can."""
        ...

    def scopes(self) -> tuple[str, ...]:
        """The scopes of this endpoint, at least one, stable between syncs."""
        ...

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Yield every entry of the scope, in pages.

        The listing is complete when, and only when, the iterator ends without an error and no page named
        something as `gaps`: a connector that cannot be sure raises ProtocolViolation or reports ListingGap.
        It never ends early. An entry may come twice (it moved while listed): the later page wins.

        `checkpoint` is one that an earlier, unfinished call yielded: pages that it covers do not come again.
        A checkpoint that the store no longer accepts restarts the scope silently.
        `landmarks` are external_ids, sorted, evenly spread over the last snapshot of this scope (none the first
        time): a connector may cut its work at them, and must be right whatever they are.

        A source that `derives_paths` yields rows in any order, with the name in place of the path: the sync derives
        paths from parents. The top of the endpoint is parent_id null. A row below a parent that is no row of the
        endpoint (OUTSIDE never is) does not belong to it.

        Raises SourceError. Pages are yielded in the caller's thread. Closing the iterator stops all work.
        """
        ...

    def close(self) -> None:
        """Release connections and threads. Idempotent."""
        ...


@runtime_checkable
class ExplainableSource(Source, Protocol):
    """A source that can tell why there is nothing."""

    def explain_emptiness(self) -> str | None:
        """Return a sentence about why a listing would find nothing, None when there is something. Costs a few calls."""
        ...


@runtime_checkable
class HistoricalSource(Source, Protocol):
    """A source that can tell the past."""

    def history_start(self) -> datetime | None:
        """The earliest moment whose listing may be proved complete; None if the store keeps no history.

        No request for each entry is made for it: what `list_as_of` reads may show that a later moment is the earliest.
        """
        ...

    def list_as_of(self, scope: str, at: datetime, checkpoint: str | None = None) -> Iterator[Page]:
        """Like `list`, of the state at the moment `at` (inclusive).

        Raises HistoryUnavailable where that cannot be proved: before history_start at once, else when it is read.
        """
        ...


@runtime_checkable
class LookupSource(Source, Protocol):
    """A source that can tell of single entries."""

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Yield those of these entries that still exist and may be seen, wherever they are now; others are gone.

        An entry that exists but whose place cannot be told has the parent OUTSIDE. What cannot be looked up raises.
        """
        ...


@runtime_checkable
class IncrementalSource(LookupSource, Protocol):
    """A source that can tell what changed. Its ids are stable and its paths derived."""

    def cursor(self) -> str:
        """From where `changes` will tell everything that happens from now on, for all scopes together.

        Asked for before a full listing begins, so that what happens during it is told afterwards.
        """
        ...

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Yield what changed since the cursor, all scopes; at least one delta, whose cursor is the new one.

        Complete when, and only when, the iterator ends without an error. Never starts from now: a cursor that cannot be
        gone on from (expired, of other scopes, unreadable) raises CursorLost. What happened while it is read may
        be told or come with the next cursor.
        """
        ...

    def below(self, folder_id: str, scope: str) -> Iterator[Page]:
        """Yield every entry anywhere below a folder, as `list` would; the folder itself not. Complete as in `list`.

        Asked for when a folder comes into the endpoint with what it holds, which no feed tells.
        """
        ...


@runtime_checkable
class ContentSource(Source, Protocol):
    """A source whose files can be read."""

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Return the content of a file at the version of its entry; or of `length` bytes from `offset` on.

        No whole file is held in memory or kept on disk. Only a whole content is proved by its hash; every one by its
        length, and by the version before its first block and after its last. `export`: the format (`pdf`, `docx`) for
        documents that have no bytes of their own.

        Raises StaleSource when the file has another version or is gone, NoContent when it has no bytes, and other
        SourceErrors, at once or while it is read.
        """
        ...


@runtime_checkable
class CopyingDestination(Destination, Protocol):
    """A destination whose store copies files of some sources by itself: no byte passes here."""

    def can_copy(self, source: ContentSource) -> bool:
        """Whether the files of a source are in the same store, with the same credentials."""
        ...

    def copy(self, source: ContentSource, entry: FileEntry, upload: Upload) -> Receipt:
        """Copy a file at the version of its entry. Raises StaleSource when it has another by then."""
        ...


@dataclass(frozen=True)
class Connector:
    """One kind of store.

    `details` is the model of `endpoint_details`; its SecretStr fields never leave the process. `location` names the
    details that decide what is listed: when one of them changes, rows that disappear left the scope.
    """

    title: str
    details: type[BaseModel]
    location: tuple[str, ...]
    open: Callable[..., Source]  # (details, meter, *, prune: Prune | None)
    paths: tuple[str, ...] = ()  # details that are paths of this machine, relative to the configuration file
    incremental: bool = False  # its sources are IncrementalSources: they tell what changed
    owned_keys: Callable[[Any], tuple[str, str]] | None = None
    """Where events name keys: from the details, the bucket and the prefix of the keys that are an endpoint's."""
    place: Callable[[Any], tuple[str, str]] | None = None
    """From the details: which store it is, and the path of its top there; so that two that overlap can be told."""
    open_destination: Callable[..., Destination] | None = None  # (details, meter); None: it only lists
    destination_details: type[BaseModel] | None = None  # where they differ from `details`
    lists: bool = True  # False: it is a destination only, and no endpoint can be of this type

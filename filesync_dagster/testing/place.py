"""Somewhere to put files, and the source that lists them: what the suites need of a store."""

from typing import Final, Protocol, runtime_checkable

from filesync_dagster.connectors.base import Connector, Source
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan

IMPATIENT: Final = RetryPolicy(attempts=4, wait_initial=0.0, wait_max=0.01, retry_after_min=0.0, retry_after_max=0.01)
"""A patience for sources in tests: they ask as often as in life, and nearly without waiting."""


@runtime_checkable
class Place(Protocol):
    """Somewhere to put files, and the source that lists them. Empty at first. Paths are relative, `/`-separated.

    Of several scopes the first is the one that files are put into. A place may say more with attributes: `top`, the
    folder of the endpoint that its files are in; `permitted`, the kinds of entries that have permissions; `untold`,
    the changes of `ChangeSuite` that the store does not tell of; `digest`, the hash of a content that only this store
    computes.
    """

    @property
    def connector(self) -> Connector:
        """What the sources of this place are opened with."""
        ...

    @property
    def hostile_names(self) -> tuple[str, ...]:
        """Paths that are legal here and easy to get wrong, none of them inside another."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Add a file, and the folders above it where the store has such."""
        ...

    def overwrite(self, path: str, content: bytes) -> None:
        """Replace the content of a file, keeping its modification time if the store lets anyone do so."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file, or a folder where the store has such, another path."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file, or a folder where the store has such, with what is below it."""
        ...

    def open(self, meter: Meter, page_size: int = 10) -> Source:
        """Return a source of this place."""
        ...

    def open_missing(self, meter: Meter) -> Source:
        """Return a source of a bucket, folder or project that does not exist."""
        ...


@runtime_checkable
class TrashPlace(Place, Protocol):
    """A place with a trash."""

    def trash(self, path: str) -> None:
        """Move a file or folder to the trash."""
        ...

    def restore(self, path: str) -> None:
        """Take it back."""
        ...


@runtime_checkable
class FaultyPlace(Place, Protocol):
    """A place where things go wrong on demand: a simulator is behind it."""

    @property
    def plan(self) -> FaultPlan:
        """What goes wrong."""
        ...

    @property
    def faults(self) -> frozenset[Fault]:
        """What can go wrong here."""
        ...


@runtime_checkable
class PartedPlace(FaultyPlace, Protocol):
    """A place whose parts can fail on their own, and single entries of answers be odd (`Rule.part`, `Rule.entry`)."""

    def part_of(self, path: str) -> str:
        """Return what requests about the folder at a path name: its id, most often."""
        ...

    def add_scope(self) -> str | None:
        """Add another scope to the endpoint and return what requests about it name; None if there is but one."""
        ...

    def field_of(self, column: str, path: str) -> tuple[str, str]:
        """Return where answers tell a column (external_id, size, modified_at) of a file at the top.

        That is a text that the entry has, such as its id, and the JSON Pointer of the field in it.
        """
        ...

    def reopen(self) -> Source:
        """Return another source of the same endpoint."""
        ...

"""Every error a user can meet.

* FilesyncError
  x ConfigError                 endpoints.yaml or the environment is wrong (carries every problem, with file:line)
  x UnknownEndpoint             a name that the configuration does not have
  x MissingExtra                a library that an extra of the package brings is not installed
  x SourceError                 a store did not do what was asked (`retryable` says whether asking again can help)
    + AuthenticationFailed      the store does not know these credentials
    + AccessDenied              it knows them and refuses
    + NotFound                  the bucket, folder or project is not there
    + Unreachable               no connection (retryable)
    + Throttled                 asked to slow down (retryable, `retry_after` seconds)
    + TemporarilyDown           5xx, timeouts, broken connections (retryable)
    + ProtocolViolation         an answer that cannot be trusted: truncated without a token, unreadable, looping
    + HistoryUnavailable        the store cannot tell how it looked at that moment
    + CursorLost                the change feed cannot go on from the cursor: a full sync must follow
    + Stalled                   nothing came of it for so long that it was given up
    + StaleSource               a file is not the version that was asked for any more: the next sync will tell
    + ContentMismatch           what came is not what the store has: too short, or of another hash (retryable)
    + NoContent                 a file that has no bytes to read: a shortcut, a document without an export
    + Foreign                   something is at a destination that is not ours, or not as we left it
    + NameImpossible            a name that a destination cannot hold
    + DestinationFull           a destination has no room for it
    + BreakerOpen               it failed so often that it is left alone for a while
  x StorageError                our own disk, object store or database did not do what was asked
    + DatabaseError
      - DatabaseUnavailable     absent, unreachable, wrong credentials
      - DatabaseLocked          another process holds it for too long
    + SnapshotError
      - SnapshotMissing         a file that a committed row points to is not there
      - SnapshotCorrupt         it is there and cannot be read
    + ForeignRoot               the snapshot root belongs to another installation
    + OutOfSpace                no room left on the device
    + NotWritable               read-only or forbidden
  x SyncError
    + SyncInProgress            another sync of this endpoint holds the lease
    + LeaseLost                 this sync lost its lease to another and must not commit
    + NothingHeld               approve or reject without a held sync
    + HeldSyncOutdated          the inventory moved on since the sync was held
    + NothingKnown              nothing is stored about that moment
    + UnknownFile               the inventory has no such file
    + PlanOutdated              what was planned cannot be done any more: plan again
  x TableError                  tables cannot be had, made or written (`code`: for programs; `field`: what to correct)
    + UnreadableTable           a file is not what it should be, or its rows cannot be told without doubt
    + SourceRefused             a data source could not be reached, or did not do what was asked
    + KeysBroken                keys or relations that no rows can satisfy, or that written rows do not
    + RuleBroken                a rule that the real rows violate, or that no synthetic row satisfies
    + Unexportable              a format cannot hold what is to be written
    + LimitReached              more rows, columns or bytes than the settings allow
    + Cancelled                 a session was cancelled
  x ServiceError                a process that we start, or the port it needs, is not to be had
    + DagsterUnreachable        nobody answers where Dagster's web server should be
    + DagsterRefused            it answered, and said no
      - DagsterForeign          it runs another configuration, or cannot prove that it runs this one

Each message is one sentence; `hint` says what to do about it.
"""

from collections.abc import Sequence
from typing import ClassVar

from filesync_dagster.core.redaction import to_told


class FilesyncError(Exception):
    """Base of the tree. `str(error)` is what a person reads: the message, then the hint.

    A message may quote what a store or a library says: it holds no secret, and has an end.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = to_told(message)
        self.hint = to_told(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class ConfigError(FilesyncError):
    """The configuration is wrong; `problems` has every one, each as `file:line: sentence`."""

    def __init__(self, problems: Sequence[str], *, hint: str = "") -> None:
        super().__init__("", hint=hint)
        self.problems = tuple(to_told(problem) for problem in problems)
        self.message = "\n".join(self.problems)
        self.args = (self.message,)


class UnknownEndpoint(FilesyncError):
    """A name that the configuration does not have."""


class MissingExtra(FilesyncError):
    """A library that an extra of the package brings is not installed."""


class SourceError(FilesyncError):
    """A store did not do what was asked."""

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class AuthenticationFailed(SourceError):
    """The store does not know these credentials."""


class AccessDenied(SourceError):
    """The store knows the credentials and refuses."""


class NotFound(SourceError):
    """The bucket, folder or project is not there."""


class Unreachable(SourceError):
    """No connection could be made."""

    retryable = True


class Throttled(SourceError):
    """The store asked to slow down."""

    retryable = True


class TemporarilyDown(SourceError):
    """A 5xx answer, a timeout or a connection that broke."""

    retryable = True


class ProtocolViolation(SourceError):
    """An answer that cannot be trusted, so nothing may be concluded from it."""


class HistoryUnavailable(SourceError):
    """The store cannot tell how it looked at that moment."""


class CursorLost(SourceError):
    """The change feed cannot go on from the cursor. Nothing may be concluded but that a full sync must follow."""


class Stalled(SourceError):
    """A sync came no further for so long that it was given up."""


class StaleSource(SourceError):
    """A file is not the version that was asked for any more."""


class ContentMismatch(SourceError):
    """What came of a file is not what the store has: it is too short, or has another hash."""

    retryable = True


class NoContent(SourceError):
    """A file that has no bytes to read: a shortcut, a document of the store's own kind."""


class Foreign(SourceError):
    """Something is at a destination that is not ours, or not as we left it."""


class NameImpossible(SourceError):
    """A name that a destination cannot hold."""


class DestinationFull(SourceError):
    """A destination has no room for what was sent."""


class BreakerOpen(SourceError):
    """The store failed so often in a row that it is left alone until a probe is due."""


class StorageError(FilesyncError):
    """Our own disk, object store or database did not do what was asked."""


class DatabaseError(StorageError):
    """The metadata database did not do what was asked."""


class DatabaseUnavailable(DatabaseError):
    """The metadata database is absent, unreachable or refuses the credentials."""


class DatabaseLocked(DatabaseError):
    """Another process holds the metadata database for too long."""


class SnapshotError(StorageError):
    """A stored snapshot or change file cannot be used."""


class SnapshotMissing(SnapshotError):
    """A file that a committed row points to is not there."""


class SnapshotCorrupt(SnapshotError):
    """A stored file is there and cannot be read."""


class ForeignRoot(StorageError):
    """The snapshot root belongs to another installation, which would lose what it has there."""


class OutOfSpace(StorageError):
    """No room is left on the device."""


class NotWritable(StorageError):
    """A place we must write to is read-only or forbidden."""


class SyncError(FilesyncError):
    """A sync, approval or replay cannot go on."""


class SyncInProgress(SyncError):
    """Another sync of this endpoint holds the lease."""


class LeaseLost(SyncError):
    """This sync lost its lease to another one and must not commit."""


class NothingHeld(SyncError):
    """There is no held sync to decide on."""


class HeldSyncOutdated(SyncError):
    """The inventory moved on since the sync was held."""


class NothingKnown(SyncError):
    """Nothing is stored about that moment."""


class UnknownFile(SyncError):
    """The inventory has no such file."""


class PlanOutdated(SyncError):
    """What was planned cannot be done any more."""


class TableError(FilesyncError):
    """Tables cannot be had, made or written. `code` is one word for programs; `field` names what to correct."""

    def __init__(self, message: str, *, hint: str = "", code: str = "unknown", field: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.code = code
        self.field = field


class UnreadableTable(TableError):
    """A file is not what it should be, or its rows cannot be told without doubt."""


class SourceRefused(TableError):
    """A data source could not be reached, or did not do what was asked."""


class KeysBroken(TableError):
    """Keys or relations that no rows can satisfy, or that the written rows do not satisfy."""


class RuleBroken(TableError):
    """A rule that the real rows violate, or that no synthetic row satisfies."""


class Unexportable(TableError):
    """A format cannot hold what is to be written."""


class LimitReached(TableError):
    """More rows, columns or bytes than the settings allow."""


class Cancelled(TableError):
    """A session was cancelled."""


class ServiceError(FilesyncError):
    """A process that we start (Dagster, the S3 server of the demo), or the port it needs, is not to be had."""


class DagsterUnreachable(ServiceError):
    """Nobody answers where Dagster's web server should be."""


class DagsterRefused(ServiceError):
    """Dagster's web server answered, and did not do what was asked."""


class DagsterForeign(DagsterRefused):
    """Dagster answered, and does not prove that it runs this configuration: nothing was asked of it."""


def unexpected_sentence(error: BaseException) -> str:
    """Return what is told of an error that is none of ours: what a library says may quote anything."""
    return to_told(f"Unexpected {type(error).__name__}: {error}")

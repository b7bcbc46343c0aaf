"""Copying one file: opened at its version, streamed, proved, published only then."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, TypeVar

from filesync_dagster.config import Replication
from filesync_dagster.connectors.base import ContentSource, CopyingDestination
from filesync_dagster.connectors.destination import (
    NOTHING,
    Destination,
    DestinationFile,
    Part,
    Precondition,
    Proof,
    Receipt,
    ResumableDestination,
    Upload,
)
from filesync_dagster.core.content import ContentStream, FileEntry, whole_hash
from filesync_dagster.core.errors import Foreign, NotFound, SourceError, Stalled
from filesync_dagster.core.model import Kind
from filesync_dagster.replication.progress import Bandwidth, Tally

ATTEMPTS: Final = 3
"""How often a file is tried in one run: a content that comes wrong as often is named."""

PAUSE_SECONDS: Final = 0.5
"""Between two attempts; it doubles, and a store that asks for more gets it."""

PAUSE_MAX_SECONDS: Final = 600.0

PARTS_AT_ONCE: Final = 4
"""Parts of one file that are sent at the same time."""

Result = TypeVar("Result")
NoteResume = Callable[[Mapping[str, Any], int], None]


@dataclass(frozen=True, slots=True)
class CopyJob:
    """A file that is to be at a destination."""

    entry: FileEntry
    path: str  # at the destination
    expected: Precondition | None
    resume: Mapping[str, Any]
    note_resume: NoteResume
    look_first: bool = False  # something is there already, which may be this file


@dataclass(frozen=True, slots=True)
class CopyOutcome:
    """What a destination says of a file that it has now."""

    receipt: Receipt
    was_there: bool = False  # nothing had to be sent


@dataclass(frozen=True)
class Copier:
    """Copies files of one source to one destination. Threads share it."""

    replication: Replication
    source: ContentSource
    destination: Destination
    tally: Tally
    bandwidth: Bandwidth
    stop: threading.Event
    parts: Executor  # of all files together

    def copy(self, job: CopyJob) -> CopyOutcome:
        """Bring a file to its place. Raises Foreign, StaleSource and other SourceErrors, after it tried again."""
        return self._patiently(lambda: self._copy(job))

    def _patiently(self, attempt: Callable[[], Result]) -> Result:
        """Try again what may help to be tried again."""
        for number in range(1, ATTEMPTS + 1):
            try:
                return attempt()
            except SourceError as error:
                if not error.retryable or number == ATTEMPTS or self.stop.is_set():
                    raise
                seconds = max(PAUSE_SECONDS * 2 ** (number - 1), error.retry_after or 0.0)
                self._rest(min(seconds, PAUSE_MAX_SECONDS))
        raise AssertionError

    def _rest(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.tally.add()  # it waits on purpose
            if self.stop.wait(min(left, 1.0)):
                raise Stalled("It was stopped.")

    def _copy(self, job: CopyJob) -> CopyOutcome:
        upload = self.upload_for(job)
        if job.look_first:
            there = self.destination.stat(job.path)
            if there is not None and is_same(there, job.entry, upload):
                return CopyOutcome(receipt_of(there, job.entry), was_there=True)
        try:
            return CopyOutcome(self._send(job, upload))
        except Foreign:
            found = self.destination.stat(job.path)
            if found is None and upload.expected not in {None, NOTHING}:
                # Somebody took away what we left there.
                return CopyOutcome(self._send(job, replace(upload, expected=NOTHING)))
            if found is None or not is_same(found, job.entry, upload):
                raise
            # An answer was lost, or a crash came before the row: it is there already.
            return CopyOutcome(receipt_of(found, job.entry), was_there=True)

    def upload_for(self, job: CopyJob) -> Upload:
        """Return how a file is sent."""
        entry = job.entry
        known = whole_hash(entry.content_hash)
        tags = {"source": self.replication.source, "source_id": entry.external_id}
        tags |= {"source_version": entry.version} if entry.version is not None else {}
        tags |= {known[0]: known[1]} if known is not None else {}
        is_export = entry.kind == Kind.DOCUMENT
        return Upload(
            path=job.path,
            size=None if is_export else entry.size,
            mime_type=None if is_export else entry.mime_type,
            modified_at=entry.modified_at,
            expected=job.expected,
            tags=tags,
            readback=self.replication.verify == "readback",
        )

    def _send(self, job: CopyJob, upload: Upload) -> Receipt:
        destination = self.destination
        if (
            isinstance(destination, CopyingDestination)
            and destination.facts.server_copy
            and job.entry.kind == Kind.FILE
            and destination.can_copy(self.source)
        ):
            return destination.copy(self.source, job.entry, upload)
        if (
            isinstance(destination, ResumableDestination)
            and destination.facts.resumable
            and upload.size is not None
            and upload.size >= destination.resumable_from()
        ):
            return self._send_parts(destination, job, upload)
        with self._open(job.entry) as content:
            return destination.write(upload, content)

    def _open(self, entry: FileEntry, *, offset: int = 0, length: int | None = None) -> ContentStream:
        """Open a file, or a part of it, so that what is read is noted and held back."""
        export = self.replication.export_documents if entry.kind == Kind.DOCUMENT else None
        content = self.source.open(entry, offset=offset, length=length, export=export)
        content.watch(self._pass)
        whole = ("md5", "sha256") if length is None else ()
        content.hash_also(*self.destination.facts.hashes, *whole)
        return content

    def _pass(self, count: int) -> None:
        if self.stop.is_set():
            raise Stalled("It was stopped.")
        self.bandwidth.take(count, self.stop)
        self.tally.add(count=count)

    def _send_parts(self, destination: ResumableDestination, job: CopyJob, upload: Upload) -> Receipt:
        """Send a large file in parts, several at a time; what a crash left of it is gone on with."""
        assert upload.size is not None
        resume, done = self._resumed(destination, job, upload)
        part_size = int(resume["part_size"])
        job.note_resume({**resume, "source_version": job.entry.version}, sum(part.size for part in done))
        have = {part.number for part in done}
        self.tally.add(count=sum(part.size for part in done))
        wanted = [n for n in range(1, -(-upload.size // part_size) + 1) if n not in have]

        def put(number: int) -> Part:
            offset = (number - 1) * part_size
            length = min(part_size, int(upload.size or 0) - offset)

            def attempt() -> Part:
                with self._open(job.entry, offset=offset, length=length) as content:
                    return destination.put_part(upload, resume, number, content)

            return self._patiently(attempt)

        ordered = sorted([*done, *self._at_once(put, wanted)], key=lambda part: part.number)
        try:
            return destination.complete(upload, resume, ordered)
        except NotFound:  # forgotten by the store meanwhile: begun anew by the next attempt
            job.note_resume({}, 0)
            raise

    def _at_once(self, put: Callable[[int], Part], wanted: Sequence[int]) -> Iterator[Part]:
        """Yield the parts as they are sent, the next one begun as soon as the first of those on their way is there."""
        numbers, under_way = iter(wanted), deque[Future[Part]]()
        try:
            for number in islice(numbers, PARTS_AT_ONCE):
                under_way.append(self.parts.submit(put, number))
            while under_way:
                yield under_way.popleft().result()
                for number in islice(numbers, 1):
                    under_way.append(self.parts.submit(put, number))
        finally:  # nothing of this attempt goes on beside the next one
            for future in under_way:
                future.cancel()
            wait(under_way)

    def _resumed(
        self, destination: ResumableDestination, job: CopyJob, upload: Upload
    ) -> tuple[dict[str, Any], list[Part]]:
        """Return an upload that was begun, with what it has; a new one where there is none of this version."""
        if job.resume:
            known = dict(job.resume)
            if known.pop("source_version", None) == job.entry.version:
                parts = destination.parts(upload, known)
                if parts is not None:
                    return known, parts
            else:
                destination.abort(upload, known)
        return destination.begin(upload), []


def is_same(found: DestinationFile, entry: FileEntry, upload: Upload) -> bool:
    """Tell whether what is at a destination is a file of the source, at its version: by our tags, or by its hash."""
    if found.kind != "file" or (entry.size is not None and found.size is not None and found.size != entry.size):
        return False
    tags = {name.lower(): value for name, value in found.tags.items()}
    if entry.version is not None and tags.get("source_version") == entry.version:
        return tags.get("source_id") == entry.external_id and tags.get("source") == upload.tags["source"]
    known, there = whole_hash(entry.content_hash), whole_hash(found.content_hash)
    return known is not None and known == there


def receipt_of(found: DestinationFile, entry: FileEntry) -> Receipt:
    """Return what is known of a file that is at its place already."""
    by_hash = whole_hash(found.content_hash) is not None and whole_hash(found.content_hash) == whole_hash(
        entry.content_hash
    )
    return Receipt(
        version=found.version,
        size=found.size if found.size is not None else entry.size or 0,
        content_hash=found.content_hash or entry.content_hash,
        proof=Proof.HASH if by_hash else Proof.SIZE,
        internal_id=found.internal_id,
    )


def precondition_for(known: Mapping[str, Any] | None, foreign: str) -> Precondition | None:
    """Return what must be at a path: what we left there (a row of the replica), or nothing.

    None where anything may be overwritten, and where the destination tells no versions by which ours could be known.
    """
    if foreign == "overwrite":
        return None
    if known is None:
        return NOTHING
    return None if known["dest_version"] is None else Precondition(known["dest_version"])

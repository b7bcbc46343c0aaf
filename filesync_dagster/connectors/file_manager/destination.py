"""A file manager to write to. What it tells of its files is proof only if it knows them: that is tried out once."""

import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import httpx

from filesync_dagster.connectors.destination import (
    NOTHING,
    TRASH_FOLDER,
    Deletion,
    DestinationFacts,
    DestinationFile,
    FilePermissions,
    Precondition,
    Proof,
    Receipt,
    Upload,
)
from filesync_dagster.connectors.file_manager.answers import SaveAnswer
from filesync_dagster.connectors.file_manager.api import FileManagerApi, SaveCall, ServerErrors
from filesync_dagster.connectors.file_manager.content import (
    SentContent,
    call_for,
    has_content,
    is_same_version,
    receipt_of,
    require_expected,
    version_of,
    wire_path,
)
from filesync_dagster.connectors.file_manager.details import FileManagerDetails
from filesync_dagster.connectors.file_manager.permissions import permission_text
from filesync_dagster.connectors.file_manager.report import report_of
from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import BLOCK_BYTES, ContentStream
from filesync_dagster.core.errors import (
    ContentMismatch,
    Foreign,
    NotFound,
    ProtocolViolation,
    SourceError,
    Throttled,
)
from filesync_dagster.core.model import ConnectionReport, Meter

MAX_TRASH_NAMES: Final = 100
MAX_NAME_BYTES: Final = 255
MAX_PATH_BYTES: Final = 2500  # with what is added in the trash, it stays below what a disk takes
SHOWN_PERMISSIONS: Final = ("permissions", "owner", "group")
INVENTS: Final = (
    "The server answers for a file that it cannot have: what it acknowledges is believed, and proves nothing. Files "
    "that others put there are not noticed."
)


class FileManagerDestination:
    """Writes to one file manager. Threads may share it."""

    def __init__(
        self,
        details: FileManagerDetails,
        meter: Meter,
        *,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._api = FileManagerApi(details, meter, policy, wire)
        self._probe = threading.Lock()
        self._known: bool | None = None
        self._failures: dict[str, ServerErrors] = {}  # of contents that come once, by path

    @property
    def facts(self) -> DestinationFacts:
        """Facts."""
        return DestinationFacts(
            atomic_replace=False,  # the server's business
            rename=True,
            server_copy=False,
            resumable=False,
            folders=False,
            conditional=False,
            permissions=True,
            trash=False,
            lists=False,
            hashes=("sha256",),
            max_name_bytes=MAX_NAME_BYTES,  # most keep them on a disk
            max_path_bytes=MAX_PATH_BYTES,
            max_size=self._details.max_file_size,
        )

    def check(self) -> ConnectionReport:
        """Ask whether the server is well, and whether it knows its files."""
        started = time.monotonic()
        self._api.check_health()
        latency = (time.monotonic() - started) * 1000
        knows = self.knows_files()
        sees = "a file manager" if knows else "a file manager that does not know its files"
        return ConnectionReport(
            latency_ms=latency,
            sees=f"{sees} at {self._details.base_url}",
            permissions=("read what is known of a file",),
            warnings=() if knows else (INVENTS,),
        )

    def knows_files(self) -> bool:
        """Whether the server tells what it has: it does not know a file that was never there. Asked once."""
        with self._probe:
            if self._known is None:
                try:
                    self._api.save(SaveCall("get", f"filesync-probe-{secrets.token_hex(16)}"))
                    self._known = False
                except NotFound:
                    self._known = True
            return self._known

    def stat(self, path: str) -> DestinationFile | None:
        """Return what the server has at a path; None too from one that invents what it tells."""
        sent_path = self._path(path)
        found = self._stat(sent_path) if self.knows_files() else None
        if found is None:
            return None
        told = self._permissions(sent_path, {})
        return replace(found, path=path, permissions=told.permissions, owner=told.owner, group=told.group)

    def write(self, upload: Upload, content: ContentStream) -> Receipt:
        """Send a file. Up to a block is sent again where that can help; a larger one by whoever opens it again."""
        path = self._path(upload.path)
        self._require_size(upload)
        sent = SentContent(upload, content)
        if upload.size is not None and upload.size <= BLOCK_BYTES:
            sent.data = b"".join(sent.blocks())
        planned = self._operation(path, sent)
        if isinstance(planned, Receipt):
            return planned
        call = call_for(planned, path, upload)
        answer = self._send_data(call, sent) if sent.data is not None else self._send_stream(call, sent)
        return answer if isinstance(answer, Receipt) else self._proved(call, sent, answer)

    def move(
        self, path: str, new_path: str, expected: Precondition | None, *, onto: Precondition | None = NOTHING
    ) -> Receipt:
        """Rename within a folder, move between two. What it lands on is deleted just before, if that is as expected."""
        path, new_path = self._path(path), self._path(new_path)
        before: DestinationFile | None = None
        if self.knows_files():
            before = self._stat(path)
            if before is None:
                return self._moved_already(path, new_path, expected)
            require_expected(path, before, expected)
            there = self._stat(new_path)
            require_expected(new_path, there, onto)
            if there is not None:
                self._remove(new_path)
        operation = "rename" if path.rpartition("/")[0] == new_path.rpartition("/")[0] else "move"
        try:
            self._api.save(SaveCall(operation, path, new_path))
        except NotFound:
            return self._moved_already(path, new_path, expected)  # the answer of an earlier attempt was lost
        return receipt_of(before)

    def delete(self, deletions: Sequence[Deletion]) -> list[SourceError | None]:
        """Delete one after the other."""
        errors: list[SourceError | None] = []
        for deletion in deletions:
            try:
                self._delete(deletion)
            except SourceError as error:
                errors.append(error)
            else:
                errors.append(None)
        return errors

    def make_folder(self, path: str) -> None:
        """Do nothing: folders are the server's business."""

    def remove_folder(self, path: str) -> bool:
        """Do nothing, likewise."""
        return True

    def set_permissions(self, path: str, wanted: FilePermissions) -> FilePermissions:
        """Set permissions as far as they are said; a mode in digits is sent as nine characters."""
        values = {
            "permissions": None if wanted.permissions is None else permission_text(wanted.permissions),
            "owner": wanted.owner,
            "group": wanted.group,
        }
        return self._permissions(self._path(path), {name: value for name, value in values.items() if value})

    def list(self, below: str = "") -> Iterator[Sequence[DestinationFile]]:
        """Raise ProtocolViolation: nothing in the protocol tells what is there."""
        raise ProtocolViolation("A file manager does not tell which files it has.")

    def report(self, run: Mapping[str, Any]) -> None:
        """Tell the server what came of a run, given as the fields of its result, if that is wanted."""
        if self._details.report:
            self._api.report(report_of(run))

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _path(self, path: str) -> str:
        return wire_path(path, self.facts, slash=self._details.leading_slash)

    def _permissions(self, path: str, wanted: Mapping[str, str]) -> FilePermissions:
        answer = self._api.permissions(path, wanted)
        return FilePermissions(
            *(found if isinstance(found := answer.get(name), str) else None for name in SHOWN_PERMISSIONS)
        )

    def _require_size(self, upload: Upload) -> None:
        largest = self._details.max_file_size
        if largest is not None and upload.size is not None and upload.size > largest:
            raise ProtocolViolation(f"{upload.path} has {upload.size:,} bytes, more than max_file_size allows.")

    def _operation(self, path: str, sent: SentContent) -> str | Receipt:
        """Return what to ask for; or a receipt, where the content is there already."""
        upload, expected = sent.upload, sent.upload.expected
        if not self.knows_files():
            return "create" if expected == NOTHING else "update"
        if expected == NOTHING and sent.data is not None:
            return "create"  # it refuses if something is there: a question less
        found = self._stat(path)
        try:
            require_expected(upload.path, found, expected)
        except Foreign:
            # Perhaps by an earlier attempt of ours whose answer was lost.
            if found is None or not has_content(found, sent):
                raise
            return receipt_of(found)
        return "create" if found is None else "update"

    def _send_data(self, call: SaveCall, sent: SentContent) -> SaveAnswer | Receipt:
        assert sent.data is not None
        try:
            return self._api.upload(call, _name_of(call.path), sent.data)
        except (Foreign, NotFound):
            # Something is there, or nothing is: perhaps by an attempt of ours whose answer was lost.
            if self.knows_files():
                planned = self._operation(call.path, replace(sent, data=None))
            elif sent.upload.expected is None:
                planned = "create"
            else:
                raise
            if isinstance(planned, Receipt):
                return planned
            return self._api.upload(replace(call, operation=planned), _name_of(call.path), sent.data)

    def _send_stream(self, call: SaveCall, sent: SentContent) -> SaveAnswer | Receipt:
        failures = self._failures.setdefault(call.path, ServerErrors())
        form, send = self._api.upload_stream(call, _name_of(call.path), sent.blocks(), failures)
        try:
            answer = send()
        except SourceError as error:
            if not isinstance(error, Throttled):  # then nothing was done, and nothing is to be asked for a while
                if form.sent and error.retryable and (found := self._found(call.path, sent)):
                    return found  # stored, and its answer lost
                if not form.sent or error.retryable:
                    self._clean_up(call, sent)
            raise
        self._failures.pop(call.path, None)
        return answer

    def _found(self, path: str, sent: SentContent) -> Receipt | None:
        """Return a receipt if the server has what was sent. Raises nothing: another error is told already."""
        with suppress(SourceError):
            found = self._stat(path) if self.knows_files() else None
            if found is not None and has_content(found, sent):
                return receipt_of(found)
        return None

    def _clean_up(self, call: SaveCall, sent: SentContent) -> None:
        """Delete what a broken call left where nothing was. Raises nothing: another error is told already."""
        if call.operation != "create" or not self._known:
            return
        with suppress(SourceError):
            found = self._stat(call.path)
            if found is not None and is_same_version(found, sent.upload) and not has_content(found, sent):
                self._remove(call.path)

    def _proved(self, call: SaveCall, sent: SentContent, answer: SaveAnswer) -> Receipt:
        """Return what proves that the server has what was sent. Raises ContentMismatch when it has something else."""
        size = len(sent.data) if sent.data is not None else sent.size
        if not self.knows_files():
            return Receipt(
                version=None,
                size=size,
                content_hash=f"sha256:{sent.sha256}",
                proof=Proof.ACKNOWLEDGED,
                internal_id=answer.internal_id,
            )
        told = answer if answer.stored_sha256 else self._api.save(SaveCall("get", call.path))
        if told.stored_sha256 not in (None, sent.sha256) or told.size not in (None, size):
            if call.operation == "create":
                with suppress(SourceError):
                    self._remove(call.path)
            raise ContentMismatch(f"{call.path} is stored by the server with another content than was sent.")
        proof = Proof.HASH if told.stored_sha256 else Proof.SIZE if told.size is not None else Proof.ACKNOWLEDGED
        return Receipt(
            version=version_of(told),
            size=size,
            content_hash=f"sha256:{sent.sha256}",
            proof=proof,
            internal_id=answer.internal_id or told.internal_id,
        )

    def _stat(self, path: str) -> DestinationFile | None:
        try:
            answer = self._api.save(SaveCall("get", path))
        except NotFound:
            return None
        tags = dict(answer.metadata) if "source" in answer.metadata else {}  # a stranger's are none
        modified = tags.pop("modified_at", None)
        tags.pop("stored_sha256", None)
        sha256 = answer.stored_sha256
        return DestinationFile(
            path=path,
            size=answer.size,
            version=version_of(answer),
            content_hash=f"sha256:{sha256}" if sha256 else None,
            internal_id=answer.internal_id,
            tags={name: str(value) for name, value in tags.items()},
            modified_at=instant_of(modified) if isinstance(modified, str) else None,
        )

    def _moved_already(self, path: str, new_path: str, expected: Precondition | None) -> Receipt:
        there = self._stat(new_path)
        if there is None or (expected is not None and there.version != expected.version):
            raise NotFound(f"There is no {path} at the destination.")
        return receipt_of(there)

    def _delete(self, deletion: Deletion) -> None:
        path = self._path(deletion.path)
        if deletion.expected is not None and self.knows_files():
            found = self._stat(path)
            if found is None:
                return
            require_expected(deletion.path, found, deletion.expected)
        if deletion.trash is None:
            self._remove(path)
        else:
            self._throw_away(path, f"{TRASH_FOLDER}/{deletion.trash}/{path.removeprefix('/')}")

    def _throw_away(self, path: str, new_path: str) -> None:
        """Move a file into the trash, under a name that is free there."""
        for number in range(1, MAX_TRASH_NAMES):
            with suppress(Foreign):
                with suppress(NotFound):
                    self._api.save(SaveCall("move", path, _numbered(new_path, number)))
                return
        raise Foreign(f"The trash has too many files with the name of {path}.")

    def _remove(self, path: str) -> None:
        with suppress(NotFound):
            self._api.save(SaveCall("delete", path))


def _name_of(path: str) -> str:
    return path.rpartition("/")[2]


def _numbered(path: str, number: int) -> str:
    """Return a path for the n-th file that has it.

    >>> _numbered("f/a.txt", 1), _numbered("f/a.txt", 2), _numbered("f/.hidden", 2)
    ('f/a.txt', 'f/a.2.txt', 'f/.hidden.2')
    """
    if number == 1:
        return path
    folder, slash, name = path.rpartition("/")
    stem, dot, ending = name.rpartition(".")
    return f"{folder}{slash}{stem}.{number}{dot}{ending}" if stem else f"{path}.{number}"

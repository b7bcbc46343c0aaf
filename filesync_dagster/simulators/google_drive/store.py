"""What people do to a simulated Drive, and what the account sees of it."""

import mimetypes
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from filesync_dagster.simulators.google_drive.bulk import fill
from filesync_dagster.simulators.google_drive.items import (
    DOCUMENT,
    FOLDER,
    SHORTCUT,
    DriveItem,
    ItemView,
    SharedDrive,
    digests,
    grant_to,
)
from filesync_dagster.simulators.google_drive.state import State

MIME_TYPES = {"folder": FOLDER, "document": DOCUMENT, "shortcut": SHORTCUT}
UNKNOWN_CONTENT = "application/octet-stream"

P = ParamSpec("P")
R = TypeVar("R")

_TYPES = mimetypes.MimeTypes(filenames=())  # what this machine has in /etc/mime.types must not matter


def _alone(method: Callable[Concatenate["DriveStore", P], R]) -> Callable[Concatenate["DriveStore", P], R]:
    """Let nobody else in while a method runs."""

    @wraps(method)
    def run_alone(self: "DriveStore", *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return run_alone  # type: ignore[return-value]  # `self` is never passed by name


class DriveStore(State):
    """The state, with a method for each thing that people do. Ids that do not exist raise KeyError."""

    @_alone
    def create(
        self,
        name: str,
        parent: str | None = None,
        *,
        kind: str = "file",
        content: bytes = b"",
        mime_type: str | None = None,
        target: str | None = None,
        owner: str | None = None,
    ) -> str:
        """Create a file, folder, document or shortcut (`kind`) and return its id.

        Without `parent` it lies at the top of the My Drive of `owner`, who is the account if nobody is named.
        """
        folder = self.item(parent) if parent else self.my_drive(owner or self.account)
        if not folder.is_folder:
            raise ValueError(f"{folder.name} is not a folder.")
        person = None if folder.drive else owner or folder.owner
        mime = mime_type or MIME_TYPES.get(kind) or _TYPES.guess_type(name)[0] or UNKNOWN_CONTENT
        now = self.clock.tick()
        item = DriveItem(self.new_id(), self.next_order(), name, mime, person, folder.drive, None, now, now, seen=False)
        item.version = 0
        if target:
            item.target = self.item(target)
        with self.record_change(item):
            if item.is_binary:
                _fill(item, content)
            self.enroll(item)
            self.attach(item, folder)
            item.created = item.modified = self.clock.now
        return item.id

    @_alone
    def edit(self, item_id: str, content: bytes = b"") -> None:
        """Save new content."""
        item = self.item(item_id)
        with self.record_change(item) as now:
            item.modified = now
            item.revision += 1
            if item.is_binary:
                _fill(item, content)

    @_alone
    def rename(self, item_id: str, name: str) -> None:
        """Give an item another name."""
        item = self.item(item_id)
        with self.record_change(item):
            item.name = name

    @_alone
    def move(self, item_id: str, parent: str | None = None) -> None:
        """Put an item into another folder (None: My Drive), perhaps of another drive; what is below it comes along."""
        item = self.item(item_id)
        folder = self.item(parent or self.root_id)
        if item in folder.above() or item.parent is None or not folder.is_folder:
            raise ValueError(f"{item.name} cannot be moved into {folder.name}.")
        with self.record_change(item):
            self.detach(item)
            if item.drive != folder.drive:
                self.emigrate(item, folder.drive, None if folder.drive else folder.owner)
            self.attach(item, folder)

    @_alone
    def trash(self, item_id: str) -> None:
        """Move an item to the trash; what is below it is in the trash too, but nobody is told so."""
        item = self.item(item_id)
        with self.record_change(item) as now:
            item.trashed_at = now

    @_alone
    def restore(self, item_id: str) -> None:
        """Take an item out of the trash."""
        item = self.item(item_id)
        with self.record_change(item):
            item.trashed_at = 0

    @_alone
    def delete(self, item_id: str) -> None:
        """Delete an item and what is below it permanently; only its own removal is told."""
        item = self.item(item_id)
        if item.parent is None:
            raise ValueError("A root folder cannot be deleted.")
        with self.record_change(item):
            self.forget(item)

    @_alone
    def empty_trash(self, drive: str | None = None) -> None:
        """Delete permanently what somebody moved to the trash of a drive."""
        for item in [item for item in self.corpora[drive] if item.trashed_at]:
            if not item.gone:
                self.delete(item.id)

    @_alone
    def share(self, item_id: str, email: str, role: str = "reader") -> str:
        """Give somebody access (an address, a domain, or "anyone") and return the id of the permission."""
        item = self.item(item_id)
        grant = grant_to(email, role, self.clock.now)
        if item_id in self.drives and email == self.account:
            self._join(self.drives[item_id], role)
            return grant.id
        with self.record_change(item):
            item.grants = {**(item.grants or {}), grant.id: grant}
            if email == self.account:
                item.lost = False
        return grant.id

    def _join(self, drive: SharedDrive, role: str) -> None:
        drive.member, drive.role = True, role
        self.refresh(drive.root)
        self.user_log.add(drive.id, self.clock.tick(), is_drive=True)

    @_alone
    def unshare(self, item_id: str, email: str) -> None:
        """Take access that `share` gave."""
        item = self.item(item_id)
        gone = grant_to(email, "", 0).id
        with self.record_change(item):
            item.grants = {one: grant for one, grant in (item.grants or {}).items() if one != gone} or None

    @_alone
    def revoke(self, item_id: str) -> None:
        """Take the account's access to an item and what is below it, or to a shared drive, whoever gave it."""
        if item_id in self.drives:
            drive = self.drives[item_id]
            drive.member = False
            self.refresh(drive.root)
            self.user_log.add(item_id, self.clock.tick(), is_drive=True)
            return
        item = self.item(item_id)
        if item.parent is None:
            raise ValueError("A root folder cannot be revoked.")
        with self.record_change(item):
            item.lost = True

    @_alone
    def shared_drive(self, name: str) -> str:
        """Create a shared drive that the account is a member of, and return its id."""
        drive_id = self.new_drive_id()
        root = self.root(drive_id, "Drive", owner=None, drive=drive_id)
        self.drives[drive_id] = SharedDrive(drive_id, name, root.created, root)
        self.drive_logs[drive_id] = self.new_log()
        self.corpora[drive_id] = []
        self.user_log.add(drive_id, root.created, is_drive=True)
        return drive_id

    @_alone
    def rename_drive(self, drive_id: str, name: str) -> None:
        """Give a shared drive another name."""
        self.drives[drive_id].name = name
        now = self.clock.tick()
        for log in (self.user_log, self.drive_logs[drive_id]):
            log.add(drive_id, now, is_drive=True)

    @_alone
    def remove_drive(self, drive_id: str) -> None:
        """Delete a shared drive with all that is in it."""
        root = self.drives.pop(drive_id).root
        self.forget(root)
        del self.corpora[drive_id]  # its log stays: another drive must not get its positions
        self.user_log.add(drive_id, self.clock.tick(), is_drive=True)

    @_alone
    def bulk(self, count: int, per_folder: int = 100, seed: int = 0, parent: str | None = None) -> None:
        """Add many files in nested folders, fast; no change log tells of them."""
        fill(self, self.item(parent or self.root_id), count, per_folder, seed)

    def item(self, item_id: str) -> DriveItem:
        """Return an item; `root` is the top of the account's My Drive."""
        return self.items[self.root_id if item_id == "root" else item_id]

    @_alone
    def visible(self) -> Iterator[ItemView]:
        """Return what the account sees now, in the trash or not, root folders left out."""
        return iter([ItemView.of(item) for items in self.corpora.values() for item in items if item.seen])

    @_alone
    def path_of(self, item_id: str) -> str:
        """Return the names from below the root down to an item, with slashes between."""
        return "/".join(reversed([item.name for item in self.item(item_id).above() if item.parent]))

    @_alone
    def listing(self, top: str = "root") -> dict[str, int | None]:
        """Return what a person sees in a folder or a shared drive: the size of each path; no trash, no folders."""
        top_item = self.item(top)
        inside = [item for item in top_item.below() if item.seen and not item.trashed and not item.is_folder]
        start = len(self.path_of(top)) + 1 if top_item.parent else 0
        return {self.path_of(item.id)[start:]: item.size for item in inside}


def _fill(item: DriveItem, content: bytes) -> None:
    item.size = len(content)
    item.digests = digests(content)

"""What changed: the logs of Drive, one for the account and one for each shared drive, as deltas."""

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.errors import CHECK_ID, concerns_account
from filesync_dagster.connectors.google_drive.layout import MY_DRIVE, Layout, Scope, corpus_of
from filesync_dagster.connectors.google_drive.rows import has_id
from filesync_dagster.connectors.rest.answers import Answer, ids_in
from filesync_dagster.connectors.rest.errors import PART_FAILURES, BadRequest, Forbidden
from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.errors import CursorLost, NotFound, SourceError
from filesync_dagster.core.model import canonical_json

FULL_SYNC = "A full sync follows."
TOKEN_LOST = (BadRequest, Forbidden, NotFound)
UNREAD = "unread"  # as a token; none of Drive's is a word
PERMISSIONS = "permissions"  # in a cursor; no scope has this name


@dataclass(frozen=True)
class DriveCursor:
    """Where each log goes on, by scope. A token is good for the log it was made for only, so that is kept with it.

    `permissions`: whether the rows that are known have them. No log tells those of what did not change.
    """

    tokens: Mapping[str, str]
    permissions: bool = False

    def as_text(self) -> str:
        """Return the cursor as the sync keeps it."""
        return canonical_json({**self.tokens, PERMISSIONS: PERMISSIONS} if self.permissions else self.tokens)

    def unread(self, scope: Scope) -> "DriveCursor":
        """Return this cursor with one log of which nothing is known."""
        return replace(self, tokens={**self.tokens, scope.name: UNREAD})

    def at(self, scope: Scope, token: str) -> "DriveCursor":
        """Return this cursor with one log read up to a token."""
        return replace(self, tokens={**self.tokens, scope.name: f"{_log(scope)}{token}"})

    def is_unread(self, scope: Scope) -> bool:
        """Whether nobody knows where a scope's log stands: it could not be asked for when everything was listed."""
        return self.tokens[scope.name] == UNREAD

    def token(self, scope: Scope) -> str:
        """Return the token of a scope's log. Raises CursorLost when it is one of another log."""
        kept, log = self.tokens[scope.name], _log(scope)
        token = kept.removeprefix(log)
        if not kept.startswith(log) or not token or "/" in token:
            raise CursorLost(f"{scope.name} is in another drive, or of another account, by now.", hint=FULL_SYNC)
        return token


@dataclass(slots=True)
class LogPage:
    """What one page of a log tells, and where it goes on. `order` has a number for each of `entries`."""

    following: DriveCursor
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)
    moment: int = 0  # of the last change, in milliseconds


def _log(scope: Scope) -> str:
    if scope.name == MY_DRIVE:
        return f"{scope.top}/"  # that of whoever the credentials are of
    return f"{scope.drive_id}/" if scope.is_folder and scope.drive_id else ""


def cursor_from(text: str, layout: Layout, *, permissions: bool = False) -> DriveCursor:
    """Return a stored cursor. Raises CursorLost when it is not one of these scopes and of rows like these."""
    try:
        tokens = json.loads(text)
    except ValueError:
        tokens = None
    if not isinstance(tokens, dict) or not all(isinstance(token, str) for token in tokens.values()):
        raise CursorLost("The stored cursor is none of Google Drive.", hint=FULL_SYNC)
    if (tokens.pop(PERMISSIONS, None) is not None) != permissions:
        raise CursorLost(f"Permissions are {'' if permissions else 'not '}recorded from now on.", hint=FULL_SYNC)
    if set(tokens) != set(layout.names):
        raise CursorLost("Shared drives were added or went away since the cursor was made.", hint=FULL_SYNC)
    cursor = DriveCursor(tokens, permissions)
    for scope in layout.scopes:
        if not cursor.is_unread(scope):
            cursor.token(scope)
    return cursor


def start_of_log(drive: DriveApi, scope: Scope) -> str | SourceError:
    """Return from where a scope's log will tell what happens from now on, or why that cannot be told of this drive."""
    try:
        return drive.start_token(scope.drive_id)
    except PART_FAILURES as error:
        if concerns_account(error):
            raise
        return error


def first_page(drive: DriveApi, scope: Scope, cursor: DriveCursor) -> Answer | SourceError:
    """Return a page of a scope's log, or why the log of this drive cannot be read. Raises as `page_of_log` does."""
    try:
        if cursor.is_unread(scope):
            drive.start_token(scope.drive_id)
            raise CursorLost(f"The change log of {scope.name} can be read again.", hint=FULL_SYNC)
        return page_of_log(drive, scope, cursor.token(scope))
    except PART_FAILURES as error:
        if concerns_account(error):
            raise
        return error


def page_of_log(drive: DriveApi, scope: Scope, token: str) -> Answer:
    """Return a page of a scope's log. Raises CursorLost when Drive does not accept the token (any more).

    A log that is refused whatever the token is no cursor that is lost: then Drive's own error is raised.
    """
    try:
        return drive.changes(token, **scope.log)
    except TOKEN_LOST as error:
        if scope.corpus is not None:  # one drive of several
            drive.start_token(scope.drive_id)
        raise CursorLost(f"The change log cannot go on: {error.message}", hint=FULL_SYNC) from error


def read_log(
    drive: DriveApi, layout: Layout, scope: Scope, cursor: DriveCursor, first: Answer
) -> Generator[LogPage, None, DriveCursor]:
    """Yield what a scope's log tells, beginning with a page of it; return the cursor after it."""
    answer, chain, moment = first, PageChain(drive.where, cursor.token(scope)), 0
    while True:
        changes = drive.entries(answer, "changes")
        token = chain.advance(drive.next_token(answer), ids_in(changes, "fileId", "driveId", "time"))
        following = token or answer.get("newStartPageToken")
        both = token is not None and answer.get("newStartPageToken") is not None
        if both or not isinstance(following, str) or not following:
            raise CursorLost(f"{drive.where} sent changes without saying whether there are more.", hint=FULL_SYNC)
        cursor = cursor.at(scope, following)
        page = LogPage(cursor, moment=moment)
        for change in changes:
            page.moment = _moment_of(change, page.moment)
            _take(change, drive, layout, page)
        yield page
        if token is None:
            return cursor
        moment = page.moment
        answer = page_of_log(drive, scope, token)


def _moment_of(change: Mapping[str, Any], before: int) -> int:
    """Return when something changed, in milliseconds; what does not tell came after what was told before."""
    moment = instant_of(change.get("time"))
    return before if moment is None else int(moment.timestamp() * 1000)


def _take(change: Mapping[str, Any], drive: DriveApi, layout: Layout, page: LogPage) -> None:
    if change.get("changeType") == "drive":
        _drive_changed(change, layout, page)
    else:
        _file_changed(change, drive, layout, page)


def _file_changed(change: Mapping[str, Any], drive: DriveApi, layout: Layout, page: LogPage) -> None:
    # Removed with the entry: it left this log (for another drive, say), and exists.
    entry = change.get("file")
    entry = entry if isinstance(entry, dict) else None
    file_id = change.get("fileId") or (entry or {}).get("id")
    if not isinstance(file_id, str):
        raise CursorLost(f"{drive.where} told a change without saying of what.", hint=FULL_SYNC)
    if entry is None and change.get("removed") is not True:
        entry = _look_up(drive, file_id)
    top = layout.tops.get(file_id)
    if top is not None:
        if top.is_folder and (entry is None or entry.get("trashed")):
            raise NotFound("The folder that is listed was removed or trashed.", hint=CHECK_ID)
    elif entry is None:
        page.removed[file_id] = page.moment
    else:
        page.entries.append({**entry, "id": file_id})
        page.order.append(page.moment)


def _look_up(drive: DriveApi, file_id: str) -> Mapping[str, Any] | None:
    """Return an entry of which a log says only that it changed; None if it is gone."""
    try:
        return drive.file(file_id)
    except NotFound:
        return None


def _drive_changed(change: Mapping[str, Any], layout: Layout, page: LogPage) -> None:
    drive_id = change.get("driveId")
    if not isinstance(drive_id, str):
        raise CursorLost("Something changed about a shared drive, and it was not told which.", hint=FULL_SYNC)
    scope = layout.drives.get(drive_id)
    if scope is None:
        return
    if change.get("removed"):
        raise CursorLost(f"A shared drive went away ({drive_id}).", hint=FULL_SYNC)
    if scope.corpus is not None:
        found = change.get("drive")
        # What is not told was asked for a moment ago, with all drives.
        page.entries.append(corpus_of(found) if isinstance(found, dict) and has_id(found) else scope.corpus)
        page.order.append(page.moment)

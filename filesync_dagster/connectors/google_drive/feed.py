"""What changed: the logs of Drive, one for the account and one for each shared drive, as deltas."""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.errors import CHECK_ID, OUR_FAULT
from filesync_dagster.connectors.google_drive.layout import MY_DRIVE, Layout, Scope
from filesync_dagster.connectors.google_drive.scopes import corpus_of
from filesync_dagster.connectors.rest.answers import Answer, text_in
from filesync_dagster.connectors.rest.errors import BadRequest, Forbidden
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.errors import CursorLost, NotFound, ProtocolViolation
from filesync_dagster.core.model import canonical_json

FULL_SYNC = "A full sync follows."
TOKEN_LOST = (BadRequest, Forbidden, NotFound)
PERMISSIONS = "permissions"  # in a cursor; no scope has this name


@dataclass(slots=True)
class LogPage:
    """What one page of a log tells. `order` has a number for each of `entries`."""

    cursor: str
    entries: list[Mapping[str, Any]] = field(default_factory=list)
    order: list[int] = field(default_factory=list)
    removed: dict[str, int] = field(default_factory=dict)


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

    def at(self, scope: Scope, token: str) -> "DriveCursor":
        """Return this cursor with one log read up to a token."""
        return replace(self, tokens={**self.tokens, scope.name: f"{_log(scope)}{token}"})

    def token(self, scope: Scope) -> str:
        """Return the token of a scope's log. Raises CursorLost when it is one of another log."""
        kept, log = self.tokens[scope.name], _log(scope)
        token = kept.removeprefix(log)
        if not kept.startswith(log) or not token or "/" in token:
            raise CursorLost(f"{scope.name} is in another drive, or of another account, by now.", hint=FULL_SYNC)
        return token


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
        cursor.token(scope)
    return cursor


def page_of_log(drive: DriveApi, scope: Scope, token: str) -> Answer:
    """Return a page of a scope's log. Raises CursorLost when Drive does not accept the token (any more)."""
    try:
        return drive.changes(token, **scope.log)
    except TOKEN_LOST as error:
        raise CursorLost(f"The change log cannot go on: {error.message}", hint=FULL_SYNC) from error


def read_log(
    drive: DriveApi, layout: Layout, scope: Scope, cursor: DriveCursor, first: Answer
) -> Generator[LogPage, None, DriveCursor]:
    """Yield what a scope's log tells, beginning with a page of it; return the cursor after it."""
    answer, chain = first, PageChain(drive.where, cursor.token(scope))
    while True:
        changes = drive.entries(answer, "changes")
        token = chain.advance(drive.next_token(answer), changes)
        if (token is None) == (answer.get("newStartPageToken") is None):
            raise ProtocolViolation(
                f"{drive.where} sent changes without saying whether there are more.", hint=OUR_FAULT
            )
        cursor = cursor.at(scope, token or text_in(answer, "newStartPageToken", drive.where, OUR_FAULT))
        yield _page(changes, layout, scope, cursor)
        if token is None:
            return cursor
        answer = page_of_log(drive, scope, token)


def _page(changes: Sequence[Mapping[str, Any]], layout: Layout, scope: Scope, cursor: DriveCursor) -> LogPage:
    page = LogPage(cursor.as_text())
    try:
        for change in changes:
            moment = int(datetime.fromisoformat(change["time"]).timestamp() * 1000)
            if change.get("changeType") == "drive":
                _drive_changed(change, layout, page, moment)
            else:
                _file_changed(change, layout, page, moment)
    except (KeyError, ValueError, TypeError, AttributeError) as exc:
        raise ProtocolViolation(f"Google Drive sent a change that cannot be read ({exc!r}).", hint=OUR_FAULT) from exc
    return page


def _file_changed(change: Mapping[str, Any], layout: Layout, page: LogPage, moment: int) -> None:
    # Removed with the entry: it left this log (for another drive, say), and exists.
    entry = change.get("file")
    top = layout.tops.get(change["fileId"])
    if top is not None:
        if top.is_folder and (entry is None or entry.get("trashed")):
            raise NotFound("The folder that is listed was removed or trashed.", hint=CHECK_ID)
    elif entry is not None:
        page.entries.append(entry)
        page.order.append(moment)
    elif change.get("removed"):
        page.removed[change["fileId"]] = moment
    else:
        raise ValueError("a change that is no removal and has no file")


def _drive_changed(change: Mapping[str, Any], layout: Layout, page: LogPage, moment: int) -> None:
    scope = layout.drives.get(change["driveId"])
    if scope is None:
        return
    if change.get("removed"):
        raise CursorLost(f"A shared drive went away ({change['driveId']}).", hint=FULL_SYNC)
    if scope.corpus is not None:
        page.entries.append(corpus_of(change["drive"]))
        page.order.append(moment)

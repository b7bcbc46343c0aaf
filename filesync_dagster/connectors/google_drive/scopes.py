"""The scopes of an endpoint, as Drive has them now."""

from collections.abc import Mapping
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails
from filesync_dagster.connectors.google_drive.errors import CHECK_ID
from filesync_dagster.connectors.google_drive.layout import FOLDER, MY_DRIVE, Layout, Scope
from filesync_dagster.core.errors import NotFound


def only_scope(details: GoogleDriveDetails) -> str:
    """Return the name of the scope of an endpoint that has one, which needs no question."""
    if details.folder_id:
        return f"folder:{details.folder_id}"
    return f"drive:{details.drive_id}" if details.drive_id else MY_DRIVE


def name_of(details: GoogleDriveDetails) -> str:
    """Return what messages call an endpoint."""
    if details.folder_id:
        return f"Google Drive folder {details.folder_id}"
    return f"Shared drive {details.drive_id}" if details.drive_id else "Google Drive"


def layout_of(drive: DriveApi, details: GoogleDriveDetails) -> Layout:
    """Return the scopes of an endpoint. Raises NotFound when the folder is not there, or in the trash."""
    if details.folder_id:
        return Layout((_folder(drive, details.folder_id, details.drive_id),))
    if details.drive_id:
        return Layout((_shared(details.drive_id, None),))
    root = drive.file("root", "id,createdTime,webViewLink")
    if not details.include_shared:
        return Layout((Scope(MY_DRIVE, None, root["id"], keeps_own=True),))
    corpus = {**root, "name": "My Drive", "mimeType": FOLDER}  # its name in Drive depends on the user's language
    mine = Scope(MY_DRIVE, None, root["id"], corpus, keeps_own=True, keeps_shared=True)
    shared = {found["id"]: _shared(found["id"], corpus_of(found)) for found in drive.drives()}
    return Layout((mine, *(shared[drive_id] for drive_id in sorted(shared))))


def corpus_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shared drive as the entry that stands for it."""
    link = f"https://drive.google.com/drive/folders/{found['id']}"
    return {**found, "mimeType": FOLDER, "driveId": found["id"], "webViewLink": link}


def _shared(drive_id: str, corpus: Mapping[str, Any] | None) -> Scope:
    # A drive's own listing names nothing else, so what has no visible parent lies at its top.
    return Scope(f"drive:{drive_id}", drive_id, drive_id, corpus, keeps_own=True, keeps_shared=True)


def _folder(drive: DriveApi, folder_id: str, drive_id: str | None) -> Scope:
    found = drive.file(folder_id, "id,mimeType,driveId,trashed")
    wrong = (
        ("is no folder" if found.get("mimeType") != FOLDER else "")
        or ("lies in the trash" if found.get("trashed") else "")
        or ("does not lie in that shared drive" if drive_id and found.get("driveId") != drive_id else "")
    )
    if wrong:
        raise NotFound(f"{drive.where} {wrong}.", hint=CHECK_ID)
    return Scope(f"folder:{folder_id}", found.get("driveId"), found["id"])

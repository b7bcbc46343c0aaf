"""Who may do what with entries: My Drive tells with each entry, shared drives must be asked one by one."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.rows import canonical
from filesync_dagster.connectors.rest.errors import Forbidden
from filesync_dagster.core.errors import NotFound

RECORDED_FIELDS = ("id", "type", "role", "emailAddress", "domain", "allowFileDiscovery")


def permissions_of(drive: DriveApi, entries: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the permissions of each entry as canonical JSON; None where the account may not know them."""
    asked = [entry["id"] for entry in entries if "permissions" not in entry and "driveId" in entry]
    answers = dict(zip(asked, drive.each(lambda one: _ask_for(drive, one), asked), strict=True))
    told = [entry.get("permissions", answers.get(entry["id"])) for entry in entries]
    return [None if permissions is None else _as_text(permissions) for permissions in told]


def _ask_for(drive: DriveApi, file_id: str) -> list[Mapping[str, Any]] | None:
    try:
        return [*drive.permissions(file_id)]
    except (Forbidden, NotFound):  # may be seen, but not who else may; or it is gone by now
        return None


def _as_text(permissions: Sequence[Mapping[str, Any]]) -> str:
    told = [{name: permission[name] for name in RECORDED_FIELDS if name in permission} for permission in permissions]
    for ours, theirs in zip(told, permissions, strict=True):
        details = theirs.get("permissionDetails")
        if details:
            ours["inherited"] = all(detail.get("inherited") for detail in details)
    return canonical(sorted(told, key=itemgetter("id")))

"""Who may do what with entries: My Drive tells with each entry, shared drives must be asked one by one."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from filesync_dagster.connectors.google_drive.api import Chain, Drive, list_in
from filesync_dagster.connectors.google_drive.errors import Forbidden
from filesync_dagster.connectors.google_drive.rows import canonical
from filesync_dagster.core.errors import NotFound

KEPT = ("id", "type", "role", "emailAddress", "domain", "allowFileDiscovery")


def permissions_of(drive: Drive, entries: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the permissions of each entry as canonical JSON; None where the account may not know them."""
    asked = [entry["id"] for entry in entries if "permissions" not in entry and "driveId" in entry]
    answers = dict(zip(asked, drive.each(lambda one: _asked_for(drive, one), asked), strict=True))
    told = [entry.get("permissions", answers.get(entry["id"])) for entry in entries]
    return [None if permissions is None else _text(permissions) for permissions in told]


def _asked_for(drive: Drive, file_id: str) -> list[Mapping[str, Any]] | None:
    found: list[Mapping[str, Any]] = []
    chain = Chain(drive.where)
    token: str | None = None
    while True:
        try:
            answer = drive.permissions(file_id, token)
        except (Forbidden, NotFound):  # may be seen, but not who else may; or it is gone by now
            return None
        some = list_in(answer, "permissions", drive.where)
        found += some
        token = chain.following(answer, some)
        if token is None:
            return found


def _text(permissions: Sequence[Mapping[str, Any]]) -> str:
    told = [{name: permission[name] for name in KEPT if name in permission} for permission in permissions]
    for ours, theirs in zip(told, permissions, strict=True):
        details = theirs.get("permissionDetails")
        if details:
            ours["inherited"] = all(detail.get("inherited") for detail in details)
    return canonical(sorted(told, key=itemgetter("id")))

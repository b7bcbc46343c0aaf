"""Who may do what with folders: told by the document management API of ACC and BIM 360, folder by folder.

What the app may not know is null and a remark on the sync: an inventory is no less complete for it.
"""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

from filesync_dagster.connectors.autodesk.api import Api
from filesync_dagster.connectors.autodesk.frontier import join_path
from filesync_dagster.connectors.autodesk.rows import Child
from filesync_dagster.connectors.rest.fields import text_of
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation
from filesync_dagster.core.model import Meter, canonical_json

DOCS = "b."
"""How ids of projects of ACC and BIM 360 begin; document management knows them without it."""

REMARK = "autodesk.permissions"

Ask: TypeAlias = Callable[[Child, str, Callable[[], bool]], str | None]
"""Asks who may do what with a folder that lies at a path (of the folder above it), unless somebody says stop."""


class Permissions:
    """Asks who may do what with the folders of one endpoint. Thread-safe."""

    def __init__(self, api: Api, meter: Meter) -> None:
        self._api = api
        self._meter = meter
        self._lock = threading.Lock()
        self._unknown = 0
        self._first = ""

    def of(self, project_id: str, folder: Child, above: str, stopped: Callable[[], bool]) -> str | None:
        """Return the permissions of a folder as canonical JSON; None, and a remark, where they may not be known."""
        if not project_id.startswith(DOCS):
            self._remark(f"Project {project_id} is none of ACC or BIM 360, whose folders alone tell their permissions.")
            return None
        where = f"Folder {join_path(above, folder.name)} of project {project_id}, asked for its permissions,"
        place = ("bim360", "docs", "v1", "projects", project_id.removeprefix(DOCS), "folders", folder.id, "permissions")
        try:
            found = self._api.objects("permissions", self._api.url(*place), where, stopped=stopped)
        except (AccessDenied, NotFound) as error:
            self._remark(str(error))
            return None
        return permissions_json(found, where)

    @property
    def remark(self) -> str:
        """What could not be known so far, "" if nothing."""
        return self._meter.remarks.get(REMARK, "")

    def _remark(self, reason: str) -> None:
        with self._lock:
            self._unknown += 1
            self._first = self._first or reason
            several = f"{self._unknown:,} folders are" if self._unknown > 1 else "a folder are"
            self._meter.remarks[REMARK] = f"The permissions of {several} not known, hence null. {self._first}"


def permissions_json(found: Sequence[Mapping[str, Any]], where: str) -> str:
    """Return permissions as canonical JSON, in the words that Google Drive has for what is the same."""
    return canonical_json(sorted((_one(each, where) for each in found), key=lambda one: (one["type"], one["id"])))


def role_of(actions: Collection[str]) -> str:
    """Return what actions come to.

    >>> role_of({"VIEW", "COLLABORATE"}), role_of({"PUBLISH", "VIEW", "DOWNLOAD"}), role_of({"PUBLISH"})
    ('reader', 'writer', 'uploader')
    """
    if "CONTROL" in actions:
        return "organizer"
    if "VIEW" not in actions:
        return "uploader" if "PUBLISH" in actions else "none"
    if "PUBLISH" in actions or "EDIT" in actions:
        return "writer"
    return "commenter" if "PUBLISH_MARKUP" in actions else "reader"


def _one(permission: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return one permission. Whether somebody was invited yet, or is blocked, is left out: it is not the folder's."""
    subject, kind = permission.get("subjectId"), permission.get("subjectType")
    if not isinstance(subject, str) or not isinstance(kind, str):
        raise ProtocolViolation(f"{where} sent a permission of nobody.")
    own, inherited = _actions(permission.get("actions")), _actions(permission.get("inheritActions"))
    told = {
        "id": subject,
        "type": kind.lower(),
        "role": role_of(own | inherited),
        "actions": sorted(own | inherited),
        "inherited": not own,
    }
    named = {"name": text_of(permission.get("name")), "emailAddress": text_of(permission.get("email"))}
    return told | {name: value for name, value in named.items() if value}


def _actions(found: object) -> set[str]:
    return {action for action in found if isinstance(action, str)} if isinstance(found, list) else set()

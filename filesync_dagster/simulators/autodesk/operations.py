"""The table of operations: where each is, what it may be asked and by whom, and which quota it counts against."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from filesync_dagster.simulators.autodesk import read_operations, write_operations
from filesync_dagster.simulators.autodesk.call import AutodeskCall
from filesync_dagster.simulators.autodesk.fault_injection import AUTHORIZED, FAULTS, LISTING, PAGED
from filesync_dagster.simulators.autodesk.questions import Parameters
from filesync_dagster.simulators.kit.faults import Fault

QUOTAS = {
    "token": 500, "hubs": 50, "projects": 50, "topFolders": 300, "contents": 300, "items": 300, "permissions": 300,
}  # fmt: skip
"""Calls a minute of each class, for one client id. That of permissions is a guess: each call has a limit of its own."""

NONE = Parameters()


@dataclass(frozen=True)
class Operation:
    """One operation of the service."""

    name: str
    method: str
    path: str
    run: Callable[[AutodeskCall], Any]
    parameters: Parameters = NONE
    scope: str = "data:read"
    quota: str = "items"
    faults: Collection[Fault] = AUTHORIZED

    def ids(self, method: str, path: str) -> dict[str, str] | None:
        """Return the ids in a path, None if it is not this operation's."""
        if method != self.method:
            return None
        parts = re.fullmatch(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path), path)
        return {name: unquote(value) for name, value in parts.groupdict().items()} if parts else None


_HUB = "/project/v1/hubs/{hub_id}"
_PROJECT = f"{_HUB}/projects/{{project_id}}"
_DATA = "/data/v1/projects/{project_id}"
_FOLDER, _ITEM, _VERSION = (
    f"{_DATA}/folders/{{folder_id}}",
    f"{_DATA}/items/{{item_id}}",
    f"{_DATA}/versions/{{version_id}}",
)
_COMMON_FIELDS = (
    "type",
    "id",
    "name",
    "displayName",
    "createTime",
    "createUserId",
    "createUserName",
    "lastModifiedTime",
    "lastModifiedUserId",
    "lastModifiedUserName",
    "extension.*",
)
_ENTRY_FIELDS = (
    *_COMMON_FIELDS,
    "lastModifiedTimeRollup",
    "objectCount",
    "hidden",
    "reserved",
    "reservedTime",
    "reservedUserId",
    "reservedUserName",
)
_VERSION_FIELDS = (*_COMMON_FIELDS, "versionNumber", "mimeType", "fileType", "storageSize")

OPERATIONS = (
    Operation(
        "getHubs",
        "GET",
        "/project/v1/hubs",
        read_operations.get_hubs,
        Parameters(("id", "name", "extension.type")),
        quota="hubs",
        faults=LISTING | {Fault.INCOMPLETE},
    ),
    Operation("getHub", "GET", _HUB, read_operations.get_hub, quota="hubs"),
    Operation(
        "getHubProjects",
        "GET",
        f"{_HUB}/projects",
        read_operations.get_hub_projects,
        Parameters(("id", "name", "extension.type"), paged=True),
        quota="projects",
        faults=PAGED,
    ),
    Operation("getProject", "GET", _PROJECT, read_operations.get_project, quota="projects"),
    Operation("getProjectHub", "GET", f"{_PROJECT}/hub", read_operations.get_project_hub, quota="projects"),
    Operation(
        "getProjectTopFolders",
        "GET",
        f"{_PROJECT}/topFolders",
        read_operations.get_project_top_folders,
        Parameters(flags=("excludeDeleted", "projectFilesOnly")),
        quota="topFolders",
        faults=LISTING,
    ),
    Operation("getFolder", "GET", _FOLDER, read_operations.get_folder),
    Operation("getFolderParent", "GET", f"{_FOLDER}/parent", read_operations.get_folder_parent),
    Operation(
        "getFolderContents",
        "GET",
        f"{_FOLDER}/contents",
        read_operations.get_folder_contents,
        Parameters(_ENTRY_FIELDS, flags=("includeHidden",), paged=True),
        quota="contents",
        faults=FAULTS,
    ),
    Operation(
        "getFolderSearch",
        "GET",
        f"{_FOLDER}/search",
        read_operations.get_folder_search,
        Parameters(_VERSION_FIELDS, paged=True, limited=False),
        quota="contents",
        faults=FAULTS,
    ),
    Operation(
        "getItem",
        "GET",
        _ITEM,
        read_operations.get_item,
        Parameters(flags=("includePathInProject",)),
        faults=AUTHORIZED | {Fault.INCOMPLETE},
    ),
    Operation("getItemParentFolder", "GET", f"{_ITEM}/parent", read_operations.get_item_parent_folder),
    Operation("getItemTip", "GET", f"{_ITEM}/tip", read_operations.get_item_tip),
    Operation(
        "getItemVersions",
        "GET",
        f"{_ITEM}/versions",
        read_operations.get_item_versions,
        Parameters(("id", "extension.type", "versionNumber"), paged=True),
        faults=PAGED,
    ),
    Operation(
        "getFolderPermissions",
        "GET",
        "/bim360/docs/v1/projects/{project_id}/folders/{folder_id}/permissions",
        read_operations.get_folder_permissions,
        quota="permissions",
    ),
    Operation("getVersion", "GET", _VERSION, read_operations.get_version),
    Operation("getVersionItem", "GET", f"{_VERSION}/item", read_operations.get_version_item),
    Operation("patchFolder", "PATCH", _FOLDER, write_operations.patch_folder, scope="data:write"),
    Operation("patchItem", "PATCH", _ITEM, write_operations.patch_item, scope="data:write"),
    Operation("patchVersion", "PATCH", _VERSION, write_operations.patch_version, scope="data:write"),
    Operation("createStorage", "POST", f"{_DATA}/storage", write_operations.create_storage, scope="data:create"),
    Operation("createFolder", "POST", f"{_DATA}/folders", write_operations.create_folder, scope="data:create"),
    Operation(
        "createItem",
        "POST",
        f"{_DATA}/items",
        write_operations.create_item,
        Parameters(copies=True),
        scope="data:create",
    ),
    Operation(
        "createVersion",
        "POST",
        f"{_DATA}/versions",
        write_operations.create_version,
        Parameters(copies=True),
        scope="data:create",
    ),
)


def operation_of(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """Return the operation that a request is, and the ids in its path."""
    for operation in OPERATIONS:
        ids = operation.ids(method, path)
        if ids is not None:
            return operation, ids
    return None

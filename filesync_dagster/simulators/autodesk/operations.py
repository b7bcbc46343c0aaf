"""The table of operations: where each is, what it may be asked and by whom, and which quota it counts against."""

from dataclasses import dataclass

from filesync_dagster.simulators.autodesk import read_operations, write_operations
from filesync_dagster.simulators.autodesk.fault_injection import FAULTS, LISTING, PAGED
from filesync_dagster.simulators.autodesk.questions import Parameters
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.service import AUTHORIZED, Route

QUOTAS = {
    "token": 500, "hubs": 50, "projects": 50, "topFolders": 300, "contents": 300, "items": 300, "permissions": 300,
}  # fmt: skip
"""Calls a minute of each class, for one client id. That of permissions is a guess: each call has a limit of its own."""

NONE = Parameters()


@dataclass(frozen=True)
class Operation(Route):
    """One operation of the service, and what it may be asked."""

    parameters: Parameters = NONE
    quota: str = "items"
    scope: str = "data:read"


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
        parameters=Parameters(("id", "name", "extension.type")),
        quota="hubs",
        faults=LISTING | {Fault.INCOMPLETE},
    ),
    Operation("getHub", "GET", _HUB, read_operations.get_hub, quota="hubs"),
    Operation(
        "getHubProjects",
        "GET",
        f"{_HUB}/projects",
        read_operations.get_hub_projects,
        parameters=Parameters(("id", "name", "extension.type"), paged=True),
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
        parameters=Parameters(flags=("excludeDeleted", "projectFilesOnly")),
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
        parameters=Parameters(_ENTRY_FIELDS, flags=("includeHidden",), paged=True),
        quota="contents",
        faults=FAULTS,
    ),
    Operation(
        "getFolderSearch",
        "GET",
        f"{_FOLDER}/search",
        read_operations.get_folder_search,
        parameters=Parameters(_VERSION_FIELDS, paged=True, limited=False),
        quota="contents",
        faults=FAULTS,
    ),
    Operation(
        "getItem",
        "GET",
        _ITEM,
        read_operations.get_item,
        parameters=Parameters(flags=("includePathInProject",)),
        faults=AUTHORIZED | {Fault.INCOMPLETE},
    ),
    Operation("getItemParentFolder", "GET", f"{_ITEM}/parent", read_operations.get_item_parent_folder),
    Operation("getItemTip", "GET", f"{_ITEM}/tip", read_operations.get_item_tip),
    Operation(
        "getItemVersions",
        "GET",
        f"{_ITEM}/versions",
        read_operations.get_item_versions,
        parameters=Parameters(("id", "extension.type", "versionNumber"), paged=True),
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
        parameters=Parameters(copies=True),
        scope="data:create",
    ),
    Operation(
        "createVersion",
        "POST",
        f"{_DATA}/versions",
        write_operations.create_version,
        parameters=Parameters(copies=True),
        scope="data:create",
    ),
)

"""The table of operations: where each is, what it may be asked and by whom, and which quota it counts against."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any

from filesync_dagster.simulators.autodesk import downloads
from filesync_dagster.simulators.autodesk import read_operations as reads
from filesync_dagster.simulators.autodesk import write_operations as writes
from filesync_dagster.simulators.autodesk.call import AutodeskCall
from filesync_dagster.simulators.autodesk.downloads import DOWNLOAD
from filesync_dagster.simulators.autodesk.questions import Parameters
from filesync_dagster.simulators.autodesk.refusals import FAULTS, LISTING, PAGED
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault
from filesync_dagster.simulators.kit.service import AUTHORIZED, Route

QUOTAS = {
    "token": 500, "hubs": 50, "projects": 50, "topFolders": 300, "contents": 300, "items": 300, "permissions": 300,
}  # fmt: skip
"""Calls a minute of each class, for one client id. That of permissions is a guess: each call has a limit of its own."""


NONE = Parameters()
SIGNED = AUTHORIZED | CONTENT_FAULTS
"""What can happen to a download; the token that expires is its address."""


@dataclass(frozen=True)
class Operation(Route):
    """One operation of the service, and what it may be asked."""

    parameters: Parameters = NONE


def _get(
    name: str,
    path: str,
    run: Callable[[AutodeskCall], Any],
    quota: str = "items",
    faults: Collection[Fault] = AUTHORIZED,
    *,
    asked: Parameters = NONE,
) -> Operation:
    return Operation(name, "GET", path, run, faults, quota, "data:read", asked)


def _write(name: str, path: str, run: Callable[[AutodeskCall], Any], asked: Parameters = NONE) -> Operation:
    method, scope = ("POST", "data:create") if name.startswith("create") else ("PATCH", "data:write")
    return Operation(name, method, path, run, AUTHORIZED, "items", scope, asked)


HUB = "/project/v1/hubs/{hub_id}"
PROJECT = f"{HUB}/projects/{{project_id}}"
DATA = "/data/v1/projects/{project_id}"
FOLDER, ITEM, VERSION = (f"{DATA}/{kind}s/{{{kind}_id}}" for kind in ("folder", "item", "version"))
OBJECT = "/oss/v2/buckets/{bucket}/objects/{object_key}"
PERMISSIONS = "/bim360/docs/v1/projects/{project_id}/folders/{folder_id}/permissions"

COMMON_FIELDS = (
    "type", "id", "name", "displayName", "createTime", "createUserId", "createUserName", "lastModifiedTime",
    "lastModifiedUserId", "lastModifiedUserName", "extension.*",
)  # fmt: skip
RESERVED_FIELDS = ("reserved", "reservedTime", "reservedUserId", "reservedUserName")
ENTRY_FIELDS = (*COMMON_FIELDS, "lastModifiedTimeRollup", "objectCount", "hidden", *RESERVED_FIELDS)
TIP_FIELDS = (*COMMON_FIELDS, "versionNumber", "mimeType", "fileType", "storageSize")
PLACES = Parameters(("id", "name", "extension.type"))
PROJECTS = replace(PLACES, paged=True)
TOP_FOLDERS = Parameters(flags=("excludeDeleted", "projectFilesOnly"))
CONTENTS = Parameters(ENTRY_FIELDS, flags=("includeHidden",), paged=True)
SEARCH = Parameters(TIP_FIELDS, paged=True, limited=False)
ITEM_PATH = Parameters(flags=("includePathInProject",))
VERSIONS = Parameters(("id", "extension.type", "versionNumber"), paged=True)
COPIES = Parameters(copies=True)
INCOMPLETE = {Fault.INCOMPLETE}
FOLDERS = FAULTS - CONTENT_FAULTS

OPERATIONS = (
    _get("getHubs", "/project/v1/hubs", reads.get_hubs, "hubs", LISTING | INCOMPLETE, asked=PLACES),
    _get("getHub", HUB, reads.get_hub, "hubs"),
    _get("getHubProjects", f"{HUB}/projects", reads.get_hub_projects, "projects", PAGED, asked=PROJECTS),
    _get("getProject", PROJECT, reads.get_project, "projects"),
    _get("getProjectHub", f"{PROJECT}/hub", reads.get_project_hub, "projects"),
    _get(
        "getProjectTopFolders", f"{PROJECT}/topFolders", reads.get_top_folders, "topFolders", LISTING, asked=TOP_FOLDERS
    ),
    _get("getFolder", FOLDER, reads.get_folder),
    _get("getFolderParent", f"{FOLDER}/parent", reads.get_folder_parent),
    _get("getFolderContents", f"{FOLDER}/contents", reads.get_folder_contents, "contents", FOLDERS, asked=CONTENTS),
    _get("getFolderSearch", f"{FOLDER}/search", reads.get_folder_search, "contents", FOLDERS, asked=SEARCH),
    _get("getFolderPermissions", PERMISSIONS, reads.get_folder_permissions, "permissions"),
    _get("getItem", ITEM, reads.get_item, "items", AUTHORIZED | INCOMPLETE, asked=ITEM_PATH),
    _get("getItemParentFolder", f"{ITEM}/parent", reads.get_item_parent_folder),
    _get("getItemTip", f"{ITEM}/tip", reads.get_item_tip),
    _get("getItemVersions", f"{ITEM}/versions", reads.get_item_versions, "items", PAGED, asked=VERSIONS),
    _get("getVersion", VERSION, reads.get_version),
    _get("getVersionItem", f"{VERSION}/item", reads.get_version_item),
    _get("signedS3Download", f"{OBJECT}/signeds3download", downloads.sign_download, ""),
    Operation(DOWNLOAD, "GET", f"{downloads.SIGNED_PATH}{{link}}", downloads.download, SIGNED, ""),
    _write("patchFolder", FOLDER, writes.patch_folder),
    _write("patchItem", ITEM, writes.patch_item),
    _write("patchVersion", VERSION, writes.patch_version),
    _write("createStorage", f"{DATA}/storage", writes.create_storage),
    _write("createFolder", f"{DATA}/folders", writes.create_folder),
    _write("createItem", f"{DATA}/items", writes.create_item, asked=COPIES),
    _write("createVersion", f"{DATA}/versions", writes.create_version, asked=COPIES),
)

"""The operations that read, under the names of Autodesk's description."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from filesync_dagster.simulators.autodesk.call import AutodeskCall
from filesync_dagster.simulators.autodesk.documents import Resource
from filesync_dagster.simulators.autodesk.entries import AutodeskFolder, AutodeskItem, VersionKind
from filesync_dagster.simulators.autodesk.ids import stamp
from filesync_dagster.simulators.autodesk.permissions import Permission, permissions
from filesync_dagster.simulators.autodesk.questions import moment
from filesync_dagster.simulators.autodesk.refusals import JSON, bad_input, no_user

Document = dict[str, Any]
LAST_SEARCH_PAGE = 49


def get_hubs(call: AutodeskCall) -> Document:
    """List the accounts of all regions."""
    hubs = [hub for hub in call.store.hubs.values() if not call.store.is_denied(hub.id)]
    return call.many([found for found in map(call.documents.hub, hubs) if call.question.holds(found)])


def get_hub(call: AutodeskCall) -> Document:
    """Get an account."""
    return call.one(call.documents.hub(call.hub()))


def get_hub_projects(call: AutodeskCall) -> Document:
    """List the active projects of an account."""
    hub = call.hub()
    projects = [
        project
        for project in call.store.projects.values()
        if project.hub == hub.id and project.active and not call.store.is_denied(project.id)
    ]
    return call.page_of(projects, call.documents.project)


def get_project(call: AutodeskCall) -> Document:
    """Get a project."""
    call.hub()
    return call.one(call.documents.project(call.project()))


def get_project_hub(call: AutodeskCall) -> Document:
    """Get the account of a project."""
    call.project()
    return call.one(call.documents.hub(call.hub()))


def get_project_top_folders(call: AutodeskCall) -> Document:
    """List the top folders. Both flags have an effect only when a person asks, as the description says."""
    call.hub()
    project = call.project()
    flags = call.question.flags if call.has_user else frozenset()
    visible = set(call.store.visible_children(project.root))
    folders = [
        folder
        for folder in map(call.store.folder_at, call.store.folders[project.root].children)
        if (folder.id in visible or folder.hidden)
        and not (folder.hidden and "excludeDeleted" in flags)
        and not (folder.system and "projectFilesOnly" in flags)
    ]
    return call.many([call.documents.folder(folder) for folder in folders])


def get_folder(call: AutodeskCall) -> Document:
    """Get a folder, or 304 if nothing in it changed since."""
    folder = call.folder()
    since = call.request.headers.get("if-modified-since")
    if since and moment(since) >= datetime.fromtimestamp(folder.rollup / 1000, UTC):
        call.status, call.headers["last-modified"] = 304, stamp(folder.rollup)
        return {}
    return call.one(call.documents.folder(folder))


def get_folder_parent(call: AutodeskCall) -> Document:
    """Get the folder above a folder."""
    folder = call.folder()
    return call.one(call.documents.folder(call.folder(folder.parent or folder.id)))


def get_folder_contents(call: AutodeskCall) -> Document:
    """List what a folder shows, with the tip versions of its items. What lies in a deleted folder shows nowhere."""
    folder = call.folder()
    with_hidden = "includeHidden" in call.question.flags or call.question.wants("hidden", "true")
    if with_hidden:
        entries = list(folder.children)
    else:
        entries = [] if call.store.is_gone(folder.id) else call.store.visible_children(folder.id)
    document = call.page_of(entries, lambda entry: _entry(call, entry))
    items = [call.store.items[found["id"]] for found in document["data"] if found["type"] == "items"]
    if items:
        document["included"] = [call.encoder.item(call.documents, item)[1] for item in items]
    return document


def get_folder_search(call: AutodeskCall) -> Document:
    """List the tip versions below a folder, for a person only, and not beyond the fiftieth page."""
    folder = call.folder()
    if not call.grant.person:
        raise no_user()
    if call.question.number > LAST_SEARCH_PAGE:
        raise bad_input("The page number value is invalid.")
    items = [item for item in _items_below(call, folder) if call.question.holds(call.documents.tip(item))]
    document = call.page_of(items, call.documents.tip)
    chosen = {found["relationships"]["item"]["data"]["id"] for found in document["data"]}
    document["included"] = [call.documents.item(item) for item in items if item.id in chosen]
    return document


def get_folder_permissions(call: AutodeskCall) -> list[Permission]:
    """List who may do what with a folder. This is of another service, which writes ids of projects without `b.`.

    No description of it is published: the name is ours, the rest is as its documentation says.
    """
    call.headers["content-type"] = JSON
    in_project = replace(call, ids={**call.ids, "project_id": f"b.{call.ids['project_id']}"})
    return permissions(call.store, in_project.folder())


def get_item(call: AutodeskCall) -> Document:
    """Get an item with its tip version."""
    item = call.item()
    resource = call.documents.item(item)
    if "includePathInProject" in call.question.flags:
        resource["attributes"]["pathInProject"] = "/" + call.store.path_of(item.parent)
    return call.one(resource, included=[call.documents.tip(item)])


def get_item_parent_folder(call: AutodeskCall) -> Document:
    """Get the folder of an item."""
    return call.one(call.documents.folder(call.folder(call.item().parent)))


def get_item_tip(call: AutodeskCall) -> Document:
    """Get the last version of an item."""
    return call.one(call.documents.tip(call.item()))


def get_item_versions(call: AutodeskCall) -> Document:
    """List the versions of an item, the last one first."""
    item = call.item()
    return call.page_of(item.versions[::-1], lambda version: call.documents.version(item, version))


def get_version(call: AutodeskCall) -> Document:
    """Get a version."""
    item, position = call.version()
    return call.one(call.documents.version(item, item.versions[position]))


def get_version_item(call: AutodeskCall) -> Document:
    """Get the item of a version."""
    item, _ = call.version()
    return call.one(call.documents.item(item), included=[call.documents.tip(item)])


def _entry(call: AutodeskCall, entry: str) -> Resource:
    known = call.store.entry(entry)
    if isinstance(known, AutodeskFolder):
        return call.documents.folder(known)
    # A filter has to see all of it.
    return call.documents.item(known) if call.question.filters else call.encoder.item(call.documents, known)[0]


def _items_below(call: AutodeskCall, folder: AutodeskFolder) -> list[AutodeskItem]:
    found: list[AutodeskItem] = []
    waiting = [] if call.store.is_gone(folder.id) else [folder.id]
    while waiting:
        for entry in call.store.visible_children(waiting.pop()):
            if entry in call.store.folders:
                waiting += [] if call.store.is_denied(entry) else [entry]
            elif call.store.items[entry].tip.kind is not VersionKind.DELETED:
                found.append(call.store.items[entry])
    return found

"""The operations that read, under the names of Autodesk's description."""

from dataclasses import replace
from datetime import UTC, datetime

from filesync_dagster.simulators.autodesk.call import AutodeskCall, Document
from filesync_dagster.simulators.autodesk.entries import AutodeskEntry, stamp
from filesync_dagster.simulators.autodesk.people import Permission, permissions
from filesync_dagster.simulators.autodesk.questions import moment
from filesync_dagster.simulators.autodesk.refusals import JSON, bad_input, no_user
from filesync_dagster.simulators.autodesk.resources import Resource

LAST_SEARCH_PAGE = 49


def get_hubs(call: AutodeskCall) -> Document:
    """List the accounts of all regions."""
    hubs = [hub for hub in call.store.hubs.values() if not hub.barred]
    return call.document([found for found in map(call.resources.hub, hubs) if call.question.holds(found)])


def get_hub(call: AutodeskCall) -> Document:
    """Get an account."""
    return call.document(call.resources.hub(call.hub()))


def get_hub_projects(call: AutodeskCall) -> Document:
    """List the active projects of an account."""
    hub = call.hub()
    projects = [
        project
        for project in call.store.projects.values()
        if project.hub is hub and project.active and not project.barred
    ]
    return call.page_of(projects, call.resources.project)


def get_project(call: AutodeskCall) -> Document:
    """Get a project."""
    call.hub()
    return call.document(call.resources.project(call.project()))


def get_project_hub(call: AutodeskCall) -> Document:
    """Get the account of a project."""
    call.project()
    return call.document(call.resources.hub(call.hub()))


def get_top_folders(call: AutodeskCall) -> Document:
    """List the top folders. Both flags have an effect only when a person asks, as the description says."""
    call.hub()
    root = call.store.folders[call.project().root]
    flags = call.question.flags if call.has_user else frozenset()
    folders = [
        folder
        for folder in root.children or ()
        if (folder.listed or folder.hidden)
        and not (folder.hidden and "excludeDeleted" in flags)
        and not (folder.system and "projectFilesOnly" in flags)
    ]
    return call.document([call.resources.folder(folder) for folder in folders])


def get_folder(call: AutodeskCall) -> Document:
    """Get a folder, or 304 if nothing in it changed since."""
    folder = call.folder()
    since = call.request.headers.get("if-modified-since")
    if since and moment(since) >= datetime.fromtimestamp(folder.rollup / 1000, UTC):
        call.status, call.headers["last-modified"] = 304, stamp(folder.rollup)
        return {}
    return call.document(call.resources.folder(folder))


def get_folder_parent(call: AutodeskCall) -> Document:
    """Get the folder above a folder."""
    folder = call.folder()
    return call.document(call.resources.folder(call.folder(folder.parent.id if folder.parent else folder.id)))


def get_folder_contents(call: AutodeskCall) -> Document:
    """List what a folder shows, with the tip versions of its items. What lies in a deleted folder shows nowhere."""
    folder = call.folder()
    with_hidden = "includeHidden" in call.question.flags or call.question.wants("hidden", "true")
    shown = [] if folder.trashed else folder.visible_children()
    entries = (folder.children or []) if with_hidden else shown
    document = call.page_of(entries, lambda entry: _entry(call, entry))
    items = [call.store.items[found["id"]] for found in document["data"] if found["type"] == "items"]
    if items:
        document["included"] = [call.resources.encoded_item(item)[1] for item in items]
    return document


def get_folder_search(call: AutodeskCall) -> Document:
    """List the tip versions below a folder, for a person only, and not beyond the fiftieth page."""
    folder = call.folder()
    if not call.grant.person:
        raise no_user()
    if call.question.number > LAST_SEARCH_PAGE:
        raise bad_input("The page number value is invalid.")
    items = [item for item in _items_below(folder) if call.question.holds(call.resources.tip(item))]
    document = call.page_of(items, call.resources.tip)
    chosen = {found["relationships"]["item"]["data"]["id"] for found in document["data"]}
    document["included"] = [call.resources.item(item) for item in items if item.id in chosen]
    return document


def get_folder_permissions(call: AutodeskCall) -> list[Permission]:
    """List who may do what with a folder. This is of another service, which writes ids of projects without `b.`.

    No description of it is published: the name is ours, the rest is as its documentation says.
    """
    call.headers["content-type"] = JSON
    in_project = replace(call, ids={**call.ids, "project_id": f"b.{call.ids['project_id']}"})
    return [*permissions(in_project.folder())]


def get_item(call: AutodeskCall) -> Document:
    """Get an item with its tip version."""
    item = call.item()
    resource = call.resources.item(item)
    if "includePathInProject" in call.question.flags:
        resource["attributes"]["pathInProject"] = "/" + item.parents[0].path()
    return call.document(resource, included=[call.resources.tip(item)])


def get_item_parent_folder(call: AutodeskCall) -> Document:
    """Get the folder of an item."""
    return call.document(call.resources.folder(call.folder(call.item().parents[0].id)))


def get_item_tip(call: AutodeskCall) -> Document:
    """Get the last version of an item."""
    return call.document(call.resources.tip(call.item()))


def get_item_versions(call: AutodeskCall) -> Document:
    """List the versions of an item, the last one first."""
    item = call.item()
    return call.page_of(item.versions[::-1], lambda version: call.resources.version(item, version))


def get_version(call: AutodeskCall) -> Document:
    """Get a version."""
    return call.document(call.resources.version(*call.version()))


def get_version_item(call: AutodeskCall) -> Document:
    """Get the item of a version."""
    item, _ = call.version()
    return call.document(call.resources.item(item), included=[call.resources.tip(item)])


def _entry(call: AutodeskCall, entry: AutodeskEntry) -> Resource:
    if entry.is_folder:
        return call.resources.folder(entry)
    # A filter has to see all of it.
    return call.resources.item(entry) if call.question.filters else call.resources.encoded_item(entry)[0]


def _items_below(folder: AutodeskEntry) -> list[AutodeskEntry]:
    found: list[AutodeskEntry] = []
    waiting = [] if folder.trashed else [folder]
    while waiting:
        for entry in waiting.pop().visible_children():
            if entry.is_folder:
                waiting += [] if entry.barred else [entry]
            else:
                found.append(entry)
    return found

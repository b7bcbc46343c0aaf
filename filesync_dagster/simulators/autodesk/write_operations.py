"""The operations that write, as far as ACC has them: a person's actions, reached through the API."""

from typing import Any

from filesync_dagster.simulators.autodesk.call import AutodeskCall, Document
from filesync_dagster.simulators.autodesk.entries import AutodeskEntry, Version, VersionKind
from filesync_dagster.simulators.autodesk.refusals import bad_input

DELETED = "versions:autodesk.core:Deleted"


def create_folder(call: AutodeskCall) -> Document:
    """Add a folder."""
    data = call.payload()["data"]
    call.project()
    above = call.folder(text(data, "relationships", "parent", "data", "id"))
    created = call.store.folder(above.id, text(data, "attributes", "name"))
    call.status = 201
    return call.document(call.resources.folder(call.store.folders[created]))


def patch_folder(call: AutodeskCall) -> Document:
    """Rename, move, delete or restore a folder."""
    data = call.payload()["data"]
    folder = call.folder()
    attributes = data.get("attributes") or {}
    name, hidden = attributes.get("name"), attributes.get("hidden")
    if hidden is False and folder.hidden:
        call.store.unhide(folder.id, name)
    elif name is not None:
        call.store.rename(folder.id, name)
    if "parent" in (data.get("relationships") or {}):
        call.store.move(folder.id, call.folder(text(data, "relationships", "parent", "data", "id")).id)
    if hidden is True:
        call.store.hide(folder.id)
    return call.document(call.resources.folder(folder))


def create_storage(call: AutodeskCall) -> Document:
    """Reserve a place for the content of a file. Nothing can be uploaded: what lies there is empty."""
    data = call.payload()["data"]
    project = call.project()
    target = call.store.entry(text(data, "relationships", "target", "data", "id"))
    storage = call.store.new_storage(project.hub, text(data, "attributes", "name"))
    call.status = 201
    kind = text(data, "relationships", "target", "data", "type")
    related = {"target": {"data": {"type": kind, "id": target.id}}}
    return call.document({"type": "objects", "id": storage, "relationships": related})


def create_item(call: AutodeskCall) -> Document:
    """Add a file, new or as a copy of a version."""
    payload = call.payload()
    data = payload["data"]
    call.project()
    above = call.folder(text(data, "relationships", "parent", "data", "id"))
    if call.question.copy_from is not None:
        version = _copied_version(call, call.question.copy_from)[1]
        created = call.store.upload(above.id, version.name, version.size, kind=version.kind)
    else:
        first = _first_version(payload)
        created = call.store.upload(above.id, text(first, "attributes", "name"), 0)
    item = call.store.items[created]
    call.status = 201
    return call.document(call.resources.item(item), included=[call.resources.tip(item)])


def create_version(call: AutodeskCall) -> Document:
    """Upload a file again, which may rename it; delete it; or restore a version."""
    data = call.payload()["data"]
    call.project()
    if call.question.copy_from is not None:
        item, copied = _copied_version(call, call.question.copy_from)
        if item.hidden:
            call.store.unhide(item.id, copied.name)
        else:
            call.store.new_version(item.id, copied.size, copied.name)
    else:
        item = call.item(text(data, "relationships", "item", "data", "id"))
        if text(data, "attributes", "extension", "type") == DELETED:
            call.store.hide(item.id)
        else:
            call.store.new_version(item.id, 0, text(data, "attributes", "name"))
    call.status = 201
    return call.document(call.resources.tip(item), included=[call.resources.item(item)])


def patch_item(call: AutodeskCall) -> Document:
    """Refuse: the displayName of an ACC item cannot be changed."""
    call.item()
    raise bad_input("Updating the displayName is not supported for this project type.")


def patch_version(call: AutodeskCall) -> Document:
    """Refuse: a version of an ACC item cannot be changed."""
    call.version()
    raise bad_input("Updating a version is not supported for this project type.")


def text(data: Any, *names: str) -> str:
    """Return a text in a payload. Raises Refusal if it is not there."""
    for name in names:
        data = data.get(name) if isinstance(data, dict) else None
    if not isinstance(data, str) or not data:
        raise bad_input(f"{'.'.join(names)} is required.")
    return data


def _copied_version(call: AutodeskCall, version_id: str) -> tuple[AutodeskEntry, Version]:
    item, version = call.version(version_id)
    if version.kind is VersionKind.DELETED:
        raise bad_input("The version of a deletion cannot be restored.")
    return item, version


def _first_version(payload: dict[str, Any]) -> Any:
    wanted = text(payload["data"], "relationships", "tip", "data", "id")
    included = payload.get("included")
    for version in included if isinstance(included, list) else ():
        if isinstance(version, dict) and version.get("id") == wanted:
            return version
    raise bad_input("The tip version is not included.")

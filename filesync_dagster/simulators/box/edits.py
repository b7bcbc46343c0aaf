"""Calls that change something: what people do through the API."""

from typing import Any

import orjson

from filesync_dagster.simulators.box.call import BoxCall, bad_request
from filesync_dagster.simulators.box.resources import collaboration, describe
from filesync_dagster.simulators.box.store import BoxItem
from filesync_dagster.simulators.kit.forms import FilePart, form_reader
from filesync_dagster.simulators.kit.people import grant_to
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer

OWN_ROLES = {"viewer": "reader", "editor": "writer"}


def create_item(kind: str) -> Any:
    """Return the call that creates a folder or a web link."""

    def run(call: BoxCall) -> Answer:
        asked = call.payload()
        folder = _target(call, asked.get("parent"))
        name = _free_name(call, folder, asked.get("name") or asked.get("url"))
        return _created(call, call.store.create(name, folder.id, kind=kind, url=str(asked.get("url", ""))))

    return run


def update_item(kind: str) -> Any:
    """Return the call that renames or moves an item, or gives it a shared link."""

    def run(call: BoxCall) -> dict[str, Any]:
        item, asked, store = call.item(kind), call.payload(), call.store
        if asked.get("parent"):
            store.move(item.id, _target(call, asked["parent"]).id)
        if asked.get("name"):
            store.rename(item.id, asked["name"])
        if "shared_link" in asked:
            access = (asked["shared_link"] or {}).get("access", "open")
            store.link(item.id, access) if asked["shared_link"] is not None else store.unlink(item.id)
        return describe(store, item)

    return run


def trash_item(kind: str) -> Any:
    """Return the call that moves an item to the trash."""

    def run(call: BoxCall) -> None:
        item = call.item(kind)
        if call.store.children(item) and not call.says("recursive"):
            raise Refusal(400, "folder_not_empty", "Cannot delete - folder not empty")
        call.store.trash(item.id)

    return run


def restore_item(kind: str) -> Any:
    """Return the call that takes an item out of the trash."""

    def run(call: BoxCall) -> Answer:
        item = call.item(kind, trashed=True)
        call.store.restore(item.id)
        return Answer(201, orjson.dumps(describe(call.store, item)), {"content-type": "application/json"})

    return run


def purge_item(kind: str) -> Any:
    """Return the call that deletes an item in the trash for good."""
    return lambda call: call.store.delete(call.item(kind, trashed=True).id)


def upload_file(call: BoxCall) -> Answer:
    """Answer an upload of a file that is new."""
    asked, content = _form(call)
    folder = _target(call, asked.get("parent"))
    name = _free_name(call, folder, asked.get("name"))
    made = call.store.create(name, folder.id, content=content)
    return _uploaded(call, call.store.entry(made))


def upload_version(call: BoxCall) -> Answer:
    """Answer an upload of another version of a file."""
    item = call.item("file")
    _, content = _form(call)
    call.store.edit(item.id, content)
    return _uploaded(call, item)


def create_collaboration(call: BoxCall) -> Answer:
    """Answer that somebody is given access."""
    asked = call.payload()
    item = call.item(asked["item"]["type"], asked["item"]["id"])
    who = asked["accessible_by"].get("login")
    if not who:
        raise bad_request("'accessible_by' needs a login here")
    role = OWN_ROLES.get(asked["role"], asked["role"])
    call.store.share(item.id, who, role)
    made = collaboration(item, (item.grants or {})[grant_to(who, role, 0).id])
    return Answer(201, orjson.dumps(made), {"content-type": "application/json"})


def _created(call: BoxCall, item_id: str) -> Answer:
    made = describe(call.store, call.store.entry(item_id))
    return Answer(201, orjson.dumps(made), {"content-type": "application/json"})


def _uploaded(call: BoxCall, item: BoxItem) -> Answer:
    body = {"total_count": 1, "entries": [describe(call.store, item)]}
    return Answer(201, orjson.dumps(body), {"content-type": "application/json"})


def _target(call: BoxCall, parent: Any) -> BoxItem:
    if not isinstance(parent, dict) or not parent.get("id"):
        raise bad_request("'parent' is required")
    return call.item("folder", str(parent["id"]))


def _free_name(call: BoxCall, folder: BoxItem, name: Any) -> str:
    if not isinstance(name, str) or not name or "/" in name or "\\" in name:
        raise bad_request("'name' is invalid")
    if name in {child.name for child in call.store.children(folder)}:
        raise Refusal(409, "item_name_in_use", "Item with the same name already exists")
    return name


def _form(call: BoxCall) -> tuple[dict[str, Any], bytes]:
    content = _Content()

    def open_file(part: FilePart) -> _Content:
        return content

    reader = form_reader(call.request.headers.get("content-type", ""), open_file)
    reader.feed(call.request.body)
    reader.finish()
    return orjson.loads(reader.fields.get("attributes", "{}")), bytes(content.body)


class _Content:
    """Keeps the content of an upload."""

    def __init__(self) -> None:
        self.body = bytearray()

    def write(self, block: bytes) -> None:
        self.body += block

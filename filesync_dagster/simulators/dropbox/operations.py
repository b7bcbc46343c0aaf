"""The other calls: single entries, contents, accounts, and who may do what."""

import json
from typing import Any, Final

import orjson

from filesync_dagster.simulators.dropbox.refusals import CONFLICT, DropboxRefusal, bad_request, not_found
from filesync_dagster.simulators.dropbox.resources import EXPORTS, account, member, metadata, shared_folder
from filesync_dagster.simulators.dropbox.roots import DropboxCall, entry_at, root_of
from filesync_dagster.simulators.dropbox.store import DropboxEntry, content_hash
from filesync_dagster.simulators.kit.content import answer_content, generate_content
from filesync_dagster.simulators.kit.people import grant_to, inherited_grants
from filesync_dagster.simulators.kit.wire import Answer

ARGUMENT: Final = "dropbox-api-arg"
RESULT: Final = "dropbox-api-result"
EXPORT_BYTES: Final = 3_000
"""An export is as long as the name of its document is."""


def get_metadata(call: DropboxCall) -> dict[str, Any]:
    """Answer files/get_metadata."""
    asked = call.payload()
    if asked.get("path") in {"", "/"}:
        raise bad_request('Error in call to API function "files/get_metadata": path: The root folder is unsupported.')
    members = asked.get("include_has_explicit_shared_members") is True
    return metadata(_named(call, asked.get("path")), root_of(call), members=members)


def download(call: DropboxCall) -> Answer:
    """Answer files/download: the argument is in a header, or in the address, and so is what is told of the file."""
    entry = _named(call, _argument(call).get("path"))
    if entry.is_folder:
        raise DropboxRefusal(CONFLICT, "path/not_file")
    if entry.kind != "file":
        raise DropboxRefusal(CONFLICT, "unsupported_file")
    if entry.made_up:
        raise bad_request("The simulator keeps no content of files that were made in bulk.")
    headers = {"content-type": "application/octet-stream", RESULT: _header(metadata(entry, root_of(call)))}
    answer = answer_content(call.request, entry.content, headers)
    return answer or Answer(416, b"", {"content-range": f"bytes */{len(entry.content)}"})


def export(call: DropboxCall) -> Answer:
    """Answer files/export."""
    asked = _argument(call)
    entry = _named(call, asked.get("path"))
    if entry.kind not in EXPORTS:
        raise DropboxRefusal(CONFLICT, "non_exportable")
    wanted = asked.get("export_format") or EXPORTS[entry.kind][0]
    if wanted not in EXPORTS[entry.kind][1]:
        raise DropboxRefusal(CONFLICT, "invalid_export_format")
    content = generate_content(EXPORT_BYTES * len(entry.name), f"{wanted} {entry.id} {entry.revision}")
    told = {"name": f"{entry.name}.{wanted}", "size": len(content), "export_hash": content_hash(content)}
    result = {"export_metadata": told, "file_metadata": metadata(entry, root_of(call))}
    return Answer(200, content, {"content-type": "application/octet-stream", RESULT: _header(result)})


def get_current_account(call: DropboxCall) -> dict[str, Any]:
    """Answer users/get_current_account."""
    return account(call.store)


def list_shared_folders(call: DropboxCall) -> dict[str, Any]:
    """Answer sharing/list_folders and what continues it."""
    limit, start = call.payload().get("limit") or 1000, int(call.payload().get("cursor") or 0)
    found = call.store.namespaces()
    cursor = {"cursor": str(start + limit)} if len(found) > start + limit else {}
    return {"entries": [shared_folder(one, root_of(call)) for one in found[start : start + limit]], **cursor}


def list_folder_members(call: DropboxCall) -> dict[str, Any]:
    """Answer sharing/list_folder_members."""
    wanted = call.payload().get("shared_folder_id")
    found = next((one for one in call.store.namespaces() if one.namespace == wanted), None)
    if found is None:
        raise DropboxRefusal(CONFLICT, "invalid_id")
    return _members(call, found)


def list_file_members(call: DropboxCall) -> dict[str, Any]:
    """Answer sharing/list_file_members."""
    return _members(call, _named(call, call.payload().get("file"), "user_error"))


def _members(call: DropboxCall, entry: DropboxEntry) -> dict[str, Any]:
    owner = member(grant_to(call.store.account, "owner", 0), inherited=False)
    given = [member(grant, inherited=above is not entry) for grant, above in inherited_grants(entry)]
    return {"users": [owner, *given], "groups": [], "invitees": []}


def _named(call: DropboxCall, path: object, field: str = "path") -> DropboxEntry:
    if not isinstance(path, str):
        raise bad_request("path: expected a string.")
    found = entry_at(call.store, path, root_of(call))
    if found is None:
        raise not_found(field)
    return found


def _argument(call: DropboxCall) -> dict[str, Any]:
    text = call.request.headers.get(ARGUMENT) or call.request.parameter("arg")
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise bad_request("Dropbox-API-Arg: could not decode input as JSON.") from error
    return found if isinstance(found, dict) else {}


def _header(told: dict[str, Any]) -> str:
    """Return JSON that a header can hold: Dropbox escapes what is not ASCII."""
    return json.dumps(told).replace("\x7f", "\\u007f")

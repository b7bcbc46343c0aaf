"""Who asks, and from where: paths begin at the root of an account, or at the namespace that a header names."""

from typing import Any, Final, TypeAlias

import orjson

from filesync_dagster.simulators.dropbox.refusals import UNPROCESSABLE, DropboxRefusal, bad_request
from filesync_dagster.simulators.dropbox.store import DropboxEntry, DropboxStore
from filesync_dagster.simulators.kit.service import ServiceCall

DropboxCall: TypeAlias = ServiceCall[DropboxStore]

PATH_ROOT: Final = "dropbox-api-path-root"
SELECT: Final = ("dropbox-api-select-user", "dropbox-api-select-admin")


def require_member(call: DropboxCall) -> None:
    """Refuse a call that a team's token makes for nobody, or for who is not in the team. Raises DropboxRefusal."""
    store = call.store
    given = [call.request.headers[name] for name in SELECT if name in call.request.headers]
    if store.members and not given:
        raise bad_request(
            "This API function operates on a single Dropbox account, but the OAuth 2 access token you provided is for "
            'an entire Dropbox Business team. Use the "Dropbox-API-Select-User" HTTP header.'
        )
    if any(one not in store.members for one in given):
        raise DropboxRefusal(401, "invalid_select_user")


def root_of(call: DropboxCall) -> DropboxEntry:
    """Return where the paths of a call begin. Raises DropboxRefusal."""
    text = call.request.headers.get(PATH_ROOT)
    if text is None:
        return call.store.root
    if call.store.is_app_folder:
        raise bad_request("The Dropbox-API-Path-Root header is not allowed for apps with access to their folder only.")
    asked = _parse(text)
    wanted = asked.get(str(asked.get(".tag")))
    if asked.get(".tag") == "home" or wanted == call.store.root_namespace:
        return call.store.root
    if asked.get(".tag") == "root":
        number = call.store.root_namespace
        info = {".tag": "user", "root_namespace_id": number, "home_namespace_id": number}
        raise DropboxRefusal(UNPROCESSABLE, "invalid_root", fields={"invalid_root": info})
    found = next((one for one in call.store.namespaces() if one.namespace == wanted), None)
    if found is None:
        raise DropboxRefusal(UNPROCESSABLE, "no_permission")
    return found


def _parse(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise bad_request("Dropbox-API-Path-Root: could not decode input as JSON.") from error
    if not isinstance(found, dict):
        raise bad_request("Dropbox-API-Path-Root: expected an object.")
    return found


def entry_at(store: DropboxStore, path: str, root: DropboxEntry) -> DropboxEntry | None:
    """Return the entry that a path, an id or a path in a namespace names; None if there is none below the root."""
    if path.startswith("id:"):
        found = store.entries.get(path)
        return found if found is not None and found.seen and root in found.above() else None
    if path.startswith("ns:"):
        number, slash, below = path.removeprefix("ns:").partition("/")
        top = next((one for one in store.namespaces() if one.namespace == number), None)
        return store.at(f"{slash}{below}", top) if top is not None else None
    return store.at(path, root)

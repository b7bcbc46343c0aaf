"""Entries and people as Dropbox describes them."""

from typing import Any

from filesync_dagster.simulators.dropbox.store import DropboxEntry, DropboxStore, account_id
from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.people import AccessGrant, person_name

EXPORTS = {"paper": ("html", ["html", "markdown", "plain_text"])}
ROLES = {"reader": "viewer", "writer": "editor", "owner": "owner"}
"""What Dropbox calls a role."""


def metadata(entry: DropboxEntry, top: DropboxEntry, *, members: bool = False) -> dict[str, Any]:
    """Return a file or a folder, its path as of the root that was asked from."""
    path = entry.path_lower[len(top.path_lower) :]
    above = path.rpartition("/")[0]
    told: dict[str, Any] = {
        ".tag": "folder" if entry.is_folder else "file",
        "name": entry.name,
        "path_lower": path,
        # As Dropbox has it: only the last part of it is sure to be in the case of its name.
        "path_display": f"{above}/{entry.name}",
        "id": entry.id,
    }
    told |= _file(entry) if not entry.is_folder else {}
    shared = next((one.namespace for one in [*entry.above()][1:] if one.namespace), None)
    if entry.is_folder and (entry.namespace or shared):
        sharing = {"read_only": False, "traverse_only": False, "no_access": False}
        told["sharing_info"] = {
            **sharing,
            **({"shared_folder_id": entry.namespace} if entry.namespace else {}),
            **({"parent_shared_folder_id": shared} if shared else {}),
        }
    elif shared:
        told["sharing_info"] = {"read_only": False, "parent_shared_folder_id": shared}
    if shared:
        told["parent_shared_folder_id"] = shared
    if members and not entry.is_folder:
        told["has_explicit_shared_members"] = bool(entry.grants)
    return told


def _file(entry: DropboxEntry) -> dict[str, Any]:
    told: dict[str, Any] = {
        "client_modified": utc_text(entry.modified, 0),
        "server_modified": utc_text(entry.modified, 0),
        "rev": entry.rev,
        "size": entry.size or 0,
        "is_downloadable": entry.kind in {"file", "symlink"},
        "content_hash": entry.content_hash,
    }
    if entry.kind in EXPORTS:
        export_as, options = EXPORTS[entry.kind]
        told["export_info"] = {"export_as": export_as, "export_options": options}
    if entry.target is not None:
        told["symlink_info"] = {"target": entry.target}
    return told


def tombstone(path_lower: str) -> dict[str, Any]:
    """Return what is told of a path at which nothing is any more."""
    name = path_lower.rpartition("/")[2]
    return {".tag": "deleted", "name": name, "path_lower": path_lower, "path_display": path_lower}


def account(store: DropboxStore) -> dict[str, Any]:
    """Return who asks."""
    name = person_name(store.account)
    given, _, surname = name.partition(" ")
    root = {".tag": "user", "root_namespace_id": store.root_namespace, "home_namespace_id": store.root_namespace}
    return {
        "account_id": account_id(store.account),
        "name": {
            "given_name": given,
            "surname": surname,
            "familiar_name": given,
            "display_name": name,
            "abbreviated_name": given[:1],
        },
        "email": store.account,
        "email_verified": True,
        "disabled": False,
        "locale": "en",
        "referral_link": "https://db.tt/ZITNuhtI",
        "is_paired": False,
        "account_type": {".tag": "business"},
        "root_info": root,
        "country": "DE",
    }


def shared_folder(entry: DropboxEntry, top: DropboxEntry) -> dict[str, Any]:
    """Return what is told of a shared folder; its path where it is mounted below the root that was asked from."""
    found = metadata(entry, top)
    mounted = {name: found[name] for name in ("path_lower", "path_display")} if top in entry.above() else {}
    return {
        **mounted,
        "name": entry.name,
        "shared_folder_id": entry.namespace,
        "folder_id": entry.id,
        "access_type": {".tag": "owner"},
        "is_inside_team_folder": False,
        "is_team_folder": False,
        "policy": {"acl_update_policy": {".tag": "owner"}, "shared_link_policy": {".tag": "anyone"}},
        "preview_url": f"https://www.dropbox.com/scl/fo/{entry.namespace}",
        "time_invited": utc_text(entry.created, 0),
    }


def member(grant: AccessGrant, *, inherited: bool) -> dict[str, Any]:
    """Return somebody who was given access."""
    email = grant.email or ""
    return {
        "access_type": {".tag": ROLES.get(grant.role, "viewer")},
        "user": {
            "account_id": account_id(email),
            "email": email,
            "display_name": person_name(email),
            "same_team": True,
        },
        "permissions": [],
        "is_inherited": inherited,
    }

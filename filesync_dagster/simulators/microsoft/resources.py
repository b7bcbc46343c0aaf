"""Sites, drives, items and permissions as Graph words them."""

from typing import Any
from urllib.parse import quote

from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.people import AccessGrant, inherited_grants, person_name
from filesync_dagster.simulators.kit.tree import mime_type_of
from filesync_dagster.simulators.microsoft.items import GraphDrive, GraphItem, GraphSite, guid_of
from filesync_dagster.simulators.microsoft.store import GraphStore

OFFICE = (".docx", ".xlsx", ".pptx")
ROLES = {"reader": "read", "writer": "write", "owner": "owner"}


def site(found: GraphSite) -> dict[str, Any]:
    """Return a site."""
    return {
        "id": found.id,
        "name": found.path.rpartition("/")[2],
        "displayName": found.name,
        "webUrl": f"https://{found.host}/{found.path}",
        "siteCollection": {"hostname": found.host},
    }


def drive(found: GraphDrive) -> dict[str, Any]:
    """Return a drive."""
    return {
        "id": found.id,
        "name": found.name,
        "driveType": "business" if found.owner else "documentLibrary",
        "webUrl": _quoted(found.url),
        "createdDateTime": utc_text(found.root.created, 0),
        "lastModifiedDateTime": utc_text(found.root.modified, 0),
        "owner": {"user": person(found.owner) if found.owner else {"displayName": "System Account"}},
        "quota": {"state": "normal", "total": 27487790694400, "used": 0},
    }


def person(email: str) -> dict[str, Any]:
    """Return a person."""
    return {"id": guid_of(email), "displayName": person_name(email), "email": email}


def tombstone(item_id: str, drive_id: str) -> dict[str, Any]:
    """Return what a delta tells of an item that is gone: no name, no cTag, not where it was."""
    return {"id": item_id, "deleted": {"state": "deleted"}, "parentReference": {"driveId": drive_id}}


def item(store: GraphStore, found: GraphItem, *, in_delta: bool = False, download: str = "") -> dict[str, Any]:
    """Return an item; `download` is the address of its content."""
    home = store.drives[found.drive]
    modified = utc_text(found.modified, 0)
    described: dict[str, Any] = {
        "id": found.id,
        "name": found.name,
        "eTag": f'"{{{found.guid.upper()}}},{found.version}"',
        "cTag": f'"c:{{{found.guid.upper()}}},{found.revision if found.has_content else 0}"',
        "createdDateTime": utc_text(found.created, 0),
        "lastModifiedDateTime": modified,
        "createdBy": {"user": person(found.owner or store.account)},
        "lastModifiedBy": {"user": person(found.owner or store.account)},
        "webUrl": web_url(home, found),
        "size": found.size or 0,
        "parentReference": _parent(home, found, in_delta=in_delta),
        "fileSystemInfo": {"createdDateTime": utc_text(found.created, 0), "lastModifiedDateTime": modified},
        "sharepointIds": _sharepoint_ids(home, found),
        **_facets(found),
    }
    if in_delta and not store.delta_tells_ctags:
        del described["cTag"]
    if download:
        described["@microsoft.graph.downloadUrl"] = download
    if found.grants:
        described["shared"] = {"scope": "users"}
    return described


def web_url(home: GraphDrive, found: GraphItem) -> str:
    """Return where a browser shows an item: by its path, Office's own files by their id."""
    if found.has_content and found.name.lower().endswith(OFFICE):
        site_url = home.url.rpartition("/")[0]
        return f"{site_url}/_layouts/15/Doc.aspx?sourcedoc=%7B{found.guid.upper()}%7D&file={quote(found.name)}"
    return _quoted(f"{home.url}/{found.path()}".rstrip("/"))


def permissions(store: GraphStore, found: GraphItem) -> list[dict[str, Any]]:
    """Return who may do what with an item."""
    home = store.drives[found.drive]
    group = {"id": "5", "displayName": "Engineering Members", "loginName": "Engineering Members"}
    first = {"user": person(home.owner)} if home.owner else {"siteGroup": group}
    root = {"driveId": home.id, "id": home.root.id}
    told: list[dict[str, Any]] = [
        {"id": "base", "roles": ["owner" if home.owner else "write"], "grantedToV2": first, "inheritedFrom": root}
    ]
    for grant, above in inherited_grants(found):
        told.append(_permission(grant) | ({} if above is found else {"inheritedFrom": {**root, "id": above.id}}))
    return told


def _permission(grant: AccessGrant) -> dict[str, Any]:
    if grant.type == "user" and grant.email:
        return {"id": grant.id, "roles": [ROLES.get(grant.role, "read")], "grantedToV2": {"user": person(grant.email)}}
    scope = "anonymous" if grant.type == "anyone" else "organization"
    link = {"scope": scope, "type": "view", "webUrl": f"https://contoso.sharepoint.com/:b:/s/{grant.id}"}
    return {"id": grant.id, "roles": [ROLES.get(grant.role, "read")], "link": link}


def _facets(found: GraphItem) -> dict[str, Any]:
    if not found.parents:
        return {"root": {}, "folder": {"childCount": len(found.children or ())}}
    if found.kind == "package":
        return {"package": {"type": "oneNote"}}
    if found.kind == "shortcut":
        return {"remoteItem": _remote(found.target)}
    if found.is_folder:
        return {"folder": {"childCount": sum(not child.trashed for child in found.children or ())}}
    return {"file": {"mimeType": mime_type_of(found.name), "hashes": {"quickXorHash": found.quick_xor_hash()}}}


def _remote(target: GraphItem | None) -> dict[str, Any]:
    if target is None:
        return {}
    facet = {"folder": {"childCount": 0}} if target.is_folder else {"file": {"mimeType": mime_type_of(target.name)}}
    return {"id": target.id, "name": target.name, "parentReference": {"driveId": target.drive}, **facet}


def _parent(home: GraphDrive, found: GraphItem, *, in_delta: bool) -> dict[str, Any]:
    told: dict[str, Any] = {"driveType": "business" if home.owner else "documentLibrary", "driveId": home.id}
    if home.site:
        told["siteId"] = home.site.split(",")[1]
    if found.parent is not None:
        told["id"] = found.parent.id
        if not in_delta:
            told["name"] = found.parent.name
            told["path"] = f"/drives/{home.id}/root:" + quote(f"/{found.parent.path()}").rstrip("/")
    return told


def _sharepoint_ids(home: GraphDrive, found: GraphItem) -> dict[str, str]:
    site_url = home.url.rpartition("/")[0]
    return {
        "listId": guid_of(home.id),
        "listItemId": str(found.order),
        "listItemUniqueId": found.guid,
        "siteUrl": site_url,
    }


def _quoted(url: str) -> str:
    return quote(url, safe=":/")

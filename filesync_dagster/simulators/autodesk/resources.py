"""Entries as JSON:API resources, with the attributes, links and relationships of Autodesk's description."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from filesync_dagster.simulators.autodesk.entries import (
    AutodeskEntry,
    Hub,
    HubProject,
    Version,
    VersionKind,
    stamp,
    suffix_of,
    version_id,
)

Resource = dict[str, Any]

ALLOWED_TYPES = ["folders", "items:autodesk.bim360:File", "items:autodesk.bim360:C4RModel"]
MIME_TYPES = {
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "dwg": "application/vnd.autodesk.autocad.dwg",
    "ifc": "application/x-step",
    "jpg": "image/jpeg",
    "nwd": "application/vnd.autodesk.navisworks.nwd",
    "pdf": "application/pdf",
    "png": "image/png",
    "rvt": "application/vnd.autodesk.revit",
    "txt": "text/plain",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "zip": "application/zip",
}


@dataclass(frozen=True, slots=True)
class Resources:
    """Writes resources as somebody sees them who reached the service at `base`."""

    base: str

    def hub(self, hub: Hub) -> Resource:
        """Return an account."""
        url = f"{self.base}/project/v1/hubs/{hub.id}"
        extension = self._extension("hubs:autodesk.bim360:Account", {})
        return {
            "type": "hubs",
            "id": hub.id,
            "attributes": {"name": hub.name, "extension": extension, "region": hub.region},
            "relationships": {"projects": _related(f"{url}/projects")},
            "links": {"self": {"href": url}},
        }

    def project(self, project: HubProject) -> Resource:
        """Return a project."""
        hub = f"{self.base}/project/v1/hubs/{project.hub.id}"
        root = f"{self._data(project)}/folders/{quote_urn(project.root)}"
        return {
            "type": "projects",
            "id": project.id,
            "attributes": {
                "name": project.name,
                "scopes": [f"b360project.{project.id[2:]}"],
                "extension": self._extension("projects:autodesk.bim360:Project", {"projectType": project.platform}),
            },
            "links": _links(f"{hub}/projects/{project.id}", _web_view(project)),
            "relationships": {
                "hub": {"data": {"type": "hubs", "id": project.hub.id}, **_related(hub)},
                "rootFolder": {"data": {"type": "folders", "id": project.root}, "meta": {"link": {"href": root}}},
                "topFolders": _related(f"{hub}/projects/{project.id}/topFolders"),
            },
        }

    def folder(self, folder: AutodeskEntry) -> Resource:
        """Return a folder."""
        url = f"{self._data(folder.project)}/folders/{quote_urn(folder.id)}"
        parent = {"data": {"type": "folders", "id": folder.parent.id}} if folder.parent else {}
        detail = {
            "visibleTypes": ALLOWED_TYPES,
            "allowedTypes": ALLOWED_TYPES,
            "actions": [],
            "isRoot": not folder.parents,
            "folderType": "normal",
            "namingStandardIds": [],
        }
        return {
            "type": "folders",
            "id": folder.id,
            "attributes": {
                "name": folder.name,
                "displayName": folder.name,
                **_times(folder),
                "lastModifiedTimeRollup": stamp(folder.rollup),
                "objectCount": len(folder.visible_children()),
                "hidden": folder.hidden,
                "extension": self._extension("folders:autodesk.bim360:Folder", detail),
            },
            "links": _links(url, f"{_web_view(folder.project)}?folderUrn={quote_urn(folder.id)}"),
            "relationships": {
                "parent": {**parent, **_related(f"{url}/parent")},
                **_references(url),
                "contents": _related(f"{url}/contents"),
            },
        }

    def item(self, item: AutodeskEntry) -> Resource:
        """Return an item, without its versions."""
        url = f"{self._data(item.project)}/items/{quote_urn(item.id)}"
        attributes = {
            "displayName": item.display_name,
            **_times(item),
            "lastModifiedTimeRollup": stamp(item.modified),
            "hidden": item.hidden,
            "reserved": item.reserved is not None,
            "extension": self._extension(f"items:autodesk.bim360:{item.kind}", {"sourceFileName": item.display_name}),
        }
        if item.reserved is not None:
            moment, (person, name) = item.reserved
            attributes |= {"reservedTime": stamp(moment), "reservedUserId": person, "reservedUserName": name}
        tip = {"type": "versions", "id": version_id(item.id, item.tip.number)}
        return {
            "type": "items",
            "id": item.id,
            "attributes": attributes,
            "links": _links(url, _viewer(item)),
            "relationships": {
                "tip": {"data": tip, **_related(f"{url}/tip")},
                "versions": _related(f"{url}/versions"),
                "parent": {"data": {"type": "folders", "id": item.parents[0].id}, **_related(f"{url}/parent")},
                **_references(url),
            },
        }

    def version(self, item: AutodeskEntry, version: Version) -> Resource:
        """Return a version. Only one that is a file of its own has a size and a storage."""
        version_urn = version_id(item.id, version.number)
        url = f"{self._data(item.project)}/versions/{quote_urn(version_urn)}"
        attributes = {
            "name": version.name,
            "displayName": item.display_name,
            **_times(version),
            "versionNumber": version.number,
        }
        if version.kind is not VersionKind.DELETED:
            suffix = suffix_of(version.name)
            mime_type = MIME_TYPES.get(suffix, "application/octet-stream")
            attributes |= {"mimeType": mime_type, "fileType": suffix}
        if version.size is not None:
            attributes["storageSize"] = version.size
        scope = "core" if version.kind is VersionKind.DELETED else "bim360"
        extension = self._extension(f"versions:autodesk.{scope}:{version.kind}", _detail(item, version))
        return {
            "type": "versions",
            "id": version_urn,
            "attributes": {**attributes, "extension": extension},
            "links": _links(url, _viewer(item)),
            "relationships": {
                "item": {"data": {"type": "items", "id": item.id}, **_related(f"{url}/item")},
                **_references(url),
                **self._storage(version.storage),
            },
        }

    def tip(self, item: AutodeskEntry) -> Resource:
        """Return the last version of an item."""
        return self.version(item, item.tip)

    def encoded_item(self, item: AutodeskEntry) -> "tuple[EncodedResource, EncodedResource]":
        """Return an item and its tip version, encoded: the same ones for as long as the item is what it was."""
        tip = item.tip
        state = (item.parent, item.modified, item.hidden, item.reserved, tip.number, tip.name, tip.modified)
        return _encoded_item(self, item, state)

    def _data(self, project: HubProject) -> str:
        return f"{self.base}/data/v1/projects/{project.id}"

    def _extension(self, kind: str, detail: dict[str, object]) -> Resource:
        schema = {"href": f"{self.base}/schema/v1/versions/{kind}-1.0"}
        return {"type": kind, "version": "1.0", "schema": schema, "data": detail}

    def _storage(self, storage: str | None) -> Resource:
        if storage is None:
            return {}
        bucket, _, key = storage.rpartition(":")[2].partition("/")
        link = {"href": f"{self.base}/oss/v2/buckets/{bucket}/objects/{key}"}
        return {"storage": {"data": {"type": "objects", "id": storage}, "meta": {"link": link}}}


class EncodedResource(dict[str, Any]):
    """A resource of which only the identity and the tip are at hand; all of it is in its text."""

    def __init__(self, resource: Resource) -> None:
        tip = resource["relationships"].get("tip", {})
        super().__init__(type=resource["type"], id=resource["id"], relationships={"tip": tip})
        self.text = orjson.Fragment(orjson.dumps(resource))


@lru_cache(maxsize=8192)  # listings are read again and again
def _encoded_item(
    resources: Resources, item: AutodeskEntry, state: tuple[object, ...]
) -> tuple[EncodedResource, EncodedResource]:
    return EncodedResource(resources.item(item)), EncodedResource(resources.tip(item))


def encode(document: Resource) -> bytes:
    """Return a document, parts of which may be encoded already, as it is sent."""
    return orjson.dumps(document, default=_text, option=orjson.OPT_PASSTHROUGH_SUBCLASS)


def _text(part: object) -> orjson.Fragment:
    if isinstance(part, EncodedResource):
        return part.text
    raise TypeError(type(part))


def quote_urn(urn: str) -> str:
    """Return an id as a segment of a path.

    >>> quote_urn("urn:adsk.wipprod:fs.file:vf.hC6k4hndRWaeIVhIjvHu8w?version=2")
    'urn%3Aadsk.wipprod%3Afs.file%3Avf.hC6k4hndRWaeIVhIjvHu8w%3Fversion%3D2'
    """
    return urn.replace(":", "%3A").replace("?", "%3F").replace("=", "%3D")


def _related(url: str) -> Resource:
    return {"links": {"related": {"href": url}}}


def _links(url: str, web_view: str) -> Resource:
    return {"self": {"href": url}, "webView": {"href": web_view}}


def _references(url: str) -> Resource:
    references = {"self": {"href": f"{url}/relationships/refs"}, "related": {"href": f"{url}/refs"}}
    return {"refs": {"links": references}, "links": {"links": {"self": {"href": f"{url}/relationships/links"}}}}


def _web_view(project: HubProject) -> str:
    domain = "com" if project.hub.region == "US" else "eu"
    return f"https://acc.autodesk.{domain}/docs/files/projects/{project.id[2:]}"


def _viewer(item: AutodeskEntry) -> str:
    return f"{_web_view(item.project)}?folderUrn={quote_urn(item.parents[0].id)}&entityId={quote_urn(item.id)}"


def _detail(item: AutodeskEntry, version: Version) -> dict[str, object]:
    if version.kind is VersionKind.DELETED:
        return {"originalName": item.name}
    detail: dict[str, object] = {"processState": "PROCESSING_COMPLETE", "sourceFileName": version.name}
    if version.kind is VersionKind.CLOUD_MODEL:
        detail |= {"modelVersion": version.number, "modelType": "multiuser", "isCompositeDesign": False}
    return detail


def _times(entry: AutodeskEntry | Version) -> Resource:
    return {
        "createTime": stamp(entry.created),
        "createUserId": entry.author.id,
        "createUserName": entry.author.name,
        "lastModifiedTime": stamp(entry.modified),
        "lastModifiedUserId": entry.by.id,
        "lastModifiedUserName": entry.by.name,
    }

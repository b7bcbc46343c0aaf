"""Entries as JSON:API resources, with the attributes, links and relationships of Autodesk's description."""

from functools import lru_cache
from typing import Any

from filesync_dagster.simulators.autodesk.entries import (
    AutodeskFolder,
    AutodeskItem,
    Hub,
    HubProject,
    Version,
    VersionKind,
)
from filesync_dagster.simulators.autodesk.ids import stamp, version_id
from filesync_dagster.simulators.autodesk.media import mime_type, suffix_of
from filesync_dagster.simulators.autodesk.tree import Tree

Resource = dict[str, Any]

ALLOWED_TYPES = ["folders", "items:autodesk.bim360:File", "items:autodesk.bim360:C4RModel"]


class Documents:
    """Writes resources as somebody sees them who reached the service at `base`. Reads the tree; changes nothing."""

    def __init__(self, tree: Tree, base: str) -> None:
        self._tree = tree
        self.base = base
        self._web_views: dict[str, str] = {}
        self._schemas: dict[str, dict[str, str]] = {}

    def hub(self, hub: Hub) -> Resource:
        """Return an account."""
        url = f"{self.base}/project/v1/hubs/{hub.id}"
        return {
            "type": "hubs",
            "id": hub.id,
            "attributes": {
                "name": hub.name,
                "extension": self._extension("hubs:autodesk.bim360:Account", {}),
                "region": hub.region,
            },
            "relationships": {"projects": _related(f"{url}/projects")},
            "links": {"self": {"href": url}},
        }

    def project(self, project: HubProject) -> Resource:
        """Return a project."""
        hub = f"{self.base}/project/v1/hubs/{project.hub}"
        root = f"{self._data(project.id)}/folders/{quote_urn(project.root)}"
        return {
            "type": "projects",
            "id": project.id,
            "attributes": {
                "name": project.name,
                "scopes": [f"b360project.{project.id[2:]}"],
                "extension": self._extension("projects:autodesk.bim360:Project", {"projectType": project.platform}),
            },
            "links": {
                "self": {"href": f"{hub}/projects/{project.id}"},
                "webView": {"href": self._web_view(project.id)},
            },
            "relationships": {
                "hub": {"data": {"type": "hubs", "id": project.hub}, **_related(hub)},
                "rootFolder": {
                    "data": {"type": "folders", "id": project.root},
                    "meta": {"link": {"href": root}},
                },
                "topFolders": _related(f"{hub}/projects/{project.id}/topFolders"),
            },
        }

    def folder(self, folder: AutodeskFolder) -> Resource:
        """Return a folder."""
        url = f"{self._data(folder.project)}/folders/{quote_urn(folder.id)}"
        parent = {"type": "folders", "id": folder.parent} if folder.parent else None
        return {
            "type": "folders",
            "id": folder.id,
            "attributes": {
                "name": folder.name,
                "displayName": folder.name,
                **_times(folder),
                "lastModifiedTimeRollup": stamp(folder.rollup),
                "objectCount": len(self._tree.visible_children(folder.id)),
                "hidden": folder.hidden,
                "extension": self._extension(
                    "folders:autodesk.bim360:Folder",
                    {
                        "visibleTypes": ALLOWED_TYPES,
                        "allowedTypes": ALLOWED_TYPES,
                        "actions": [],
                        "isRoot": folder.parent is None,
                        "folderType": "normal",
                        "namingStandardIds": [],
                    },
                ),
            },
            "links": {
                "self": {"href": url},
                "webView": {"href": f"{self._web_view(folder.project)}?folderUrn={quote_urn(folder.id)}"},
            },
            "relationships": {
                "parent": {**({"data": parent} if parent else {}), **_related(f"{url}/parent")},
                **_references(url),
                "contents": _related(f"{url}/contents"),
            },
        }

    def item(self, item: AutodeskItem) -> Resource:
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
            moment, person = item.reserved
            attributes |= {
                "reservedTime": stamp(moment),
                "reservedUserId": person.id,
                "reservedUserName": person.name,
            }
        return {
            "type": "items",
            "id": item.id,
            "attributes": attributes,
            "links": {
                "self": {"href": url},
                "webView": {"href": self._viewer(item)},
            },
            "relationships": {
                "tip": {
                    "data": {"type": "versions", "id": version_id(item.id, item.tip.number)},
                    **_related(f"{url}/tip"),
                },
                "versions": _related(f"{url}/versions"),
                "parent": {"data": {"type": "folders", "id": item.parent}, **_related(f"{url}/parent")},
                **_references(url),
            },
        }

    def version(self, item: AutodeskItem, version: Version) -> Resource:
        """Return a version. Only one that is a file of its own has a size and a storage."""
        version_urn = version_id(item.id, version.number)
        url = f"{self._data(item.project)}/versions/{quote_urn(version_urn)}"
        attributes = {
            "name": version.name,
            "displayName": item.display_name,
            **_times(version),
            "versionNumber": version.number,
        }
        scope = "core" if version.kind is VersionKind.DELETED else "bim360"
        relationships = {
            "item": {"data": {"type": "items", "id": item.id}, **_related(f"{url}/item")},
            **_references(url),
        }
        if version.kind is not VersionKind.DELETED:
            suffix = suffix_of(version.name)
            attributes |= {"mimeType": mime_type(suffix), "fileType": suffix}
        if version.size is not None:
            attributes["storageSize"] = version.size
        if version.storage is not None:
            bucket, _, key = version.storage.rpartition(":")[2].partition("/")
            relationships["storage"] = {
                "data": {"type": "objects", "id": version.storage},
                "meta": {"link": {"href": f"{self.base}/oss/v2/buckets/{bucket}/objects/{key}"}},
            }
        return {
            "type": "versions",
            "id": version_urn,
            "attributes": {
                **attributes,
                "extension": self._extension(f"versions:autodesk.{scope}:{version.kind}", self._detail(item, version)),
            },
            "links": {"self": {"href": url}, "webView": {"href": self._viewer(item)}},
            "relationships": relationships,
        }

    def tip(self, item: AutodeskItem) -> Resource:
        """Return the last version of an item."""
        return self.version(item, item.tip)

    def _data(self, project: str) -> str:
        return f"{self.base}/data/v1/projects/{project}"

    def _extension(self, kind: str, detail: dict[str, object]) -> Resource:
        if kind not in self._schemas:
            self._schemas[kind] = {"href": f"{self.base}/schema/v1/versions/{kind}-1.0"}
        return {"type": kind, "version": "1.0", "schema": self._schemas[kind], "data": detail}

    def _web_view(self, project: str) -> str:
        if project not in self._web_views:
            domain = "com" if self._tree.region_of(project) == "US" else "eu"
            self._web_views[project] = f"https://acc.autodesk.{domain}/docs/files/projects/{project[2:]}"
        return self._web_views[project]

    def _viewer(self, item: AutodeskItem) -> str:
        return f"{self._web_view(item.project)}?folderUrn={quote_urn(item.parent)}&entityId={quote_urn(item.id)}"

    @staticmethod
    def _detail(item: AutodeskItem, version: Version) -> dict[str, object]:
        if version.kind is VersionKind.DELETED:
            return {"originalName": item.name}
        detail: dict[str, object] = {"processState": "PROCESSING_COMPLETE", "sourceFileName": version.name}
        if version.kind is VersionKind.CLOUD_MODEL:
            detail |= {"modelVersion": version.number, "modelType": "multiuser", "isCompositeDesign": False}
        return detail


@lru_cache(maxsize=1 << 16)
def quote_urn(urn: str) -> str:
    """Return an id as a segment of a path.

    >>> quote_urn("urn:adsk.wipprod:fs.file:vf.hC6k4hndRWaeIVhIjvHu8w?version=2")
    'urn%3Aadsk.wipprod%3Afs.file%3Avf.hC6k4hndRWaeIVhIjvHu8w%3Fversion%3D2'
    """
    return urn.replace(":", "%3A").replace("?", "%3F").replace("=", "%3D")


def _related(url: str) -> Resource:
    return {"links": {"related": {"href": url}}}


def _references(url: str) -> Resource:
    return {
        "refs": {
            "links": {
                "self": {"href": f"{url}/relationships/refs"},
                "related": {"href": f"{url}/refs"},
            }
        },
        "links": {"links": {"self": {"href": f"{url}/relationships/links"}}},
    }


def _times(entry: AutodeskFolder | AutodeskItem | Version) -> Resource:
    return {
        "createTime": stamp(entry.created),
        "createUserId": entry.author.id,
        "createUserName": entry.author.name,
        "lastModifiedTime": stamp(entry.modified),
        "lastModifiedUserId": entry.by.id,
        "lastModifiedUserName": entry.by.name,
    }

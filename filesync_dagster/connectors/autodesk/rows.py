"""JSON:API resources of Autodesk as rows of the inventory. Pure: no I/O.

Autodesk's own remarks decide what is taken: the name of a folder is `attributes.name`, that of a file the name of its
tip version (`displayName` is reserved), a hidden entry is a deleted one, and a size is there for files only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from filesync_dagster.connectors.rest.fields import gap_without, instant_of, size_of, text_of
from filesync_dagster.core.model import Kind, canonical_json
from filesync_dagster.core.schemas import build_batch

DOCUMENTS = frozenset({"C4RModel", "Document", "FDX"})  # types of items that need not have bytes of their own
DELETED = "Deleted"  # the type of the version that deleting leaves behind
EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Child:
    """A folder in a folder."""

    id: str
    name: str
    rollup: datetime | None  # when anything in it changed last; None when Autodesk does not say


@dataclass(slots=True)
class Entries:
    """What one answer says: rows, the folders among them, and why it cannot be all."""

    scope: str
    rows: list[dict[str, Any]] = field(default_factory=list)
    folders: list[Child] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)

    def add(self, resource: Mapping[str, Any], parent: str | None, tips: Mapping[str, Mapping[str, Any]]) -> None:
        """Take a folder or an item that lies in `parent`; a deleted one is left out."""
        attributes = part_of(resource, "attributes")
        if attributes.get("hidden") is True:
            return
        kind = resource.get("type")
        if kind == "folders":
            self.rows.append(_folder(resource, attributes, parent))
            rollup = instant_of(attributes.get("lastModifiedTimeRollup"))
            self.folders.append(Child(resource["id"], self.rows[-1]["name"], rollup))
        elif kind == "items":
            self._add_item(resource, attributes, parent, tips)
        else:
            self.gaps.append(f"It holds {resource['id']}, of the unknown type {kind!r}.")

    def note_odd(self, found: Sequence[object]) -> None:
        """Note that an answer had resources without an id."""
        for each in found:
            told = each if isinstance(each, Mapping) else {"entry": each}
            self.gaps.append(gap_without("an id", {**told, **part_of(told, "attributes")}, scope=self.scope).reason)

    def add_project(self, project_id: str, name: str) -> None:
        """Take a project as the folder that its top folders lie in."""
        self.rows.append(
            {
                "external_id": project_id,
                "parent_id": None,
                "name": text_of(name) or project_id,
                "kind": Kind.FOLDER.value,
            }
        )

    def permit(self, found: Mapping[str, str | None]) -> None:
        """Note who may do what with folders, by id."""
        for row in self.rows:
            if row["external_id"] in found:
                row["permissions"] = found[row["external_id"]]

    def batch(self) -> pa.RecordBatch:
        """Return the rows in FILE_SCHEMA, each with its name in place of the path."""
        return batch_of(self.rows, self.scope)

    def _add_item(
        self,
        item: Mapping[str, Any],
        attributes: Mapping[str, Any],
        parent: str | None,
        tips: Mapping[str, Mapping[str, Any]],
    ) -> None:
        tip = tips.get(str(part_of(item, "relationships", "tip", "data").get("id")))
        if tip is None:
            self.gaps.append(f"Autodesk did not send the tip version of {item['id']}.")
            return
        row = _item(item, attributes, tip, parent)
        if row is not None:
            self.rows.append(row)


def tips_of(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the versions that an answer includes, by id."""
    included = document.get("included")
    found = included if isinstance(included, list) else []
    return {str(each.get("id")): each for each in found if isinstance(each, dict) and each.get("type") == "versions"}


def parent_of(resource: Mapping[str, Any]) -> str | None:
    """Return the folder that a resource says it lies in."""
    found = part_of(resource, "relationships", "parent", "data").get("id")
    return found if isinstance(found, str) else None


def batch_of(rows: Sequence[Mapping[str, Any]], scope: str) -> pa.RecordBatch:
    """Return rows in FILE_SCHEMA."""
    names = {name: None for row in rows for name in row}
    columns: dict[str, Any] = {name: [row.get(name) for row in rows] for name in names}
    columns |= {
        "scope": [scope] * len(rows),
        "path": columns.get("name", []),
        "trashed": [False] * len(rows),
    }
    for required in ("external_id", "name", "kind"):
        columns.setdefault(required, [])
    return build_batch(columns, len(rows))


def _folder(folder: Mapping[str, Any], attributes: Mapping[str, Any], parent: str | None) -> dict[str, Any]:
    return {
        "external_id": folder["id"],
        "parent_id": parent,
        "name": _first(attributes, "name", "displayName") or folder["id"],
        "kind": Kind.FOLDER.value,
        "created_at": instant_of(attributes.get("createTime")),
        "modified_at": instant_of(attributes.get("lastModifiedTime")),  # the rollup would make every ancestor a change
        "owner": _first(attributes, "createUserName", "createUserId") or None,
        "link": _link(folder),
        "metadata": _metadata({"extension_type": _extension(attributes)}),
    }


def _item(
    item: Mapping[str, Any], attributes: Mapping[str, Any], tip: Mapping[str, Any], parent: str | None
) -> dict[str, Any] | None:
    version = part_of(tip, "attributes")
    if _last(_extension(version)) == DELETED:
        return None
    size = version.get("storageSize")
    known = size_of(size)
    bodiless = known is None and _last(_extension(attributes)) in DOCUMENTS
    reserved = attributes.get("reserved") is True
    return {
        "external_id": item["id"],
        "parent_id": parent,
        "name": _first(version, "name", "displayName") or _first(attributes, "displayName") or item["id"],
        "kind": (Kind.DOCUMENT if bodiless else Kind.FILE).value,
        "size": known,
        "mime_type": text_of(version.get("mimeType")),
        "created_at": instant_of(attributes.get("createTime")),
        "modified_at": instant_of(version.get("lastModifiedTime")),
        "version": version_of(tip),
        "owner": _first(attributes, "createUserName", "createUserId") or None,
        "link": _link(tip) or _link(item),
        "metadata": _metadata(
            {
                "extension_type": _extension(attributes),
                "file_type": text_of(version.get("fileType")),
                "reserved": reserved or None,
                "reserved_by": _first(attributes, "reservedUserName", "reservedUserId") if reserved else None,
                "tip_version_id": tip["id"],
            }
        ),
    }


def version_of(tip: Mapping[str, Any]) -> str | None:
    """Return what a row has as the version of an item with this tip version."""
    number = part_of(tip, "attributes").get("versionNumber")
    return tip["id"] if number is None else str(number)


def part_of(resource: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return what lies at these names, one in the other; nothing where there is no object."""
    found: object = resource
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _first(attributes: Mapping[str, Any], *names: str) -> str:
    texts = (text_of(attributes.get(name)) for name in names)
    return next((found for found in texts if found), "")


def _link(resource: Mapping[str, Any]) -> str | None:
    found = part_of(resource, "links", "webView").get("href")
    return text_of(found)


def _extension(attributes: Mapping[str, Any]) -> str | None:
    return text_of(part_of(attributes, "extension").get("type"))


def _last(extension: str | None) -> str:
    return (extension or "").rpartition(":")[2]


def _metadata(given: Mapping[str, Any]) -> str | None:
    kept = {name: value for name, value in given.items() if value is not None}
    return canonical_json(kept) if kept else None

"""Items of Box as rows of the inventory, and who was given access to them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.connectors.box.api import BoxApi, id_of
from filesync_dagster.connectors.rest.errors import Forbidden
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of, text_of
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import OUTSIDE, Kind, canonical_json
from filesync_dagster.core.schemas import build_batch

Item = Mapping[str, Any]

ROOT: Final = "0"
ROW_KINDS: Final = {"file": Kind.FILE, "folder": Kind.FOLDER, "web_link": Kind.SHORTCUT}
ROLES: Final = {
    "previewer": "reader",
    "viewer": "reader",
    "uploader": "writer",
    "previewer uploader": "writer",
    "viewer uploader": "writer",
    "editor": "writer",
    "co-owner": "writer",
    "owner": "owner",
}
"""Box's roles in the words that permissions of all stores have."""

LINK_FACTS: Final = ("url", "effective_access", "effective_permission", "is_password_enabled", "unshared_at")
"""What of a shared link changes only when somebody changes it: not how often it was used."""


def rows_of(
    items: Sequence[Item],
    scope: str,
    top: str,
    *,
    folders: Sequence[str] | None = None,
    permissions: Sequence[str | None] | None = None,
) -> pa.RecordBatch:
    """Return items in FILE_SCHEMA. `folders`: the numbers of those whose children were asked for, item by item.

    Each has an id; what else cannot be read is null, and a name that is none is the id.
    """
    ids = [str(id_of(item)) for item in items]
    names: list[str] = [text_of(item.get("name")) or one for item, one in zip(items, ids, strict=True)]
    kinds = [ROW_KINDS[item["type"]] for item in items]
    files = [item if kind is Kind.FILE else {} for item, kind in zip(items, kinds, strict=True)]
    # A folder's times and size follow from what is in it, of which no event of the folder tells.
    timed = [{} if kind is Kind.FOLDER else item for item, kind in zip(items, kinds, strict=True)]
    parents: Sequence[str | None] = folders or [_parent_number(item, top) for item in items]
    columns: dict[str, Any] = {
        "external_id": ids,
        "scope": [scope] * len(items),
        "parent_id": [_parent_id(parent, top) for parent in parents],
        "name": names,
        "path": names,
        "kind": [kind.value for kind in kinds],
        "size": sizes_of([item.get("size") for item in files]),
        "created_at": instants_of([item.get("created_at") for item in items]),
        "modified_at": instants_of([item.get("modified_at") for item in timed]),
        "version": [version_of(item) for item in items],
        "content_hash": [_content_hash(item) for item in files],
        "owner": [_login(item.get("owned_by")) for item in items],
        "link": [f"https://app.box.com/{item['type']}/{item['id']}" for item in items],
        "trashed": [False] * len(items),
        "metadata": [_metadata(item) for item in items],
    }
    if permissions is not None:
        columns["permissions"] = permissions
    return build_batch(columns, len(items))


def version_of(item: Item) -> str | None:
    """Return what proves that an item changed."""
    told = [text_of(item.get(name)) for name in ("sequence_id", "etag")]
    return "-".join(part or "" for part in told) if any(told) else None


def file_version_of(item: Item) -> str | None:
    """Return the id of the version of a file's content."""
    version = item.get("file_version")
    return text_of(version.get("id")) if isinstance(version, Mapping) else None


def _parent_number(item: Item, top: str) -> str | None:
    """Return the folder of an item. What was shared alone lies in none that the account sees: it is at the root."""
    parent = item.get("parent")
    if parent is None:
        return ROOT if top == ROOT else None
    return text_of(parent.get("id")) if isinstance(parent, Mapping) else None


def _parent_id(number: str | None, top: str) -> str | None:
    if number == top:
        return None
    return OUTSIDE if number is None else f"folder_{number}"


def _content_hash(item: Item) -> str | None:
    sha1 = text_of(item.get("sha1"))
    return f"sha1:{sha1.lower()}" if sha1 else None


def _login(person: object) -> str | None:
    return text_of(person.get("login")) if isinstance(person, Mapping) else None


def _metadata(item: Item) -> str | None:
    facts = {
        "file_version": file_version_of(item),
        "url": text_of(item.get("url")),
        "content_modified_at": text_of(item.get("content_modified_at")) if item["type"] == "file" else None,
    }
    told: dict[str, Any] = {name: fact for name, fact in facts.items() if fact}
    link = item.get("shared_link")
    if isinstance(link, Mapping) and link:
        told["shared_link"] = {name: link[name] for name in LINK_FACTS if link.get(name) is not None}
    raw = item.get("name")
    if isinstance(raw, str) and raw and raw != text_of(raw):
        told["name_hex"] = raw.encode("utf-8", "surrogatepass").hex()
    return canonical_json(told) if told else None


def permissions_of(api: BoxApi, items: Sequence[Item]) -> list[str | None]:
    """Return who was given access to each item itself, as canonical JSON; None where the account may not know.

    What is inherited stands at the folder that it was given to: so a change there is a change of one row.
    """
    return api.each(lambda item: _permissions_of(api, item), items)


def _permissions_of(api: BoxApi, item: Item) -> str | None:
    if item["type"] == "web_link":  # nobody can be invited to one
        return None
    found = [*_open_access(item)]
    if item.get("has_collaborations") is not False:
        try:
            collaborations = api.collaborations(str(id_of(item)))
        except (Forbidden, NotFound):  # may be seen, but not who else may; or it is gone by now
            return None
        found += [_grant_of(one) for one in collaborations if _is_given_to(one, item)]
    return canonical_json(sorted(found, key=lambda one: str(one.get("id"))))


def _is_given_to(collaboration: Item, item: Item) -> bool:
    """Whether a collaboration is of an item itself. One that is pending does not tell its item."""
    told = collaboration.get("item")
    return not isinstance(told, Mapping) or (told.get("type"), told.get("id")) == (item["type"], item["id"])


def _grant_of(collaboration: Item) -> dict[str, Any]:
    who = collaboration.get("accessible_by")
    person = who if isinstance(who, Mapping) else {}
    role = text_of(collaboration.get("role"))
    told = {
        "id": text_of(person.get("id")) or text_of(collaboration.get("id")),
        "type": text_of(person.get("type")) or "user",
        "role": ROLES.get(role or "", role),
        "box_role": role,
        "emailAddress": text_of(person.get("login")) or text_of(collaboration.get("invite_email")),
        "name": text_of(person.get("name")) if person.get("type") == "group" else None,
        "pending": True if collaboration.get("status") == "pending" else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _open_access(item: Item) -> list[dict[str, Any]]:
    """Return the access of anyone who has a shared link, where it is open and no password guards it."""
    link = item.get("shared_link")
    if not isinstance(link, Mapping) or link.get("effective_access") != "open" or link.get("is_password_enabled"):
        return []
    may_edit = link.get("effective_permission") == "can_edit"
    return [{"id": "anyoneWithLink", "type": "anyone", "role": "writer" if may_edit else "reader"}]

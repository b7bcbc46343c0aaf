"""Who may do what: members of shared folders, and of files that are shared by themselves. All else is the account's."""

from collections.abc import Mapping, Sequence
from typing import Any

from filesync_dagster.connectors.dropbox.api import DropboxApi
from filesync_dagster.connectors.dropbox.rows import Entry
from filesync_dagster.connectors.rest.answers import Answer, ids_in, list_in
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.connectors.rest.paging import follow_pages, next_token_in
from filesync_dagster.core.model import canonical_json


class Members:
    """Asks for the members of each shared folder once. Not thread-safe."""

    def __init__(self, api: DropboxApi) -> None:
        self._api = api
        self._own = ""
        self._known: dict[str, str | None] = {}

    def of(self, entries: Sequence[Entry]) -> list[str | None]:
        """Return the permissions of entries as canonical JSON; None where the account may not know them."""
        keys = [_key_of(entry) for entry in entries]
        unknown = sorted({key for key in keys if key and key not in self._known})
        self._known.update(zip(unknown, self._api.each(self._ask_for, unknown), strict=True))
        found = [self._known[key] if key else self._owner() for key in keys]
        for key in unknown:
            if key.startswith("id:"):  # of one file, which does not come again
                del self._known[key]
        return found

    def _owner(self) -> str:
        if not self._own:
            email = self._api.account().get("email")
            self._own = canonical_json([{"type": "user", "role": "owner", "emailAddress": email}])
        return self._own

    def _ask_for(self, key: str) -> str | None:
        if key.startswith("id:"):
            route, asked = "sharing/list_file_members", {"file": key, "include_inherited": True}
        else:
            route, asked = "sharing/list_folder_members", {"shared_folder_id": key}

        def ask(cursor: str | None) -> Answer:
            return self._api.ask(f"{route}/continue", {"cursor": cursor}) if cursor else self._api.ask(route, asked)

        def users(page: Answer) -> list[Answer]:
            return list_in(page, "users", self._api.where)

        try:
            pages = list(
                follow_pages(
                    ask,
                    lambda page: next_token_in(page, "cursor", self._api.where),
                    lambda page: ids_in(users(page), "user"),
                    self._api.where,
                )
            )
        except PART_FAILURES:  # may be seen, but not who else may; or it is gone by now
            return None
        return canonical_json(sorted((_member(one) for page in pages for one in _all(page)), key=str))


def _all(page: Answer) -> list[Any]:
    return [one for name in ("users", "groups", "invitees") for one in page.get(name) or ()]


def _member(told: Mapping[str, Any]) -> dict[str, Any]:
    user, group, invitee = (told.get(name) or {} for name in ("user", "group", "invitee"))
    found: dict[str, Any] = {"role": (told.get("access_type") or {}).get(".tag")}
    if group:
        found |= {"type": "group", "id": group.get("group_id"), "name": group.get("group_name")}
    else:
        found |= {"type": "user", "emailAddress": user.get("email") or invitee.get("email")}
    if told.get("is_inherited"):
        found["inherited"] = True
    return found


def _key_of(entry: Entry) -> str:
    """Return what is asked for: the file itself, or the shared folder that an entry is or lies in; else nothing."""
    if entry.get("has_explicit_shared_members") is True:
        return str(entry["id"])
    sharing = entry.get("sharing_info")
    told = sharing if isinstance(sharing, Mapping) else {}
    return str(told.get("shared_folder_id") or told.get("parent_shared_folder_id") or "")

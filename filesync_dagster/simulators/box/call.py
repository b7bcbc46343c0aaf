"""One call on its way, and the refusals of Box."""

from dataclasses import dataclass
from typing import Any

import orjson

from filesync_dagster.simulators.box.store import BoxItem, BoxStore
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import JSON, ServiceCall
from filesync_dagster.simulators.kit.wire import Answer

HELP = "http://developers.box.com/docs/#errors"


@dataclass(frozen=True)
class BoxGrant:
    """What an access token allows. `enterprise`: it speaks for the service account, with the right to read events."""

    enterprise: bool
    events: bool = True


@dataclass
class BoxCall(ServiceCall[BoxStore]):
    """What an operation works with. It holds the store's lock."""

    def item(self, kind: str, number: str = "", *, trashed: bool = False) -> BoxItem:
        """Return an item that the account may see; `trashed`: one that is in the trash. Raises Refusal."""
        found = self.store.entries.get(f"{kind}_{number or self.ids['id']}")
        if found is None or not found.seen:
            raise not_found(kind)
        if found.trashed != trashed:
            raise Refusal(404, "not_found" if trashed else "trashed", f"Item is {'not ' * trashed}trashed")
        return found

    def says(self, name: str) -> bool:
        """Return a parameter that is yes or no; Box's own SDK writes it in capitals."""
        return self.request.parameter(name).lower() == "true"

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """Return a parameter that is a number. Raises Refusal."""
        given = self.request.parameter(name)
        if not given:
            return default
        if not given.isascii() or not given.isdigit() or int(given) < least:
            raise bad_request(f"'{name}' is invalid")
        return min(int(given), most)


def not_found(what: str) -> Refusal:
    """Refuse what is not there, or what the account may not see: Box does not tell which."""
    return Refusal(404, "not_found", f"Not Found ({what})")


def bad_request(detail: str) -> Refusal:
    """Refuse what is asked the wrong way."""
    return Refusal(400, "bad_request", detail)


def refusal_answer(refusal: Refusal, request_id: str, headers: dict[str, str] | None = None) -> Answer:
    """Return a refusal as Box sends it; one of a token without a body."""
    if refusal.status == 401:  # noqa: PLR2004 - unauthorized
        told = f'Bearer realm="Service", error="invalid_token", error_description="{refusal.detail}"'
        return Answer(401, b"", {"www-authenticate": told})
    body = {
        "type": "error",
        "status": refusal.status,
        "code": refusal.code,
        "context_info": {"errors": []},
        "help_url": HELP,
        "message": refusal.detail,
        "request_id": request_id,
    }
    return Answer(refusal.status, orjson.dumps(body), {**JSON, **(headers or {})})


def refuse_marker(call: Any) -> None:
    """Refuse the marker or the stream position of a call, if that is what happens."""
    rule = call.faults.rule(Fault.EXPIRE_PAGE, Fault.LOSE_CURSOR)
    if rule:
        raise Refusal(rule.status or 400, rule.reason or "bad_request", "Bad Request: it is not good any longer")

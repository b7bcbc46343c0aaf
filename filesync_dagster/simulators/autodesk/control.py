"""What a demo does to a simulator that is served over HTTP. These paths are ours: Autodesk has nothing like them."""

from typing import Any

import orjson

from filesync_dagster.simulators.autodesk.refusals import Refusal
from filesync_dagster.simulators.autodesk.store import Store
from filesync_dagster.simulators.wire import Answer, Request

CONTROL_PATH = "/_simulator/"
ACTIONS = frozenset(
    [
        "hub",
        "project",
        "archive",
        "folder",
        "upload",
        "new_version",
        "rename",
        "move",
        "hide",
        "unhide",
        "purge",
        "reserve",
        "deny",
        "advance",
        "allow",
        "share",
        "unshare",
        "bulk",
    ]
)


def control(store: Store, request: Request) -> Answer:
    """POST an action with the arguments of the store's method as JSON, or GET the listing that a person sees."""
    action = request.path.removeprefix(CONTROL_PATH)
    if (request.method, action) == ("GET", "listing"):
        return _answer(200, store.listing(request.parameter("project") or None))
    if request.method != "POST" or action not in ACTIONS:
        return _answer(404, {"error": f"There is no {request.method} {action}."})
    try:
        arguments = orjson.loads(request.body or b"{}")
        return _answer(200, {"result": getattr(store, action)(**arguments)})
    except Refusal as refusal:
        return _answer(refusal.status, {"error": refusal.detail})
    except (TypeError, ValueError, KeyError) as error:
        return _answer(400, {"error": f"{action}: {error}"})


def _answer(status: int, body: Any) -> Answer:
    return Answer(status, orjson.dumps(body), {"content-type": "application/json"})

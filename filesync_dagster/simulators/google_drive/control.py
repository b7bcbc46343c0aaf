"""What drives a simulator that is served over HTTP. These paths are ours: Google has nothing like them."""

import inspect
from typing import Any

import orjson

from filesync_dagster.simulators.google_drive.store import Store
from filesync_dagster.simulators.wire import Answer, Request

CONTROL_PATH = "/_simulator/"
ACTIONS = frozenset(
    (
        "create",
        "edit",
        "rename",
        "move",
        "trash",
        "restore",
        "delete",
        "empty_trash",
        "share",
        "unshare",
        "revoke",
        "shared_drive",
        "rename_drive",
        "remove_drive",
        "bulk",
        "path_of",
    )
)


def control(store: Store, request: Request) -> Answer:
    """POST an action with the arguments of the store's method as JSON, or GET the listing that a person sees."""
    action = request.path.removeprefix(CONTROL_PATH)
    if (request.method, action) == ("GET", "listing"):
        action, arguments = "listing", dict(request.query)
    elif request.method == "POST" and action in ACTIONS:
        arguments = _arguments(request.body)
    else:
        return _answer(404, {"error": f"There is no {request.method} {action}."})
    method = getattr(store, action)
    try:
        inspect.signature(method).bind(**arguments)
        done = method(**arguments)
    except (TypeError, ValueError, AttributeError) as error:
        return _answer(400, {"error": f"{action}: {error}"})
    except KeyError as error:
        return _answer(404, {"error": f"{action}: there is no {error}."})
    return _answer(200, done if action == "listing" else {"result": done})


def _arguments(body: bytes) -> dict[str, Any]:
    try:
        arguments = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        return {"": "the body is not JSON"}
    if not isinstance(arguments, dict):
        return {"": "the body is not an object"}
    if isinstance(arguments.get("content"), str):
        arguments["content"] = arguments["content"].encode()
    return arguments


def _answer(status: int, body: Any) -> Answer:
    return Answer(status, orjson.dumps(body), {"content-type": "application/json"})

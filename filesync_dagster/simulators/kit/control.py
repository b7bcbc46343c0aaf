"""What drives a simulator that is served over HTTP. These paths are ours: no vendor has anything like them."""

import inspect
from collections.abc import Callable, Collection, Mapping
from typing import Any

import orjson

from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer, Request

CONTROL_PATH = "/_simulator/"
PORTAL_PATH = f"{CONTROL_PATH}portal"
FAULT_PATH = f"{CONTROL_PATH}fault"
CREDENTIALS_PATH = f"{CONTROL_PATH}credentials"
PORTAL = b"<!doctype html><html><head><title>Welcome</title></head><body><h1>Please sign in</h1></body></html>\n"


def answer_control(store: Any, request: Request, actions: Collection[str]) -> Answer:
    """POST an action with the arguments of the store's method as JSON, or GET the listing that a person sees.

    What the store refuses is answered with the status and the sentence of the refusal.
    """
    if request.path == PORTAL_PATH:
        return Answer(200, PORTAL, {"content-type": "text/html"})
    action = request.path.removeprefix(CONTROL_PATH)
    if (request.method, action) == ("GET", "listing"):
        arguments: dict[str, Any] = dict(request.query)
    elif request.method == "POST" and action in actions:
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
    except Refusal as refusal:
        return _answer(refusal.status, {"error": refusal.detail})
    return _answer(200, done if action == "listing" else {"result": done})


def answer_fault(plan: FaultPlan, request: Request) -> Answer:
    """Let one more thing go wrong: POST a rule of a fault plan as JSON."""
    arguments = _arguments(request.body)
    try:
        plan.add(Fault(arguments.pop("fault", "")), **arguments)
    except (TypeError, ValueError) as error:
        return _answer(400, {"error": f"fault: {error}"})
    return _answer(200, {"result": None})


def answer_credentials(of: Callable[[str], Mapping[str, Any]], request: Request) -> Answer:
    """Tell what an endpoint has to know to reach the simulator that was asked, its keys among it."""
    return _answer(200, of(f"http://{request.headers['host']}"))


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

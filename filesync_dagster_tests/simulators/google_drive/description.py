"""Holds every request and every answer of the simulator against Google's discovery document."""

import json
import re
from datetime import datetime
from importlib.resources import files

DOCUMENT = json.loads(
    files("googleapiclient").joinpath("discovery_cache", "documents", "drive.v3.json").read_text(encoding="utf-8")
)
TYPES = {"string": str, "boolean": bool, "array": list, "object": dict}


class Described:
    """A simulator whose traffic is checked; `calls` counts the calls of each method."""

    def __init__(self, simulator):
        self.simulator = simulator
        self.calls = {}

    def handle(self, request):
        answer = self.simulator.handle(request)
        method = method_of(request)
        if method is None or answer.fault or answer.status == 501:
            return answer
        self.calls[method["id"]] = self.calls.get(method["id"], 0) + 1
        if answer.status < 300:
            parameters = DOCUMENT["parameters"] | method.get("parameters", {})
            unknown = {name for name, _ in request.query} - parameters.keys()
            assert not unknown, f"{method['id']} accepted {unknown}"
            if dict(request.query).get("alt") == "media" or method["id"] == "drive.files.export":
                assert method["supportsMediaDownload"]
            elif "response" in method:
                check(json.loads(answer.body), method["response"], method["id"])
            else:
                assert (answer.status, answer.body) == (204, b"")
        else:
            check_error(json.loads(answer.body), answer.status)
        return answer


def method_of(request):
    """Return the description of the method that a request calls."""
    found = []
    for resource in DOCUMENT["resources"].values():
        for method in resource["methods"].values():
            pattern = re.sub(r"\{\w+\}", "[^/]+", method["path"])
            if method["httpMethod"] == request.method and re.fullmatch(f"/drive/v3/{pattern}", request.path):
                found.append(method)
    return min(found, key=lambda method: method["path"].count("{"), default=None)


def check(value, described, where):
    """Fail if a value is not as described, or has what is not described."""
    if "$ref" in described:
        described = DOCUMENT["schemas"][described["$ref"]]
    kind = described["type"]
    assert isinstance(value, TYPES[kind]), f"{where}: {value!r} is no {kind}"
    check_format(value, described.get("format"), where)
    if where.endswith(".kind"):
        assert value == described["default"], where
    if kind == "array":
        for number, one in enumerate(value):
            check(one, described["items"], f"{where}[{number}]")
    if kind == "object":
        extra = described.get("additionalProperties")
        properties = described.get("properties", {})
        for name, one in value.items():
            assert name in properties or extra, f"{where} has no {name}"
            check(one, properties.get(name, extra), f"{where}.{name}")


def check_format(value, form, where):
    """Fail if a number or a time is not written as described."""
    if form in {"int64", "uint64"}:
        assert re.fullmatch(r"-?\d+", value), f"{where}: {value!r}"
    if form == "date-time":
        assert datetime.fromisoformat(value).tzinfo is not None, f"{where}: {value!r}"


def check_error(body, status):
    """Fail unless a body is an error as Google words it."""
    assert set(body) == {"error"}
    error = body["error"]
    assert error["code"] == status
    assert error["message"]
    assert set(error) <= {"code", "message", "errors", "status"}
    [detail] = error["errors"]
    assert {"domain", "reason", "message"} <= set(detail) <= {"domain", "reason", "message", "location", "locationType"}
    assert ("location" in detail) == ("locationType" in detail)

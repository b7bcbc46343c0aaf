"""Google's own description of Drive v3, as google-api-python-client ships it: paths, parameters, schemas, scopes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from filesync_dagster.simulators.google_drive.problems import DriveRefusal, invalid, required_parameter
from filesync_dagster.simulators.kit.wire import Request

BOOLEANS = {"true": True, "t": True, "yes": True, "y": True, "1": True} | dict.fromkeys(
    ("false", "f", "no", "n", "0"), False
)


@dataclass(frozen=True)
class Method:
    """One call of the API."""

    name: str  # "files.list"
    verb: str
    path: re.Pattern[str]
    parameters: Mapping[str, Mapping[str, Any]]
    scopes: frozenset[str]
    answer: str | None  # the schema of what it returns

    def arguments(self, request: Request, found: Mapping[str, str]) -> dict[str, Any]:
        """Return the parameters of a request by name, parsed; raise Refusal for what Drive does not accept."""
        arguments: dict[str, Any] = {}
        for name, value in (*found.items(), *request.query):
            known = self.parameters.get(name)
            if known is None:
                raise unknown_parameter(name)
            if name in arguments or (value == "" and known["type"] == "string" and name != "fields"):
                continue  # of several the first counts, and an empty text is none; empty `fields` select nothing
            arguments[name] = parse_parameter(name, value, known)
        for name, known in self.parameters.items():
            if known.get("required") and name not in arguments:
                raise required_parameter(name)
            if "default" in known and name not in arguments:
                arguments[name] = parse_parameter(name, known["default"], known)
        return arguments


def unknown_parameter(name: str) -> DriveRefusal:
    """A query parameter that the method does not have."""
    message = (
        f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter. '
        f"Field '{name}' could not be found in request message."
    )
    return DriveRefusal(400, "badRequest", message, grpc_status="INVALID_ARGUMENT")


def badly_typed(name: str, value: str, kind: str) -> DriveRefusal:
    """A query parameter that is not of its type."""
    field = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    return DriveRefusal(
        400, "invalid", f"Invalid value at '{field}' ({kind}), \"{value}\"", grpc_status="INVALID_ARGUMENT"
    )


def parse_parameter(name: str, value: str, known: Mapping[str, Any]) -> Any:
    """Return the value of a parameter in its type."""
    if known["type"] == "boolean":
        if value.lower() not in BOOLEANS:
            raise badly_typed(name, value, "TYPE_BOOL")
        return BOOLEANS[value.lower()]
    if known["type"] == "integer":
        return _number(name, value, known)
    if "enum" in known and value not in known["enum"]:
        raise invalid(name)
    return value


def _number(name: str, value: str, known: Mapping[str, Any]) -> int:
    try:
        number = int(value)
    except ValueError:
        raise badly_typed(name, value, "TYPE_INT32") from None
    low, high = int(known.get("minimum", number)), int(known.get("maximum", number))
    if number < low:
        raise invalid(name, f"Invalid value '{number}'. Values must be within the range: [{low}, {high}]")
    return min(number, high)  # "values above … will be coerced", says the description


@cache
def document() -> dict[str, Any]:
    """Return the discovery document."""
    path = files("googleapiclient").joinpath("discovery_cache", "documents", "drive.v3.json")
    described: dict[str, Any] = orjson.loads(path.read_bytes())
    return described


@cache
def methods() -> tuple[Method, ...]:
    """Return every method of the API."""
    shared = document()["parameters"]
    found = []
    for resource, described in document()["resources"].items():
        for name, method in described["methods"].items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(method["path"]))
            found.append(
                Method(
                    f"{resource}.{name}",
                    method["httpMethod"],
                    re.compile(f"/{document()['servicePath']}{pattern}"),
                    shared | method.get("parameters", {}),
                    frozenset(method.get("scopes", ())),
                    method.get("response", {}).get("$ref"),
                )
            )
    # The fixed path before the one with a variable: changes/startPageToken is no file.
    return tuple(sorted(found, key=lambda method: method.path.pattern.count("(")))


def method_of(request: Request) -> tuple[Method, dict[str, str]] | None:
    """Return the method that a request calls, and what its path says."""
    for method in methods():
        match = method.path.fullmatch(request.path)
        if match and method.verb == request.method:
            return method, match.groupdict()
    return None


def schema(name: str) -> Mapping[str, Any]:
    """Return a schema of the document."""
    described: Mapping[str, Any] = document()["schemas"][name]
    return described

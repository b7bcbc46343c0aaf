"""The table of all operations. Routes and OpenAPI are both made from it, so neither can say what the other does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import models_json_schema

from filesync_dagster.web import messages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import BaseModel

REF = "#/components/schemas/{model}"
JSON, TEXT = "application/json", "text/plain"
LARGEST_BODY = 1_000_000
"""Bytes: providers send a few kilobytes at most, and a thousand names are forty."""

Schema = dict[str, Any]


@dataclass(frozen=True)
class Parameter:
    """A parameter in the query or the path."""

    name: str
    where: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})

    def document(self) -> Schema:
        """Return what OpenAPI says of it."""
        required = {"required": True} if self.where == "path" else {}
        return {
            "name": self.name,
            "in": self.where,
            "description": self.description,
            "schema": dict(self.schema),
            **required,
        }


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked. `answers` are the models of its answers by status; None is plain text."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    answers: Mapping[int, type[BaseModel] | None]
    body: type[BaseModel] | None = None
    parameters: Sequence[Parameter] = ()
    access: str = ""  # "read", "write", "notify", or nothing: anybody may
    anything: bool = False  # the body is whatever a store sends


NAME = Parameter("name", "path", "Of an endpoint.", {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}$"})
MANY_NAMES = Parameter(
    "endpoint",
    "query",
    "Of these endpoints only; may be repeated.",
    {"type": "array", "items": {"type": "string", "minLength": 1}},
)
RUNS = Parameter(
    "run_id",
    "query",
    "Tell of these runs too, as Dagster knows them; may be repeated.",
    {"type": "array", "maxItems": 100, "items": {"type": "string", "minLength": 1}},
)
TROUBLE = {404: messages.Problem, 409: messages.Problem, 503: messages.Problem}
LAUNCH_ANSWERS: dict[int, type[BaseModel] | None] = {
    202: messages.Launched,
    400: messages.Problem,
    413: messages.Problem,
    415: messages.Problem,
    **TROUBLE,
}

OPERATIONS = (
    Operation(
        "health", "GET", "/health", "How everything is doing",
        "Database, snapshots, Dagster (when it is known where) and the last look at every endpoint. 503 when a part "
        "that everything needs is failing; an endpoint that fails only degrades it.",
        {200: messages.Health, 503: messages.Health},
    ),
    Operation(
        "ready", "GET", "/ready", "Whether requests can be answered",
        "The configuration can be read and the database answers.",
        {200: messages.Readiness, 503: messages.Readiness},
    ),
    Operation(
        "metrics", "GET", "/metrics", "Metrics for Prometheus",
        "In the text format of Prometheus, or as OpenMetrics when that is preferred.",
        {200: None},
    ),
    Operation(
        "openapi", "GET", "/openapi.json", "This description", "OpenAPI 3.1.", {200: messages.Document},
    ),
    Operation(
        "endpoints", "GET", "/endpoints", "Every endpoint", "The entries of endpoints.yaml, without secrets.",
        {200: messages.Endpoints, 503: messages.Problem}, access="read",
    ),
    Operation(
        "sync_status", "GET", "/sync/status", "How the syncs are doing",
        "What `filesync status --json` tells; and, for those who launched runs, what became of them.",
        {200: messages.SyncStates, 400: messages.Problem, 404: messages.Problem, 503: messages.Problem},
        parameters=(MANY_NAMES, RUNS), access="read",
    ),
    Operation(
        "sync_initial", "POST", "/sync/initial", "List everything anew",
        "Launches a Dagster run that lists endpoints from the start.",
        LAUNCH_ANSWERS, body=messages.SyncOrder, access="write",
    ),
    Operation(
        "sync_incremental", "POST", "/sync/incremental", "Bring endpoints up to date",
        "Launches a Dagster run that asks stores what changed, or lists those that cannot tell.",
        LAUNCH_ANSWERS, body=messages.SyncOrder, access="write",
    ),
    Operation(
        "approve", "POST", "/endpoints/{name}/approve", "Commit a held sync",
        "As `filesync approve`: what the guard held is committed as it was observed.",
        {200: messages.Decided, **TROUBLE}, parameters=(NAME,), access="write",
    ),
    Operation(
        "reject", "POST", "/endpoints/{name}/reject", "Forget a held sync",
        "As `filesync reject`: the inventory stays as it is.",
        {200: messages.Decided, **TROUBLE}, parameters=(NAME,), access="write",
    ),
    Operation(
        "webhook", "POST", "/webhooks/{name}", "Tell that something changed",
        "For notifications of MinIO and S3, Google Drive and Autodesk, and for people. Asks for a sync, which "
        "Dagster launches. Who sends it proves to know the secret of the endpoint, or the token of the API.",
        {200: messages.Hint, 202: messages.Hint, 400: messages.Problem, 413: messages.Problem, **TROUBLE},
        parameters=(NAME,), access="notify", anything=True,
    ),
)  # fmt: skip

SECURITY: dict[str, list[dict[str, list[str]]]] = {
    "read": [{"token": []}],
    "write": [{"token": []}],
    "notify": [{"token": []}, {"autodesk": []}, {"drive": []}],
}


def document() -> Schema:
    """Return the description of the whole API."""
    models = sorted({m for o in OPERATIONS for m in (*o.answers.values(), o.body, messages.Problem) if m}, key=str)
    _, schemas = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    paths: dict[str, Schema] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "filesync",
            "version": version("filesync-dagster"),
            "description": "Health, metrics, syncs and notifications of a filesync installation.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "FILESYNC_API_TOKEN."},
                "autodesk": {
                    "type": "apiKey", "in": "header", "name": "x-adsk-signature",
                    "description": "HMAC-SHA1 of the body with the secret of the endpoint.",
                },
                "drive": {
                    "type": "apiKey", "in": "header", "name": "x-goog-channel-token",
                    "description": "The secret of the endpoint, with x-goog-channel-id.",
                },
            },
        },
    }  # fmt: skip


def _operation(operation: Operation) -> Schema:
    found: Schema = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "responses": {str(status): _answer(status, model) for status, model in _answers(operation).items()},
    }
    if operation.parameters:
        found["parameters"] = [parameter.document() for parameter in operation.parameters]
    if operation.body:
        found["requestBody"] = {"content": {JSON: {"schema": _ref(operation.body)}}, "required": False}
    elif operation.anything:
        found["requestBody"] = {"content": {JSON: {"schema": {"type": "object"}}}, "required": False}
    if operation.access:
        found["security"] = SECURITY[operation.access]
    return found


def _answers(operation: Operation) -> dict[int, type[BaseModel] | None]:
    refusals: dict[int, type[BaseModel] | None] = {}
    if operation.access:
        refusals[401] = messages.Problem
    if operation.access in {"write", "notify"}:
        refusals[403] = messages.Problem
    return dict(sorted({**operation.answers, **refusals}.items()))


def _answer(status: int, model: type[BaseModel] | None) -> Schema:
    text = {"schema": {"type": "string"}}
    content = {TEXT: text, "application/openmetrics-text": text} if model is None else {JSON: {"schema": _ref(model)}}
    return {"description": DESCRIPTIONS[status], "content": content}


def _ref(model: type[BaseModel]) -> Schema:
    return {"$ref": REF.format(model=model.__name__)}


DESCRIPTIONS = {
    200: "Done.",
    202: "Accepted: it will be done.",
    400: "The request was not understood.",
    401: "The token or the signature is missing or wrong.",
    403: "Nobody may: there is no token.",
    404: "There is nothing of this name.",
    409: "It cannot be done as things are.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    503: "The database or Dagster is not to be had.",
}

"""Autodesk's own descriptions, and the judgement of answers by them."""

from copy import deepcopy
from pathlib import Path

import jsonschema
import pytest
import yaml
from referencing import Registry
from referencing.jsonschema import DRAFT4

SPECS = Path(__file__).parents[3].parent / "shared" / "specs"

SCHEMAS = "#/components/schemas"
CORRECTIONS = (
    (
        ("ItemAttributes", "properties", "lastModifiedTimeRollup"),
        {"type": "string"},
        "the description's own examples of items have it",
    ),
    (
        ("ItemTip", "properties", "links"),
        {"$ref": f"{SCHEMAS}/json_api_links_self"},
        "its own example has `self`, as every other document",
    ),
    (
        ("CreatedVersion", "properties", "data", "properties", "relationships"),
        {"$ref": f"{SCHEMAS}/VersionData/properties/relationships"},
        "Autodesk's tutorial on deleting files shows them",
    ),
    (
        ("CreatedVersion", "properties", "included", "items"),
        {"$ref": f"{SCHEMAS}/ItemData"},
        "its own example shows ordinary items, the schema a `self` within `self`",
    ),
)
"""Where the description is wrong about what Autodesk sends, and how we know."""


def description(name):
    """Return a description as a document; skip the test where it is not at hand."""
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"Autodesk's description {name} is not beside this repository")
    return yaml.load(path.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))


class Description:
    """A description whose schemas allow nothing that they do not mention."""

    def __init__(self, name):
        self.document = description(name)
        self._strict = _strict(_corrected(deepcopy(self.document)))
        resource = DRAFT4.create_resource(self._strict)
        self._registry = Registry().with_resource("urn:autodesk", resource)

    def operations(self):
        """Return the operations by their names: method, path, and what the description says."""
        return {
            operation["operationId"]: (method.upper(), path, operation, entry.get("parameters", []))
            for path, entry in self.document["paths"].items()
            for method, operation in entry.items()
            if method in {"get", "post", "patch", "put", "delete"}
        }

    def parameters(self, operation, place):
        """Return the parameters of an operation that belong into the path, the query or a header."""
        _, _, described, shared = self.operations()[operation]
        found = [self._followed(parameter) for parameter in (*shared, *described.get("parameters", []))]
        return {parameter["name"]: parameter for parameter in found if parameter["in"] == place}

    def judge(self, operation, status, document):
        """Fail unless a document is what the description says of an operation's answer."""
        method, path, _, _ = self.operations()[operation]
        responses = self._strict["paths"][path][method.lower()]["responses"]
        assert str(status) in responses, f"{operation} never answers {status}"
        self._validate(self._followed(responses[str(status)])["content"]["application/json"]["schema"], document)

    def judge_as(self, schema, document):
        """Fail unless a document fits a schema of the description."""
        self._validate({"$ref": f"#/components/schemas/{schema}"}, document)

    def _validate(self, schema, document):
        schema = deepcopy(schema)
        if "$ref" in schema:
            schema["$ref"] = f"urn:autodesk{schema['$ref']}"
        else:
            schema = _absolute(schema)
        jsonschema.Draft4Validator(schema, registry=self._registry).validate(document)

    def _followed(self, node):
        while "$ref" in node:
            target = self._strict
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            node = target
        return node


def _absolute(node):
    if isinstance(node, dict):
        return {
            key: f"urn:autodesk{value}" if key == "$ref" and isinstance(value, str) else _absolute(value)
            for key, value in node.items()
        }
    return [_absolute(value) for value in node] if isinstance(node, list) else node


def _corrected(document):
    schemas = document["components"]["schemas"]
    for (schema, *names, last), better, _ in CORRECTIONS:
        node = schemas.get(schema)
        for name in names if node else ():
            node = node[name]
        if node:
            node[last] = better
    for schema in schemas.values():
        # The description wants objects in extension.data; its examples show texts, booleans and lists there.
        data = schema.get("properties", {}).get("data", {})
        if isinstance(data.get("additionalProperties"), dict):
            data["additionalProperties"] = True
    return document


def _strict(node):
    if isinstance(node, list):
        return [_strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    strict = {key: _strict(value) for key, value in node.items() if key not in {"example", "x-examples"}}
    if isinstance(node.get("properties"), dict) and node.get("type", "object") == "object":
        strict.setdefault("additionalProperties", False)
    return strict

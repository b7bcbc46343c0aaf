"""The types of the API for the console: console/src/api/types.d.ts, made of the same description as /openapi.json."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HEADER = """\
// Written by `make docs` from the API (filesync_dagster/web): change it there.
"""

BASIC = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def console_types() -> str:
    """Return the types of everything that the API takes and answers."""
    from filesync_dagster.web.app import FilesyncApp
    from filesync_dagster.web.site import ConfigHolder, Site

    described = FilesyncApp(Site(ConfigHolder(Path("endpoints.yaml")), Path(".filesync"))).openapi()
    return types_of(described)


def types_of(described: dict[str, Any]) -> str:
    """Return the types of an OpenAPI description."""
    schemas = described["components"]["schemas"]
    answers = set(_reachable(schemas, _bodies(described, "responses")))
    parts = [HEADER]
    for name, schema in sorted(schemas.items()):
        parts.append(f"export type {_identifier(name)} = {_type(schema, all_there=name in answers)};\n")
    parts.append("export interface Operations {")
    parts += [
        f'  "{method.upper()} {path}": {_operation(operation)};'
        for path, methods in sorted(described["paths"].items())
        for method, operation in sorted(methods.items())
    ]
    parts.append("}\n")
    return "\n".join(parts)


def _bodies(described: dict[str, Any], side: str) -> Iterator[Any]:
    for methods in described["paths"].values():
        for operation in methods.values():
            yield operation.get(side, {})


def _reachable(schemas: dict[str, Any], bodies: Iterator[Any]) -> Iterator[str]:
    """Yield the names of all schemas that something refers to, however far away."""
    known: set[str] = set()
    waiting = list(bodies)
    while waiting:
        for name in _references(waiting.pop()):
            if name not in known:
                known.add(name)
                waiting.append(schemas[name])
                yield name


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rpartition("/")[2]
        for one in value.values():
            yield from _references(one)
    elif isinstance(value, list):
        for one in value:
            yield from _references(one)


def _operation(operation: dict[str, Any]) -> str:
    parameters = operation.get("parameters", [])
    sides = {side: "; ".join(_parameter(one) for one in parameters if one["in"] == side) for side in ("path", "query")}
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    parts = [f"{side}: {{ {fields} }}" for side, fields in sides.items() if fields]
    parts += [f"body: {_type(content['schema'], all_there=False)}"] if content.get("schema") else []
    done = next((one for status, one in sorted(operation["responses"].items()) if status.startswith("2")), {})
    schema = done.get("content", {}).get("application/json", {}).get("schema")
    parts.append(f"answer: {_type(schema, all_there=True) if schema else 'unknown'}")
    return f"{{ {'; '.join(parts)} }}"


def _parameter(one: dict[str, Any]) -> str:
    optional = "" if one.get("required") else "?"
    return f"{json.dumps(one['name'])}{optional}: {_type(one['schema'], all_there=False)}"


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


def _type(schema: Any, *, all_there: bool) -> str:
    """Return the type of a value. `all_there`: of what we answer, no field is left out."""
    if not isinstance(schema, dict):
        return "unknown"
    if "$ref" in schema:
        return _identifier(schema["$ref"].rpartition("/")[2])
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    for word, sign in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if word in schema:
            found = [_type(one, all_there=all_there) for one in schema[word]]
            return f"({sign.join(dict.fromkeys(found))})"
    return _plain_type(schema, all_there=all_there)


def _plain_type(schema: dict[str, Any], *, all_there: bool) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}, all_there=all_there) for one in kind)
    if kind == "array":
        return f"Array<{_type(schema.get('items'), all_there=all_there)}>"
    if kind == "object" or "properties" in schema:
        return _object(schema, all_there=all_there)
    return BASIC.get(kind or "", "unknown")


def _object(schema: dict[str, Any], *, all_there: bool) -> str:
    properties = schema.get("properties", {})
    if not properties:
        more = schema.get("additionalProperties")
        return f"Record<string, {_type(more, all_there=all_there) if isinstance(more, dict) else 'unknown'}>"
    required = set(properties) if all_there else set(schema.get("required", ()))
    fields = (
        f"{json.dumps(name)}{'' if name in required else '?'}: {_type(one, all_there=all_there)}"
        for name, one in properties.items()
    )
    return f"{{ {'; '.join(fields)} }}"

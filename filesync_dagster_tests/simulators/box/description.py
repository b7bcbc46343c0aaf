"""Box's own description, and the judgement of answers by it."""

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry
from referencing.jsonschema import DRAFT202012

SPEC = Path(__file__).parents[3].parent / "shared" / "specs" / "box_openapi.json"
ADDRESS = "urn:box"


@cache
def described():
    """Return Box's description; skip the test where it is not at hand."""
    if not SPEC.exists():
        pytest.skip("Box's description is not beside this repository")
    # It requires "accessed" of a shared link and describes "access"; a web link without one says null, as a file does.
    found = json.loads(SPEC.read_bytes().replace(b'"accessed"', b'"access"'))
    found["components"]["schemas"]["WebLink"]["allOf"][1]["properties"]["shared_link"]["nullable"] = True
    return _nullable(found)


def judge(schema, document):
    """Fail unless a document is what Box describes, and has nothing else."""
    resource = DRAFT202012.create_resource(described())
    wanted = {"$ref": f"{ADDRESS}#/components/schemas/{schema}", "unevaluatedProperties": False}
    registry = Registry().with_resource(ADDRESS, resource)
    wrong = [*jsonschema.Draft202012Validator(wanted, registry=registry).iter_errors(document)]
    assert not wrong, [f"{error.json_path}: {error.message}" for error in wrong]


def operation(path, method="get"):
    """Return what Box describes of a call."""
    return described()["paths"][path][method]


def _nullable(node):
    """Return a description whose schemas say in JSON Schema's words what may be null, and where one of many fits.

    Those of its alternatives overlap: what is a file is also a generic source of an event.
    """
    if isinstance(node, list):
        return [_nullable(each) for each in node]
    if not isinstance(node, dict):
        return node
    found = {"anyOf" if name == "oneOf" else name: _nullable(each) for name, each in node.items()}
    if found.get("nullable") is True and ("type" in found or "allOf" in found or "anyOf" in found):
        return {"anyOf": [{name: each for name, each in found.items() if name != "nullable"}, {"type": "null"}]}
    return found

"""Microsoft's own description of Graph (CSDL): which properties a type has, and of which types they are."""

import re
from pathlib import Path
from xml.etree import ElementTree as ET

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def is_whole(value):
    """Whether a value is a number of that kind."""
    return isinstance(value, int) and not isinstance(value, bool)


PLAIN = {
    "Edm.String": lambda value: isinstance(value, str),
    "Edm.Boolean": lambda value: isinstance(value, bool),
    "Edm.Int32": is_whole,
    "Edm.Int64": is_whole,
    "Edm.DateTimeOffset": lambda value: isinstance(value, str) and MOMENT.fullmatch(value),
}
"""Whether a value is one of a type that has no parts."""


BESIDES = {"identity": {"email": "Edm.String"}}
"""What is not described, and is in the examples of Microsoft's documentation, and in every answer."""


class GraphDescription:
    """The types of the description. Reading it takes a second."""

    def __init__(self, path: Path) -> None:
        self.types, self.bases, self.enums = {}, {}, {}
        for _, node in ET.iterparse(path):
            kind, name = node.tag.removeprefix(EDM), node.get("Name")
            if kind in {"EntityType", "ComplexType"}:
                self.types[name] = {one.get("Name"): one.get("Type") for one in node if "Property" in one.tag}
                self.bases[name] = (node.get("BaseType") or "").rpartition(".")[2]
                node.clear()
            elif kind == "EnumType":
                self.enums[name] = {one.get("Name") for one in node if one.tag.endswith("Member")}

    def properties(self, name):
        """Return the properties of a type, inherited ones too."""
        above = self.properties(self.bases[name]) if self.bases[name] else {}
        return {**above, **self.types[name], **BESIDES.get(name, {})}

    def problems(self, value, kind, where=""):
        """Return what of a value is not as the description has its type; annotations (`@…`) are not described."""
        inner = re.fullmatch(r"Collection\((.*)\)", kind)
        name = kind.rpartition(".")[2]
        if inner:
            return [
                one for index, each in enumerate(value) for one in self.problems(each, inner[1], f"{where}/{index}")
            ]
        if kind in PLAIN:
            return [] if PLAIN[kind](value) else [f"{where} is {value!r}, no {kind}"]
        if name in self.enums:
            return [] if value in self.enums[name] else [f"{where} is {value!r}, none of {self.enums[name]}"]
        known = self.properties(name)
        told = {key: one for key, one in value.items() if "@" not in key}
        unknown = [f"{where}/{key} is no property of {name}" for key in told.keys() - known.keys()]
        inside = (self.problems(told[key], known[key], f"{where}/{key}") for key in told.keys() & known.keys())
        return [*unknown, *(one for each in inside for one in each)]

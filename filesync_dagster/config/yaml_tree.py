"""YAML as plain values plus the line of each of them, with `${NAME}` references filled in.

PyYAML's C parser composes the node graph (a thousand endpoints in a fraction of a second); the safe constructor makes
the values. Nothing here knows what the values mean.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
REFERENCE = re.compile(r"\$(?:(\$)\{|\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})")


@dataclass
class YamlTree:
    """A document: its value, the line of each path, and what is wrong with it as (line, path, sentence)."""

    value: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[tuple[int, Path, str]] = field(default_factory=list)

    def line(self, path: Path) -> int:
        """Return the line of the path, or of the nearest thing that contains it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, variables: Mapping[str, str]) -> YamlTree:
    """Parse one document. A syntax error is a problem, not an exception."""
    tree = YamlTree()
    try:
        root = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        tree.problems.append(
            ((mark.line + 1) if mark else 1, (), f"this is not YAML: {error.problem or error.context}")
        )
        return tree
    except yaml.YAMLError as error:  # a character that YAML does not allow
        position = getattr(error, "position", 0)
        tree.problems.append(
            (text.count("\n", 0, position) + 1, (), f"this is not YAML: {getattr(error, 'reason', error)}")
        )
        return tree
    if root is not None:
        tree.value = _build(root, (), tree, variables, frozenset())
    return tree


def with_entries_of(
    earlier: str, text: str, names: Mapping[str, Collection[str]], variables: Mapping[str, str]
) -> str | None:
    """Return a document in whose lists the entries with some names are those of an earlier one.

    `names`: those of each list. References stay as they are written. None: it cannot be written.
    """
    root, old = (yaml.compose(one, Loader=_loader()) for one in (text, earlier))
    assert isinstance(root, yaml.MappingNode)  # both were read, and have lists
    assert isinstance(old, yaml.MappingNode)
    for key, wanted in names.items():
        if wanted:
            ours = [node for node, name in _named(root, key, text, variables) if name not in wanted]
            theirs = [node for node, name in _named(old, key, earlier, variables) if name in wanted]
            kept = yaml.SequenceNode("tag:yaml.org,2002:seq", [*ours, *theirs])
            others = [(at, node) for at, node in root.value if at.value != key]
            root.value = [*others, (yaml.ScalarNode("tag:yaml.org,2002:str", key), kept)]
    try:
        return str(yaml.serialize(root, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True))
    except yaml.YAMLError:
        return None


def _named(root: yaml.MappingNode, key: str, text: str, variables: Mapping[str, str]) -> list[tuple[yaml.Node, str]]:
    """Return the entries of a list, each with its name."""
    values = parse(text, variables).value.get(key)
    if not isinstance(values, list):
        return []
    [nodes] = [node.value for at, node in root.value if at.value == key][-1:]
    return [
        (node, str(value.get("name")) if isinstance(value, dict) else "")
        for node, value in zip(nodes, values, strict=True)
    ]


def _loader() -> Any:
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _build(node: yaml.Node, path: Path, tree: YamlTree, variables: Mapping[str, str], above: frozenset[int]) -> Any:
    line = node.start_mark.line + 1
    tree.lines.setdefault(path, line)
    if id(node) in above:
        tree.problems.append((line, path, "this alias contains itself"))
        return None
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, tree, variables, above)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, i), tree, variables, above) for i, child in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)  # the third and last kind
    return _scalar(node, path, tree, variables)


def _mapping(
    node: yaml.MappingNode, path: Path, tree: YamlTree, variables: Mapping[str, str], above: frozenset[int]
) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key_node, child in node.value:
        key = str(getattr(key_node, "value", key_node))
        line = key_node.start_mark.line + 1
        if key == "<<" and isinstance(child, yaml.MappingNode):  # a merge key: what is written here wins
            value = {**_mapping(child, path, tree, variables, above), **value}
            continue
        if (*path, key) in tree.lines and key in value:
            tree.problems.append(
                (line, (*path, key), f"{key!r} is given twice; the first is on line {tree.lines[*path, key]}")
            )
        tree.lines[*path, key] = line
        value[key] = _build(child, (*path, key), tree, variables, above)
    return value


def _scalar(node: yaml.ScalarNode, path: Path, tree: YamlTree, variables: Mapping[str, str]) -> Any:
    line = node.start_mark.line + 1
    if node.tag == "tag:yaml.org,2002:str":
        return _filled_in(node.value, line, path, tree, variables)
    constructor = yaml.SafeLoader("")
    try:
        return constructor.construct_object(node)
    except (yaml.YAMLError, ValueError, LookupError, AttributeError) as error:  # the last two: `!!bool maybe`
        tree.problems.append((line, path, f"{node.value!r} cannot be read: {getattr(error, 'problem', error)}"))
        return None


def _filled_in(text: str, line: int, path: Path, tree: YamlTree, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        escaped, name, default = match.groups()
        if escaped:
            return "${"
        if name in variables and (variables[name] or default is None):
            return variables[name]
        if default is not None:
            return default
        tree.problems.append(
            (line, path, f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        )
        return ""

    return REFERENCE.sub(value, text)

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
MAX_BYTES = 16_000_000
"""Of a document. A thousand endpoints are a third of a megabyte."""

MAX_DEPTH = 50
"""How deep lists and mappings may lie in each other; endpoints.yaml needs six."""

MAX_VALUES = 1_000_000
"""In a document, with what its aliases repeat."""

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
        if too_large := _too_large(text):
            tree.problems.append(too_large)
            return tree
        root = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = (mark.line + 1) if mark else 1
        tree.problems.append((line, (), f"this is not YAML: {_syntax_error(error, text, line)}"))
        return tree
    except yaml.YAMLError as error:  # a character that YAML does not allow
        position = getattr(error, "position", 0)
        tree.problems.append(
            (text.count("\n", 0, position) + 1, (), f"this is not YAML: {getattr(error, 'reason', error)}")
        )
        return tree
    if root is not None:
        try:
            tree.value = _build(root, (), tree, variables, frozenset())
        except _TooManyValues:
            tree.value = None
            tree.problems.append((1, (), f"with what its aliases repeat, this has more than {MAX_VALUES:,} values"))
    return tree


class _TooManyValues(Exception):
    """A document whose aliases repeat each other grows without end."""


def _too_large(text: str) -> tuple[int, Path, str] | None:
    """Return the problem of a document that is larger or deeper than any configuration, told without building it."""
    if len(text) > MAX_BYTES:
        return 1, (), f"this is larger than {MAX_BYTES / 1e6:.0f} MB; a configuration never is"
    depth = 0
    for found in yaml.parse(text, Loader=_loader()):  # one after the other, without recursion
        if isinstance(found, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                mark = found.start_mark
                return (
                    mark.line + 1 if mark else 1,
                    (),
                    f"lists and mappings lie more than {MAX_DEPTH} deep in each other",
                )
        elif isinstance(found, yaml.CollectionEndEvent):
            depth -= 1
    return None


def _syntax_error(error: yaml.MarkedYAMLError, text: str, line: int) -> str:
    """Return what is wrong, and the remedy for what people do most."""
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return "a tab begins this line; indent with spaces"
    problem = str(error.problem or error.context)
    if "alias" in problem or "alias" in str(error.context) or re.search(r"(?:^|[\s\[,:-])[*&][^\s]*[*/.]", written):
        return "a value that begins with * or & must be quoted: write '**/*.tmp'"
    if "tab" in problem or "'\\t'" in problem:
        return "there is a tab here; write spaces"
    return problem


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
    if len(tree.lines) > MAX_VALUES:
        raise _TooManyValues
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
    own: dict[str, int] = {}
    for key_node, child in node.value:
        key = str(getattr(key_node, "value", key_node))
        line = key_node.start_mark.line + 1
        if key == "<<":  # a merge key: what is written here wins
            for merged in child.value if isinstance(child, yaml.SequenceNode) else [child]:
                value = {**_merge(merged, path, tree, variables, above), **value}
            continue
        if key in own:
            tree.problems.append((line, (*path, key), f"{key!r} is given twice; the first is on line {own[key]}"))
        own[key] = line
        tree.lines[*path, key] = line
        value[key] = _build(child, (*path, key), tree, variables, above)
    return value


def _merge(
    node: yaml.Node, path: Path, tree: YamlTree, variables: Mapping[str, str], above: frozenset[int]
) -> dict[str, Any]:
    """Return the mapping that a merge key names."""
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        tree.problems.append((line, path, "`<<` merges mappings: write `<<: *alias`"))
        return {}
    if id(node) in above:
        tree.problems.append((line, path, "this alias contains itself"))
        return {}
    return _mapping(node, path, tree, variables, above | {id(node)})


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
            return variables[name].strip()  # a line break at the end is what `$(cat secret)` or an editor left there
        if default is not None:
            return default
        tree.problems.append(
            (line, path, f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        )
        return ""

    return REFERENCE.sub(value, text)

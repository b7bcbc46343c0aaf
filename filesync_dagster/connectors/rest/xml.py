"""Answers in XML: parsed once, read as columns. Nothing in them is believed that could rewrite what they say."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lxml import etree

from filesync_dagster.connectors.rest.errors import ASK_LATER
from filesync_dagster.core.errors import ProtocolViolation, SourceError, TemporarilyDown

Texts: TypeAlias = Sequence[str | None]

UNPRINTABLE = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|[xX]0*(?:[0-8bBcCeEfF]|1[0-9a-fA-F]));"
)
"""Characters that XML cannot have, in a store that writes them into its keys all the same."""

STAND_IN = 0x10FF00  # … and where in the private area those lie that are parsed in their place
STAND_INS = {STAND_IN + code: chr(code) for code in range(0x20)}
ANY_STAND_IN = re.compile(rb"\xf4\x8f\xbc[\x80-\x9f]")
FIRST_TAG = re.compile(rb"\s*(?:<[?!][^>]*>\s*)*<([^\s>/]+)")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class XmlAnswer:
    """A parsed answer. `mended`: characters stand in for those that XML cannot have."""

    root: etree._Element
    mended: bool = False

    def text(self, name: str) -> str | None:
        """Return the text of a child of the root, None if it is absent or empty."""
        namespace = etree.QName(self.root).namespace
        return self.root.findtext(f"{{{namespace}}}{name}" if namespace else name) or None

    @property
    def name(self) -> str:
        """The name of the root."""
        return etree.QName(self.root).localname


def parse_xml(
    body: bytes,
    wanted: frozenset[str],
    where: str,
    *,
    what: str,
    hint: str,
    error_in: Callable[[XmlAnswer], SourceError],
) -> XmlAnswer:
    """Return an answer whose root is one of those wanted. `error_in`: what an answer means that is an error.

    Raises what can be asked again as that: an answer may break off, or be an error with 200.
    """
    try:
        answer = parse_loosely(body)
    except (etree.XMLSyntaxError, ValueError) as exc:
        if not _is_whole(body):
            raise TemporarilyDown(f"{where} broke off {what}.", hint=ASK_LATER) from exc
        raise ProtocolViolation(f"{where} sent {what} that is not XML ({str(exc).rstrip('.')}).", hint=hint) from exc
    if answer.name == "Error":
        raise error_in(answer)
    # A document type could rewrite the keys.
    if answer.name not in wanted or answer.root.getroottree().docinfo.internalDTD is not None:
        raise ProtocolViolation(f"{where} sent <{answer.name}> instead of {what}.", hint=hint)
    return answer


def parse_loosely(body: bytes) -> XmlAnswer:
    """Return an answer, be it with characters that XML cannot have. Raises lxml's XMLSyntaxError, and ValueError."""
    body = body.removeprefix(BYTE_ORDER_MARK)
    try:
        return XmlAnswer(etree.fromstring(body, _parser()))
    except etree.XMLSyntaxError:
        mended = UNPRINTABLE.sub(_stand_in, body)
        if mended == body or ANY_STAND_IN.search(body):
            raise
        return XmlAnswer(etree.fromstring(mended, _parser()), mended=True)


def error_answer(body: bytes) -> XmlAnswer | None:
    """Return an answer that tells of an error; None where the body is anything else."""
    try:
        answer = XmlAnswer(etree.fromstring(body.removeprefix(BYTE_ORDER_MARK), _parser()))
    except (etree.XMLSyntaxError, ValueError):
        return None
    return answer if answer.name == "Error" else None


def text_finders(row: str, paths: Mapping[str, str], namespace: str | None = None) -> Mapping[str, Any]:
    """Return the compiled searches for the columns of rows; `row` and `paths` are steps, with slashes between them."""
    ns = {"s": namespace} if namespace else None
    found: dict[str, Any] = {"elements": etree.XPath(_prefixed(row, namespace), namespaces=ns)}
    found["rows"] = etree.XPath(f"count({_prefixed(row, namespace)})", namespaces=ns)
    for name, steps in paths.items():
        rows, path = _prefixed(row, namespace), _prefixed(steps, namespace)
        found[f"one {name}"] = etree.XPath(f"not({rows}[count({path})!=1])", namespaces=ns)
        tags = [f"{{{namespace}}}{step}" if namespace else step for step in steps.split("/")]
        found[f"tag {name}"] = "/".join(tags)
        found[f"leaf {name}"] = tags[-1]
    return found


def find_column(find: Mapping[str, Any], name: str, root: etree._Element, rows: int) -> Texts:
    """Return the text of a child of every row, None where a row has none."""
    # Elements by their tag are quickest, and right when there are no others of it and every row has exactly one.
    elements = list(root.iter(find[f"leaf {name}"]))
    if not elements:
        return [None] * rows
    if len(elements) == rows and find[f"one {name}"](root):
        return [element.text or "" for element in elements]
    return [row.findtext(find["tag " + name]) for row in find["elements"](root)]


def _prefixed(steps: str, namespace: str | None) -> str:
    return "/".join(f"s:{step}" for step in steps.split("/")) if namespace else steps


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def _stand_in(found: re.Match[bytes]) -> bytes:
    text = found[0]
    if len(text) == 1:
        code = text[0]
    else:
        digits = text[2:-1]
        code = int(digits[1:], 16) if digits[:1] in b"xX" else int(digits)
    return chr(STAND_IN + code).encode()


def _is_whole(body: bytes) -> bool:
    """Whether an answer ends as it began: with the end of its first element."""
    begun = FIRST_TAG.match(body.removeprefix(BYTE_ORDER_MARK))
    return begun is not None and body.rstrip().endswith(b"</" + begun[1] + b">")

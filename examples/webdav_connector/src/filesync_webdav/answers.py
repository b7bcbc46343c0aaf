"""What a server tells of a folder: the multistatus of RFC 4918, read an element at a time.

What cannot be trusted raises; an entry that lacks what it is known by is a gap of its folder. No entity is expanded
and no document type believed: either could rewrite names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from urllib.parse import unquote_to_bytes, urlsplit

from lxml import etree

from filesync_dagster.connectors.rest.errors import ASK_LATER
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.core.errors import ProtocolViolation, TemporarilyDown
from filesync_dagster.core.model import ListingGap

DAV: Final = "{DAV:}"
RESPONSE: Final = f"{DAV}response"
CHECKSUMS: Final = "{http://owncloud.org/ns}checksums"
SCOPE: Final = ""
NO_WEBDAV: Final = "Check url: it must be the address of a WebDAV server, as that server spells it."
ASK_FOR: Final = (
    b'<?xml version="1.0" encoding="utf-8"?>\n'
    b'<D:propfind xmlns:D="DAV:" xmlns:oc="http://owncloud.org/ns"><D:prop><D:resourcetype/><D:displayname/>'
    b"<D:getcontentlength/><D:getcontenttype/><D:getlastmodified/><D:creationdate/><D:getetag/><oc:checksums/>"
    b"</D:prop></D:propfind>"
)
"""What is asked of every entry; a server leaves out what it does not know."""

GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class DavEntry:
    """A file or folder as the server tells of it. `name` is raw; texts are None where they are absent."""

    name: bytes  # of the folder that was asked for: empty
    is_folder: bool
    size: str | None = None
    mime_type: str | None = None
    modified: str | None = None
    created: str | None = None
    etag: str | None = None
    checksums: str | None = None


@dataclass(frozen=True, slots=True)
class DavFolder:
    """What was asked for, and with Depth 1 what is in it."""

    itself: DavEntry
    children: list[DavEntry]
    gaps: list[ListingGap]


def folder_of(body: bytes, asked: str, where: str, path: str) -> DavFolder:
    """Parse an answer to PROPFIND of the address `asked`; `path` is that of the folder, for gaps. Raises SourceError.

    An answer without the folder itself is none: something that knows nothing of it would look like an empty folder.
    """
    top = _segments(asked) or []
    itself: DavEntry | None = None
    children: dict[bytes, DavEntry] = {}
    gaps = []
    for response in _responses(body, where):
        found = _entry_of(response, top, path)
        if isinstance(found, ListingGap):
            gaps.append(found)
        elif found is not None and not found.name:
            _require_whole(response, where)
            itself = found
        elif found is not None:
            children[found.name] = found
    if itself is None:
        raise ProtocolViolation(f"{where} did not tell of what it was asked for.", hint=NO_WEBDAV)
    return DavFolder(itself, [*children.values()], gaps)


def _responses(body: bytes, where: str) -> Iterator[etree._Element]:
    """Yield each response of a multistatus; what was read is forgotten. Raises SourceError."""
    parser = etree.iterparse(
        BytesIO(body), events=("start", "end"), resolve_entities=False, no_network=True, remove_comments=True,
        remove_pis=True,
    )  # fmt: skip
    try:
        _, root = next(parser)
        if root.tag != f"{DAV}multistatus" or root.getroottree().docinfo.internalDTD is not None:
            name = etree.QName(root).localname
            raise ProtocolViolation(f"{where} sent <{name}> instead of a multistatus.", hint=NO_WEBDAV)
        for event, element in parser:
            if event == "end" and element.getparent() is root:
                if element.tag == RESPONSE:
                    yield element
                element.clear()
                while element.getprevious() is not None:
                    del root[0]
    except (etree.XMLSyntaxError, StopIteration) as exc:
        raise TemporarilyDown(f"{where} broke off its answer, or sent no XML.", hint=ASK_LATER) from exc


def _entry_of(response: etree._Element, top: list[bytes], path: str) -> DavEntry | ListingGap | None:
    """Return the entry of a response; a gap where it cannot be told, and None where it is gone."""
    address, status = response.findtext(f"{DAV}href"), _status_of(response.findtext(f"{DAV}status"))
    told = {**_properties(response), "href": address, "status": None if status is None else str(status)}
    href = _segments(address)
    if href is None or not _is_within(href, top):
        return gap_without("an address in its folder", _texts(told), scope=SCOPE, path=path)
    name = href[-1] if len(href) > len(top) else b""
    if status in GONE and name:
        return None
    kind = told.get(f"{DAV}resourcetype")
    if not isinstance(kind, bool):
        if not name:
            return DavEntry(b"", is_folder=False)
        return gap_without("a resource type", _texts(told), scope=SCOPE, path=path)
    return DavEntry(
        name,
        kind,
        size=_text(told, "getcontentlength"),
        mime_type=_text(told, "getcontenttype"),
        modified=_text(told, "getlastmodified"),
        created=_text(told, "creationdate"),
        etag=_text(told, "getetag"),
        checksums=_text(told, CHECKSUMS),
    )


def _require_whole(response: etree._Element, where: str) -> None:
    """Raise where a server says that its answer has not all of a folder (507), or refuses the folder."""
    status = _status_of(response.findtext(f"{DAV}status"))
    if status is not None and status != 200:  # noqa: PLR2004 - as it is known
        raise ProtocolViolation(f"{where} told only a part of it (HTTP {status}).", hint="Ask its administrator why.")


def _properties(response: etree._Element) -> dict[str, str | bool | None]:
    """Return what a response tells with success: texts, and whether it is a folder."""
    found: dict[str, str | bool | None] = {}
    for propstat in response.iterfind(f"{DAV}propstat"):
        if _status_of(propstat.findtext(f"{DAV}status")) not in {None, 200}:
            continue
        for one in propstat.iterfind(f"{DAV}prop/*"):
            if one.tag == f"{DAV}resourcetype":
                found[one.tag] = one.find(f"{DAV}collection") is not None
            else:
                found[str(one.tag)] = "".join(map(str, one.itertext())).strip() or None
    return found


def _status_of(line: str | None) -> int | None:
    """Return the number in a status line, None where there is none."""
    words = (line or "").split()
    return int(words[1]) if len(words) > 1 and words[1].isascii() and words[1].isdecimal() else None


def _segments(address: str | None) -> list[bytes] | None:
    """Return the raw names of the path of an address; None where it has none that can be trusted."""
    try:
        path = urlsplit(address or "").path
    except ValueError:
        return None
    if not path.startswith("/"):
        return None
    names = [unquote_to_bytes(name) for name in path.split("/") if name]
    return None if any(name in {b".", b".."} or b"/" in name for name in names) else names


def _is_within(names: list[bytes], top: list[bytes]) -> bool:
    return names[: len(top)] == top and len(names) <= len(top) + 1


def _text(told: dict[str, str | bool | None], name: str) -> str | None:
    value = told.get(name if name.startswith("{") else f"{DAV}{name}")
    return value if isinstance(value, str) else None


def _texts(told: dict[str, str | bool | None]) -> dict[str, str | bool | None]:
    return {name.rpartition("}")[2]: value for name, value in told.items()}

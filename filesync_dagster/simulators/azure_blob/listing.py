"""List Blobs: pages in the order of names, behind opaque markers."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from email.utils import formatdate
from itertools import takewhile
from urllib.parse import quote
from xml.sax.saxutils import escape

from filesync_dagster.simulators.azure_blob.store import AzureBlobStore, StoredBlob
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import ServiceCall

PAGE_MAX = 5_000
RANGES_VERSION = "2026-06-06"
"""The first version of the protocol in which a listing can begin at a name."""
LIST_FAULTS = frozenset({Fault.SHORT_PAGE, Fault.EMPTY_PAGE, Fault.SHORT_ANSWER})
FIRST_CHARACTER, NO_CHARACTERS = 0x20, frozenset("\ufffe\uffff")
ALLOWED = frozenset("\t\n")


@dataclass
class BlobPage:
    """What one page has, and from which name on the next one is asked for; None at the end."""

    blobs: list[StoredBlob] = field(default_factory=list)
    folders: dict[str, None] = field(default_factory=dict)
    following: bytes | None = None


def list_blobs(call: ServiceCall[AzureBlobStore]) -> bytes:
    """Answer a page, as bent as the plan wants it."""
    asked = call.request.parameter
    begin, turn = _begun(call)
    page = _page(call, begin, _limit(call))
    lossy = call.faults.rule(Fault.SHORT_ANSWER)
    if lossy and page.blobs:
        page.blobs = call.faults.lose(page.blobs, lossy)
    marker = "" if page.following is None else _marker(page.following, 0)
    if call.faults.rule(Fault.REPEAT_PAGE):
        marker = _marker(begin, turn + 1)
    elif call.faults.rule(Fault.REPEAT_TOKEN) and marker:
        marker = asked("marker")
    rows = [_blob_xml(blob) for blob in page.blobs]
    rows += [f"<BlobPrefix>{name_xml(folder)}</BlobPrefix>" for folder in page.folders]
    return (
        '\ufeff<?xml version="1.0" encoding="utf-8"?>'
        f'<EnumerationResults ContainerName="{call.ids["container"]}"><Prefix>{escape(asked("prefix"))}</Prefix>'
        f"<Blobs>{''.join(rows)}</Blobs><NextMarker>{marker}</NextMarker></EnumerationResults>"
    ).encode()


def _limit(call: ServiceCall[AzureBlobStore]) -> int:
    told = call.request.parameter("maxresults", str(PAGE_MAX))
    if not told.isdecimal() or int(told) == 0:
        raise Refusal(400, "OutOfRangeQueryParameterValue", "maxresults is outside the permissible range.")
    if call.faults.rule(Fault.EMPTY_PAGE):
        return 0
    limit = min(int(told), PAGE_MAX)
    return max(1, limit // 3) if call.faults.rule(Fault.SHORT_PAGE) else limit


def _begun(call: ServiceCall[AzureBlobStore]) -> tuple[bytes, int]:
    """Return the name that a page begins at, and how often it was asked for. Raises Refusal."""
    marker, begin = call.request.parameter("marker"), call.request.parameter("startFrom")
    if begin and call.request.headers.get("x-ms-version", "") < RANGES_VERSION:
        raise Refusal(400, "InvalidQueryParameterValue", "Value for one of the query parameters is invalid.")
    if not marker:
        return max(begin.encode(), call.request.parameter("prefix").encode()), 0
    if call.faults.rule(Fault.EXPIRE_PAGE):
        raise Refusal(400, "InvalidQueryParameterValue", "The marker is no longer good.")
    try:
        name, _, turn = urlsafe_b64decode(marker).rpartition(b"!")
        return name, int(turn)
    except ValueError:
        raise Refusal(400, "InvalidQueryParameterValue", "The marker is none.") from None


def _page(call: ServiceCall[AzureBlobStore], begin: bytes, limit: int) -> BlobPage:
    prefix, delimiter = call.request.parameter("prefix"), call.request.parameter("delimiter")
    page, home = BlobPage(), call.store.find(call.ids["container"])
    for blob in takewhile(lambda blob: blob.name.startswith(prefix), home.begin(begin)):
        cut = blob.name.find(delimiter, len(prefix)) if delimiter else -1
        folder = blob.name[: cut + len(delimiter)] if cut >= 0 else ""
        if folder in page.folders:
            continue
        if len(page.blobs) + len(page.folders) >= limit:
            page.following = blob.name.encode()
            break
        if folder:
            page.folders[folder] = None
        else:
            page.blobs.append(blob)
    return page


def _marker(name: bytes, turn: int) -> str:
    return urlsafe_b64encode(name + b"!%d" % turn).decode()


def _blob_xml(blob: StoredBlob) -> str:
    told = {
        "Creation-Time": formatdate(blob.created / 1000, usegmt=True),
        "Last-Modified": formatdate(blob.modified / 1000, usegmt=True),
        "Etag": blob.etag.strip('"'),
        "Content-Length": str(blob.size),
        "Content-Type": blob.content_type,
        "Content-MD5": blob.md5,
        "BlobType": "BlockBlob",
        "AccessTier": "Hot",
        "LeaseStatus": "unlocked",
        "LeaseState": "available",
    }
    properties = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in told.items())
    return f"<Blob>{name_xml(blob.name)}<Properties>{properties}</Properties></Blob>"


def name_xml(name: str) -> str:
    """Return a name; one with characters that XML has not comes percent-encoded, and says so."""
    odd = any((ord(one) < FIRST_CHARACTER and one not in ALLOWED) or one in NO_CHARACTERS for one in name)
    return f'<Name Encoded="true">{quote(name, safe="")}</Name>' if odd else f"<Name>{escape(name)}</Name>"

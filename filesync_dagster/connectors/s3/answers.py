"""The XML of an S3 store as columns. Everything that makes an answer untrustworthy is found here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote_to_bytes

from lxml import etree

from filesync_dagster.connectors.s3.errors import TRY_PROVIDER, S3Refusal
from filesync_dagster.connectors.s3.quirks import Quirks
from filesync_dagster.core.errors import ProtocolViolation

Texts = Sequence[str | None]

LIST_ROOTS = frozenset({"ListBucketResult"})
VERSION_ROOTS = frozenset({"ListVersionsResult", "ListBucketVersionsResult"})


@dataclass(frozen=True, slots=True)
class S3Listing:
    """One page of a listing: columns of equal length, in the order of the answer."""

    keys: list[bytes]
    modified: Texts
    etags: Texts
    sizes: Texts
    storage_classes: Texts
    checksums: Texts
    owners: Texts
    truncated: bool
    token: str | None  # NextContinuationToken
    prefixes: list[bytes] = field(default_factory=list)  # common prefixes

    def between(self, start: int, stop: int) -> "S3Listing":
        """Return the rows from `start` up to, not including, `stop`."""
        part = slice(start, stop)
        return S3Listing(
            keys=self.keys[part],
            modified=self.modified[part],
            etags=self.etags[part],
            sizes=self.sizes[part],
            storage_classes=self.storage_classes[part],
            checksums=self.checksums[part],
            owners=self.owners[part],
            truncated=self.truncated,
            token=self.token,
        )

    def rows(self, numbers: Sequence[int]) -> "S3Listing":
        """Return some rows."""
        return S3Listing(
            keys=[self.keys[row] for row in numbers],
            modified=[self.modified[row] for row in numbers],
            etags=[self.etags[row] for row in numbers],
            sizes=[self.sizes[row] for row in numbers],
            storage_classes=[self.storage_classes[row] for row in numbers],
            checksums=[self.checksums[row] for row in numbers],
            owners=[self.owners[row] for row in numbers],
            truncated=self.truncated,
            token=self.token,
        )


@dataclass(frozen=True, slots=True)
class S3Version:
    """One version of a key, or a marker that it was deleted."""

    key: bytes
    modified: str
    latest: bool
    deleted: bool
    version_id: str
    etag: str | None = None
    size: str | None = None
    storage_class: str | None = None
    checksum: str | None = None


@dataclass(frozen=True, slots=True)
class VersionListing:
    """One page of a listing of versions."""

    versions: list[S3Version]
    truncated: bool
    key_marker: str | None  # as the store gave it, decoded
    version_marker: str | None


def listing_of(body: bytes, quirks: Quirks, where: str) -> S3Listing:
    """Parse an answer to ListObjects or ListObjectsV2. Raises ProtocolViolation."""
    root = _root(body, LIST_ROOTS, where)
    find = _finders(etree.QName(root).namespace)
    decode = _key_decoder(root, quirks)
    rows = int(find["rows"](root))
    keys = find_column(find, "Key", root, rows)
    if any(not key for key in keys):
        raise ProtocolViolation(f"{where} listed an object without a key.", hint=TRY_PROVIDER)
    listing = S3Listing(
        keys=decode(keys),
        modified=find_column(find, "LastModified", root, rows),
        etags=find_column(find, "ETag", root, rows),
        sizes=find_column(find, "Size", root, rows),
        storage_classes=find_column(find, "StorageClass", root, rows),
        checksums=find_column(find, "ChecksumAlgorithm", root, rows),
        owners=find_column(find, "Owner", root, rows),
        truncated=_flag(root, "IsTruncated", where),
        token=_text(root, "NextContinuationToken"),
        prefixes=decode(find["prefixes"](root)),
    )
    said = _text(root, "KeyCount")
    if said is not None and said != str(rows + len(listing.prefixes)):
        raise ProtocolViolation(f"{where} announced {said} keys and sent {rows}.", hint=TRY_PROVIDER)
    return listing


def versions_of(body: bytes, quirks: Quirks, where: str) -> VersionListing:
    """Parse an answer to ListObjectVersions. Raises ProtocolViolation."""
    root = _root(body, VERSION_ROOTS, where)
    decode = _key_decoder(root, quirks)
    versions = [
        _version(element, decode, where)
        for element in root
        if etree.QName(element).localname in {"Version", "DeleteMarker"}
    ]
    marker = _text(root, "NextKeyMarker")
    return VersionListing(
        versions,
        truncated=_flag(root, "IsTruncated", where),
        key_marker=decode([marker])[0].decode("utf-8", "surrogateescape") if marker else None,
        version_marker=_text(root, "NextVersionIdMarker"),
    )


def refusal_of(status: int, headers: Mapping[str, str], body: bytes) -> S3Refusal:
    """Return what an answer other than 200 says; the body may be anything."""
    code, message, region = "", "", headers.get("x-amz-bucket-region")
    try:
        root = etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is not None and etree.QName(root).localname == "Error":
        code, message = _text(root, "Code") or "", _text(root, "Message") or ""
        region = region or _text(root, "Region")
    return S3Refusal(status, code, message, region, headers.get("retry-after"))


def find_column(find: Mapping[str, Any], name: str, root: etree._Element, rows: int) -> Texts:
    """Return the text of a child of every row, None where a row has none."""
    # Plain lists of text are quickest, and right when every row has exactly one such child and it is not empty.
    texts: list[str] = find[name](root)
    if len(texts) == rows and find[f"one {name}"](root):
        return texts
    if not texts:
        return [None] * rows
    return [row.findtext(find["tag " + name]) for row in find["elements"](root)]


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)


def _root(body: bytes, wanted: frozenset[str], where: str) -> etree._Element:
    try:
        root = etree.fromstring(body, _parser())
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise ProtocolViolation(
            f"{where} sent a listing that is not XML ({str(exc).rstrip('.')}).", hint=TRY_PROVIDER
        ) from exc
    name = etree.QName(root).localname
    if (
        name not in wanted or root.getroottree().docinfo.internalDTD is not None
    ):  # a document type could rewrite the keys
        raise ProtocolViolation(f"{where} sent <{name}> instead of a listing.", hint=TRY_PROVIDER)
    return root


@cache
def _finders(namespace: str | None) -> Mapping[str, Any]:
    """Return the compiled searches for a listing in a namespace (stores differ in that too)."""
    prefix, ns = ("s3:", {"s3": namespace}) if namespace else ("", None)
    row = f"{prefix}Contents"
    found: dict[str, Any] = {
        "rows": etree.XPath(f"count({row})", namespaces=ns),
        "elements": etree.XPath(row, namespaces=ns),
        "prefixes": etree.XPath(f"{prefix}CommonPrefixes/{prefix}Prefix/text()", namespaces=ns, smart_strings=False),
    }
    for name in ("Key", "LastModified", "ETag", "Size", "StorageClass", "ChecksumAlgorithm", "Owner"):
        steps = (name, "ID") if name == "Owner" else (name,)
        path = "/".join(prefix + step for step in steps)
        found[name] = etree.XPath(f"{row}/{path}/text()", namespaces=ns, smart_strings=False)
        found[f"one {name}"] = etree.XPath(f"not({row}[count({path})!=1])", namespaces=ns)
        found[f"tag {name}"] = "/".join((f"{{{namespace}}}" if namespace else "") + step for step in steps)
    return found


def _key_decoder(root: etree._Element, quirks: Quirks) -> Callable[[Texts], list[bytes]]:
    """Return what turns the text of keys into their bytes: stores that encoded them say so in the answer."""
    if (_text(root, "EncodingType") or "").lower() != "url":
        return lambda texts: [(text or "").encode() for text in texts]
    plus = quirks.plus_is_space

    def decode(text: str | None) -> bytes:
        text = text or ""
        if plus and "+" in text:
            text = text.replace("+", " ")
        return unquote_to_bytes(text) if "%" in text else text.encode()

    return lambda texts: [decode(text) for text in texts]


def _version(element: etree._Element, decode: Callable[[Texts], list[bytes]], where: str) -> S3Version:
    fields = {etree.QName(child).localname: child.text for child in element}
    key, modified = fields.get("Key"), fields.get("LastModified")
    if not key or not modified:
        raise ProtocolViolation(f"{where} listed a version without a key or a time.", hint=TRY_PROVIDER)
    return S3Version(
        key=decode([key])[0],
        modified=modified,
        latest=fields.get("IsLatest") == "true",
        deleted=etree.QName(element).localname == "DeleteMarker",
        version_id=fields.get("VersionId") or "null",
        etag=fields.get("ETag"),
        size=fields.get("Size"),
        storage_class=fields.get("StorageClass"),
        checksum=fields.get("ChecksumAlgorithm"),
    )


def _flag(root: etree._Element, name: str, where: str) -> bool:
    text = (_text(root, name) or "").strip().lower()
    if text not in {"true", "false"}:
        raise ProtocolViolation(f"{where} did not say whether the listing goes on ({name}).", hint=TRY_PROVIDER)
    return text == "true"


def _text(root: etree._Element, name: str) -> str | None:
    """Return the text of a child of the root, None if it is absent or empty."""
    namespace = etree.QName(root).namespace
    return root.findtext(f"{{{namespace}}}{name}" if namespace else name) or None

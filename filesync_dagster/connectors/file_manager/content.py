"""What is sent to a file manager, and whether what it has is that."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from filesync_dagster.connectors.destination import (
    DestinationFacts,
    DestinationFile,
    Precondition,
    Proof,
    Receipt,
    Upload,
    foreign_error,
    is_expected,
    require_possible_name,
)
from filesync_dagster.connectors.file_manager.answers import SaveAnswer
from filesync_dagster.connectors.file_manager.api import SaveCall
from filesync_dagster.connectors.file_manager.forms import DEFAULT_TYPE, header_text
from filesync_dagster.core.content import DIGESTS, ContentStream, Hasher
from filesync_dagster.core.errors import ContentMismatch, NameImpossible, ProtocolViolation
from filesync_dagster.core.model import from_storable_text

MAX_METADATA_BYTES: Final = 64 << 10
IDENTITY: Final = ("source", "source_id", "source_version")
"""Tags that say which file of which source it is, and at which version."""


@dataclass(slots=True)
class SentContent:
    """What is sent: at once (`data`), or as it comes. `sha256`: the hash of all of it, once it is known."""

    upload: Upload
    content: ContentStream
    data: bytes | None = None
    sha256: str | None = None
    size: int = 0

    def blocks(self) -> Iterator[bytes]:
        """Yield the content, hashed on the way; the last block if it is what was announced. Raises ContentMismatch."""
        announced = {name: self.upload.tags[name] for name in DIGESTS if name in self.upload.tags}
        known = self.content.hasher.hexdigests  # that are computed there already
        hasher = Hasher(*(name for name in ("sha256", *announced) if name not in known))
        held = b""
        for block in self.content:
            hasher.update(block)
            if held:
                yield held
            held = block
        digests = {**self.content.hasher.hexdigests, **hasher.hexdigests}
        self.sha256, self.size = digests["sha256"], hasher.length
        if self.upload.size not in (None, self.size):
            raise ContentMismatch(f"{self.size:,} of {self.upload.size:,} bytes of {self.upload.path} came.")
        for name, digest in announced.items():
            if digests[name] != digest.lower():
                raise ContentMismatch(f"The content of {self.upload.path} has another {name} than was announced.")
        if held:
            yield held


def call_for(operation: str, path: str, upload: Upload) -> SaveCall:
    """Return the call that sends a file: with whose it is, so that it can be told again."""
    metadata = dict(upload.tags)
    if "source_version" in metadata:
        metadata.setdefault("etag", metadata["source_version"])
    if upload.modified_at is not None:
        metadata["modified_at"] = upload.modified_at.isoformat()
    text = json.dumps(metadata, sort_keys=True)
    if len(text) > MAX_METADATA_BYTES:
        raise ProtocolViolation(f"What is to be told of {upload.path} is more than a form may hold.")
    file_type = header_text(upload.mime_type or "", DEFAULT_TYPE)
    return SaveCall(operation, path, size=upload.size, file_type=file_type, metadata=text)


def wire_path(path: str, facts: DestinationFacts, *, slash: bool) -> str:
    """Return a path as it is sent. Raises NameImpossible for one that a file manager cannot have."""
    require_possible_name(path, facts)
    try:
        text = from_storable_text(path).decode()
    except UnicodeError as error:
        raise NameImpossible(
            f"{path} cannot be written: it is no UTF-8.", hint="Rename it, or filter it out."
        ) from error
    return f"/{text}" if slash else text


def require_expected(path: str, found: DestinationFile | None, expected: Precondition | None) -> None:
    """Raise Foreign when what is at a path is not what was expected there."""
    if not is_expected(found, expected):
        raise foreign_error(path, found, expected)


def has_content(found: DestinationFile, sent: SentContent) -> bool:
    """Tell whether a server that knows its files has what is sent: by the hash, else by size and version."""
    upload = sent.upload
    if found.size is not None and upload.size is not None and found.size != upload.size:
        return False
    sha256 = sent.sha256 or upload.tags.get("sha256")
    if found.content_hash is not None and sha256 is not None:
        return found.content_hash == f"sha256:{sha256.lower()}"
    return is_same_version(found, upload) and found.size is not None


def is_same_version(found: DestinationFile, upload: Upload) -> bool:
    """Tell whether what is there was sent by us, for the same version of the same file."""
    return all(upload.tags.get(name) and upload.tags[name] == found.tags.get(name) for name in IDENTITY)


def version_of(answer: SaveAnswer) -> str | None:
    """Return what tells a content from another: its hash, else the version of its source and its size."""
    if answer.stored_sha256:
        return f"sha256:{answer.stored_sha256}"
    version = answer.metadata.get("source_version") or answer.metadata.get("etag") or ""
    return None if answer.size is None else f"{version}:{answer.size}"


def receipt_of(found: DestinationFile | None) -> Receipt:
    """Return a receipt for what is there. Of a server that invents its answers nothing is known."""
    if found is None or found.size is None:
        return Receipt(version=None, size=0, content_hash=None, proof=Proof.ACKNOWLEDGED)
    return Receipt(
        version=found.version,
        size=found.size,
        content_hash=found.content_hash,
        proof=Proof.HASH if found.content_hash else Proof.SIZE,
        internal_id=found.internal_id,
    )

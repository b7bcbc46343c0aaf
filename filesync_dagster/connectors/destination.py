"""What a destination is: a store that files are written to, told apart from a `Source`, which lists them.

The docstrings here are the contract; `filesync_dagster.testing.DestinationSuite` holds every destination to it. All
paths are relative to the root of the destination, with `/` between names and no slash at either end.

Every method raises SourceError (a store did not do what was asked; `retryable` says whether again can help):
`Foreign` when something is there that is not what was expected, `NameImpossible` for a name that it cannot hold,
`DestinationFull` when it has no room. None of them leaves half a file under a name that was asked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Protocol, runtime_checkable

from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.errors import ContentMismatch, Foreign, NameImpossible, SourceError
from filesync_dagster.core.model import ConnectionReport, from_storable_text

TRASH_FOLDER: Final = ".filesync-trash"
"""Below the root: where deleted files go, in a folder for each day. Listings and plans leave it out."""

PART_SUFFIX: Final = ".filesync-part"
"""The end of the name of what is not complete yet. Listings and plans leave it out."""


ASIDE_SUFFIX: Final = ".filesync-aside"
"""The end of the name of what makes room for another file while it waits for its own place."""


class Proof(StrEnum):
    """How it is known that a destination holds what was sent."""

    HASH = "hash"  # the store told a hash of all it holds, and it is ours
    READBACK = "readback"  # it was read again
    SIZE = "size"  # the store told how many bytes it holds
    ACKNOWLEDGED = "acknowledged"  # it said yes


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationFacts:
    """Facts about a destination that planning must know. No I/O."""

    atomic_replace: bool  # readers see the old content or the new one, never anything between
    rename: bool  # a file moves in one step, without its bytes
    server_copy: bool  # implements CopyingDestination
    resumable: bool  # implements ResumableDestination
    folders: bool  # has folders of their own, which may be empty
    conditional: bool  # the store itself refuses a write onto something else than expected
    permissions: bool  # set_permissions works
    trash: bool  # moving to the trash costs no bytes
    lists: bool  # `list` tells what is there
    hashes: tuple[str, ...] = ()  # algorithms that it needs of what is sent: "md5", "sha256"
    case_sensitive: bool = True
    max_name_bytes: int | None = None  # of one name
    max_path_bytes: int | None = None
    max_size: int | None = None  # bytes of a file
    forbidden_characters: str = ""  # in names, besides NUL and the slash
    forbidden_names: frozenset[str] = frozenset()  # in small letters, with or without an extension: "con"
    forbidden_endings: str = ""  # characters that a name may not end with
    keeps_dots: bool = False  # "." and ".." and an empty name are names like others (object stores)


def name_problem(path: str, facts: DestinationFacts) -> str | None:
    """Return why a destination cannot hold a path, as the end of a sentence; None when it can.

    >>> facts = DestinationFacts(
    ...     atomic_replace=True, rename=True, server_copy=False, resumable=False, folders=True, conditional=True,
    ...     permissions=False, trash=True, lists=True, max_name_bytes=255, forbidden_names=frozenset({"con"}),
    ... )
    >>> name_problem("a/../b", facts), name_problem("a/CON.txt", facts), name_problem("a/b", facts)
    ("it has the name '..'", "it has the name 'CON.txt'", None)
    """
    names = path.split("/")
    raw = [from_storable_text(name) for name in names]
    if not path:
        return "it is empty"
    if names[0] == TRASH_FOLDER or names[-1].endswith(PART_SUFFIX):
        return f"{TRASH_FOLDER} and names that end with {PART_SUFFIX} are filesync's own"
    if not facts.keeps_dots and (odd := next((name for name in names if name in {"", ".", ".."}), None)) is not None:
        return f"it has the name {odd!r}"
    if facts.max_name_bytes is not None and max(map(len, raw)) > facts.max_name_bytes:
        return f"a name in it has more than {facts.max_name_bytes} bytes"
    if facts.max_path_bytes is not None and sum(map(len, raw)) + len(raw) - 1 > facts.max_path_bytes:
        return f"it has more than {facts.max_path_bytes:,} bytes"
    return next((problem for name in names if (problem := _character_problem(name, facts))), None)


def _character_problem(name: str, facts: DestinationFacts) -> str | None:
    if not facts.keeps_dots and "\0" in from_storable_text(name).decode("utf-8", "replace"):
        return "it has a NUL character"
    if found := next((one for one in facts.forbidden_characters if one in name), None):
        return f"it has the character {found!r}"
    if name.lower() in facts.forbidden_names or name.lower().partition(".")[0] in facts.forbidden_names:
        return f"it has the name {name!r}"
    if name and name[-1] in facts.forbidden_endings:
        return f"a name in it ends with {name[-1]!r}"
    return None


def require_possible_name(path: str, facts: DestinationFacts) -> None:
    """Raise NameImpossible for a path that a destination cannot hold."""
    if (problem := name_problem(path, facts)) is not None:
        raise NameImpossible(f"{path} cannot be written: {problem}.", hint="Rename it, or leave it out by a filter.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationFile:
    """What a destination holds at a path."""

    path: str
    kind: str = "file"  # file | folder | other: a symbolic link, a device, which is never ours
    size: int | None = None
    version: str | None = None  # what proves a change: etag, inode and times, revision
    content_hash: str | None = None  # "md5:…"; None: it does not tell one of the whole
    internal_id: str | None = None  # what the store calls it
    modified_at: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)  # as in Upload; empty: not ours, or it keeps none
    permissions: str | None = None  # "rw-r--r--", or as the store has it
    owner: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Precondition:
    """What must be at a path for a write or a deletion to happen. `version` None: nothing."""

    version: str | None = None


NOTHING: Final = Precondition()
"""Nothing may be there."""


def is_expected(found: DestinationFile | None, expected: Precondition | None) -> bool:
    """Tell whether what is at a path is what was expected there. Something that is no file never is."""
    if found is not None and found.kind != "file":
        return False
    if expected is None:
        return True
    return (None if found is None else found.version) == expected.version and (found is None) == (
        expected.version is None
    )


def foreign_error(path: str, found: DestinationFile | None, expected: Precondition | None) -> Foreign:
    """Return the error for a path at which something else is than expected."""
    if found is None:
        return Foreign(f"{path} was removed at the destination by somebody else.")
    if found.kind != "file":
        return Foreign(f"At {path} is a {'folder' if found.kind == 'folder' else 'link or device'}: it was left alone.")
    if expected == NOTHING:
        return Foreign(f"At {path} is a file already that was not put there by this replication: it was left alone.")
    return Foreign(f"{path} was changed at the destination by somebody else: it was left alone.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file on its way to a destination.

    `expected` None: whatever is there is replaced. `tags` say whose it is, so that a lost replica state can be made
    anew by listing: `source` (the endpoint), `source_id`, `source_version`, and `md5`/`sha256` where known beforehand.
    """

    path: str
    size: int | None  # bytes; None: not known before the end (exports)
    mime_type: str | None = None
    modified_at: datetime | None = None
    expected: Precondition | None = NOTHING
    tags: Mapping[str, str] = field(default_factory=dict)
    readback: bool = False  # read again what was written, past caches where that can be


def require_announced(upload: Upload, length: int, digests: Mapping[str, str]) -> None:
    """Raise ContentMismatch when a content is not the one that an upload announces."""
    if upload.size is not None and length != upload.size:
        raise ContentMismatch(f"{length:,} bytes of {upload.path} came, and {upload.size:,} were announced.")
    for algorithm in digests.keys() & upload.tags.keys():
        if digests[algorithm] != upload.tags[algorithm].lower():
            raise ContentMismatch(f"The {algorithm} of {upload.path} is not the one that was announced.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a destination says of a file that it now holds."""

    version: str | None
    size: int
    content_hash: str | None  # of what was sent: "sha256:…"
    proof: Proof
    internal_id: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A file that is to go. `expected` None: whatever its version is."""

    path: str
    expected: Precondition | None = None
    trash: str | None = None  # the folder of the trash to move it to, below TRASH_FOLDER; None: for good


@dataclass(frozen=True, slots=True)
class FilePermissions:
    """Who may do what with a file at a destination. None: left as it is."""

    permissions: str | None = None  # nine characters "rwxr-x---", or what the store takes
    owner: str | None = None
    group: str | None = None


@runtime_checkable
class Destination(Protocol):
    """Writes below one root. Complete at construction; constructing one makes no network call. Threads may share it."""

    @property
    def facts(self) -> DestinationFacts:
        """Facts; no I/O."""
        ...

    def check(self) -> ConnectionReport:
        """Connect and tell what may be done. Raises SourceError when nothing can."""
        ...

    def stat(self, path: str) -> DestinationFile | None:
        """Return what is at a path; None when nothing is."""
        ...

    def write(self, upload: Upload, content: ContentStream) -> Receipt:
        """Store a file: under its name only when it is whole and proved, with folders made as needed.

        `content` is read to its end before anything is published: the end is where a wrong content raises, and then
        what was there before stays. A content that is at its destination already (an earlier answer was lost) is
        a Receipt as if by this call. Raises Foreign when what is there is not `upload.expected`.
        """
        ...

    def move(
        self, path: str, new_path: str, expected: Precondition | None, *, onto: Precondition | None = NOTHING
    ) -> Receipt:
        """Give a file another path. Raises NotFound, and Foreign when one of the two is not as expected.

        Done already (the old path is free, and the new one has the content) is no error where that can be told.
        """
        ...

    def delete(self, deletions: Sequence[Deletion]) -> list[SourceError | None]:
        """Delete files; return for each an error, or None. What is not there is deleted already.

        Where `trash` is named, a file is moved there instead, beside others of its name.
        """
        ...

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it. Stores without folders do nothing."""
        ...

    def remove_folder(self, path: str) -> bool:
        """Remove a folder if it is empty; tell whether it is gone now."""
        ...

    def set_permissions(self, path: str, wanted: FilePermissions) -> FilePermissions:
        """Set who may do what; return what is so after it, read back."""
        ...

    def list(self, below: str = "") -> Iterator[Sequence[DestinationFile]]:
        """Yield all files and folders below a path, in batches; trash and unfinished parts left out.

        It is complete when it ends without an error.
        """
        ...

    def close(self) -> None:
        """Release connections. Idempotent."""
        ...


@runtime_checkable
class ReportingDestination(Destination, Protocol):
    """A destination that wants to know what came of each run."""

    def report(self, run: Mapping[str, Any]) -> None:
        """Tell what came of a run: the fields of its result. Does nothing where that is not configured."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload that the destination has."""

    number: int  # from 1
    offset: int
    size: int
    etag: str


@runtime_checkable
class ResumableDestination(Destination, Protocol):
    """A destination that takes large files in parts, and keeps them when we die."""

    def resumable_from(self) -> int:
        """From how many bytes on a file goes in parts."""
        ...

    def begin(self, upload: Upload) -> dict[str, Any]:
        """Begin an upload; return what finds it again, as JSON values: `part_size` (bytes) among them."""
        ...

    def parts(self, upload: Upload, resume: Mapping[str, Any]) -> list[Part] | None:
        """Return the parts that it has, by number; None when it knows nothing of this upload any more."""
        ...

    def put_part(self, upload: Upload, resume: Mapping[str, Any], number: int, content: ContentStream) -> Part:
        """Store one part. Parts of one upload may be put at the same time."""
        ...

    def complete(self, upload: Upload, resume: Mapping[str, Any], parts: Sequence[Part]) -> Receipt:
        """Publish the whole. Raises Foreign when what is there is not `upload.expected`, NotFound when it is gone."""
        ...

    def abort(self, upload: Upload, resume: Mapping[str, Any]) -> None:
        """Forget an upload. Idempotent."""
        ...

"""What a hub is made of. Moments are milliseconds; ids are Autodesk's urns."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Person(NamedTuple):
    """Who did something."""

    id: str
    name: str


class Subject(NamedTuple):
    """Who may be given permissions on folders: a person, a company or a role of the project."""

    id: str
    kind: str  # "USER", "COMPANY" or "ROLE"
    name: str
    email: str | None = None  # of a person
    autodesk_id: str | None = None  # likewise
    is_admin: bool = False  # of the project: may do everything everywhere


class VersionKind(StrEnum):
    """What a version is: the last part of its extension type."""

    FILE = "File"
    CLOUD_MODEL = "C4RModel"  # a Revit model that lives in the cloud: its versions have no storage of their own
    DELETED = "Deleted"  # the mark that deleting leaves


@dataclass(slots=True)
class Hub:
    """An account."""

    id: str
    name: str
    region: str


@dataclass(slots=True)
class HubProject:
    """A project. `root` is the folder above its top folders."""

    id: str
    hub: str
    name: str
    root: str
    platform: str  # "ACC" or "BIM360"
    active: bool = True


@dataclass(slots=True)
class AutodeskFolder:
    """A folder. `children` are ids in the order in which they came here."""

    id: str
    project: str
    parent: str | None
    name: str
    created: int
    modified: int
    rollup: int
    author: Person
    by: Person
    hidden: bool = False
    system: bool = False  # of the platform's own, not of the project's files
    children: dict[str, None] = field(default_factory=dict)
    grants: dict[Subject, tuple[str, ...]] = field(default_factory=dict)  # given here, not on a folder above


@dataclass(slots=True)
class Version:
    """A version of an item."""

    number: int
    name: str
    kind: VersionKind
    size: int | None
    created: int
    modified: int
    author: Person
    by: Person
    storage: str | None = None


@dataclass(slots=True)
class AutodeskItem:
    """A file. Its name is that of its last version; `display_name` is the first one it had."""

    id: str
    project: str
    parent: str
    display_name: str
    created: int
    modified: int
    author: Person
    by: Person
    kind: VersionKind
    hidden: bool = False
    reserved: tuple[int, Person] | None = None
    versions: list[Version] = field(default_factory=list)

    @property
    def tip(self) -> Version:
        """The last version."""
        return self.versions[-1]

    @property
    def name(self) -> str:
        """The name a person sees: that of the last version that is not the mark of a deletion."""
        return next(version.name for version in reversed(self.versions) if version.kind is not VersionKind.DELETED)

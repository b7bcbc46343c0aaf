"""What a hub is made of, and the ids of it. Moments are milliseconds; ids are Autodesk's urns.

Clients must not read anything into ids, and their prefixes differ between regions.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Self

from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.tree import TreeEntry

REGIONS = {"US": "wipprod", "EMEA": "wipemea"}
"""Regions whose prefix is known; the others get one of their own."""


class Person(NamedTuple):
    """Who did something."""

    id: str
    name: str


PEOPLE = (
    Person("BW9RM76WZBGL", "Ada Brandt"),
    Person("X9WYLGPNCHVK", "John Smith"),
    Person("QRT6Z2AVNN4F", "Mei Tanaka"),
)


class VersionKind(StrEnum):
    """What a version is: the last part of its extension type."""

    FILE = "File"
    CLOUD_MODEL = "C4RModel"  # a Revit model that lives in the cloud: its versions have no storage of their own
    DELETED = "Deleted"  # the mark that deleting leaves


@dataclass(slots=True, eq=False)
class Hub:
    """An account."""

    id: str
    name: str
    region: str
    barred: bool = False  # this account may not see it

    @property
    def prefix(self) -> str:
        """The part of a urn that says where it is stored."""
        return REGIONS.get(self.region, f"wip{self.region.lower()}")


@dataclass(slots=True, eq=False)
class HubProject:
    """A project. `root` is the id of the folder above its top folders."""

    id: str
    hub: Hub
    name: str
    root: str
    platform: str  # "ACC" or "BIM360"
    active: bool = True
    lost: bool = False  # this account may not see it

    @property
    def barred(self) -> bool:
        """Whether this account may not see it, or not even its hub."""
        return self.lost or self.hub.barred


UNPLACED = HubProject("", Hub("", "", ""), "", "", "")
"""Where an entry is before it has a folder."""


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


@dataclass(frozen=True, slots=True)
class SignedLink:
    """An address at which an object can be had without a token, for a while."""

    storage: str
    good_until: float  # seconds


@dataclass(slots=True, eq=False)
class AutodeskEntry(TreeEntry):
    """A folder or an item, which is a file. What is deleted is in the trash, and hidden; it has an order of arrival.

    The name of an item is that of its last version; `display_name` is the first one it had.
    """

    project: HubProject = UNPLACED
    author: Person = PEOPLE[0]
    by: Person = PEOPLE[0]
    listed: bool = True  # the folder above mentions it, though it may be lost
    rollup: int = 0  # when anything below changed
    system: bool = False  # of the platform's own, not of the project's files
    shown: list[Self] | None = None  # what it shows, if that is known
    display_name: str = ""
    kind: VersionKind = VersionKind.FILE
    reserved: tuple[int, Person] | None = None
    versions: list[Version] = field(default_factory=list)

    @property
    def hidden(self) -> bool:
        """Whether somebody deleted this very entry."""
        return bool(self.trashed_at)

    @property
    def tip(self) -> Version:
        """The last version."""
        return self.versions[-1]

    def visible_children(self) -> list[Self]:
        """Return what a folder shows: not what is deleted, nor what is kept from this account's eyes."""
        if self.shown is None:
            self.shown = [child for child in self.children or () if child.listed and not child.trashed_at]
        return self.shown


def stamp(milliseconds: int) -> str:
    """Return a time as Autodesk writes it: UTC with seven digits of a second."""
    return utc_text(milliseconds, 7)


def suffix_of(name: str) -> str:
    """Return what comes after the last dot of a name, in lower case."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def version_id(item_id: str, number: int) -> str:
    """Return the id of a version of an item.

    >>> version_id("urn:adsk.wipprod:dm.lineage:hC6k4hndRWaeIVhIjvHu8w", 2)
    'urn:adsk.wipprod:fs.file:vf.hC6k4hndRWaeIVhIjvHu8w?version=2'
    """
    return f"{item_id.replace(':dm.lineage:', ':fs.file:vf.')}?version={number}"


def version_of(given: str) -> tuple[str, int]:
    """Return the item's id and the number of a version. Raises ValueError if the text is no version's id."""
    stem, found, number = given.partition("?version=")
    if not found or ":fs.file:vf." not in stem:
        raise ValueError(given)
    return stem.replace(":fs.file:vf.", ":dm.lineage:"), int(number)

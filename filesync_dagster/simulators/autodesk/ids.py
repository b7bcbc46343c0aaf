"""Ids as Autodesk mints them. Clients must not read anything into them, and the prefixes differ between regions."""

import random
import uuid
from base64 import urlsafe_b64encode

from filesync_dagster.simulators.autodesk.media import suffix_of
from filesync_dagster.simulators.kit.clock import utc_text

REGIONS = {"US": "wipprod", "EMEA": "wipemea"}
"""Regions whose prefix is known; the others get one of their own."""


class Mint:
    """Makes ids, the same ones for the same seed."""

    def __init__(self, seed: int | str = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets

    def account(self) -> str:
        """Return the id of a hub or a project."""
        return f"b.{self.uuid()}"

    def uuid(self) -> str:
        """Return a random UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def folder(self, region: str) -> str:
        """Return the id of a folder."""
        return f"urn:adsk.{prefix(region)}:fs.folder:co.{self._name()}"

    def item(self, region: str) -> str:
        """Return the id of an item."""
        return f"urn:adsk.{prefix(region)}:dm.lineage:{self._name()}"

    def storage(self, region: str, name: str) -> str:
        """Return the id of the object that holds the content of a version."""
        return f"urn:adsk.objects:os.object:{prefix(region)}/{self.uuid()}.{suffix_of(name) or 'bin'}"

    def _name(self) -> str:
        return urlsafe_b64encode(self._random.randbytes(16)).rstrip(b"=").decode()


def stamp(milliseconds: int) -> str:
    """Return a time as Autodesk writes it: UTC with seven digits of a second."""
    return utc_text(milliseconds, 7)


def prefix(region: str) -> str:
    """Return the part of a urn that says where it is stored."""
    return REGIONS.get(region, f"wip{region.lower()}")


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

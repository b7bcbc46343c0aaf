"""Since when something counts as changed: one moment for each project. Pure: no I/O.

Autodesk keeps no list of changes, but tells of every folder when anything below it changed last (its rollup). A
folder whose rollup is not after the moment of the cursor holds nothing new. The top of a project has no rollup: what
it looked like is remembered instead.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from filesync_dagster.connectors.autodesk.rows import Child, Entries
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.model import canonical_json, data_version
from filesync_dagster.core.schemas import sum_fingerprints

SETTLED = timedelta(minutes=10)  # after this, a change is seen in the rollups of all folders above it
FULL_SYNC = "A full sync follows."
PERMISSIONS = "permissions"  # in a cursor; no scope has this name


@dataclass(frozen=True, slots=True)
class Since:
    """What is known of one project: the moment (None: nothing, everything counts as changed), and a hash of its top."""

    moment: datetime | None = None
    top: str = ""

    def may_hold_changes(self, folder: Child) -> bool:
        """Whether something below a folder may be news."""
        return self.moment is None or folder.rollup is None or folder.rollup > self.moment

    def then(self, seen: "Since") -> "Since":
        """Return what is known after all changes until `seen` were told: never an earlier moment."""
        later = [moment for moment in (self.moment, seen.moment) if moment is not None]
        return Since(max(later, default=None), seen.top)


def since(top: Entries, at: datetime) -> Since:
    """Return what is known of a project with this top, `at` a moment of Autodesk's clock.

    The newest rollup is not enough: one that is a little older may not be seen yet. And `at` is not enough either:
    what is old enough need not be told again and again.
    """
    rollups = [folder.rollup for folder in top.folders if folder.rollup is not None]
    settled = at - SETTLED
    known = len(rollups) == len(top.folders) and rollups
    return Since(min(max(rollups), settled) if known else settled, looks_of(top))


def looks_of(top: Entries) -> str:
    """Return a hash of the rows of a top, in any order."""
    rows = top.batch()
    return data_version(rows.num_rows, sum_fingerprints(rows["fingerprint"]))


def as_text(known: Mapping[str, Since], *, permissions: bool = False) -> str:
    """Return the cursor for what is known of the projects, by scope, and whether permissions are among it."""
    told: dict[str, object] = {
        scope: [found.moment.astimezone(UTC).isoformat() if found.moment else None, found.top]
        for scope, found in known.items()
    }
    return canonical_json({**told, PERMISSIONS: True} if permissions else told)


def known_from(
    cursor: str, scopes: Sequence[str], *, permissions: bool = False, may_lack: bool = False
) -> dict[str, Since]:
    """Return what a cursor says of these scopes; of others too, if some `may_lack` among them. Raises CursorLost."""
    try:
        said_of = json.loads(cursor)
        with_permissions = said_of.pop(PERMISSIONS, False)
        found = {scope: _since(*said) for scope, said in said_of.items()}
    except (ValueError, TypeError, AttributeError) as exc:
        raise CursorLost("The cursor cannot be read.", hint=FULL_SYNC) from exc
    if with_permissions != permissions:
        raise CursorLost(f"Permissions are {'' if permissions else 'not '}recorded from now on.", hint=FULL_SYNC)
    if not (found.keys() >= set(scopes) if may_lack else found.keys() == set(scopes)):
        new, old = len(set(scopes) - found.keys()), len(found.keys() - set(scopes))
        told = [f"{new} new" if new else "", f"{old} no longer there" if old else ""]
        raise CursorLost(f"The projects are others now: {', '.join(filter(None, told))}.", hint=FULL_SYNC)
    return found


def _since(moment: str | None, top: str) -> Since:
    return Since(datetime.fromisoformat(moment).astimezone(UTC) if moment is not None else None, str(top))

"""What changed in a project since a cursor: its top, and each folder on the way down to something newer.

Autodesk keeps no list of changes, but tells of every folder when anything below it changed last (its rollup). A
folder whose rollup is not after the moment of the cursor holds nothing new. The top of a project has no rollup: what
it looked like is remembered instead.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from filesync_dagster.connectors.autodesk.listing import TOP, Contents, Frontier, Open, Step, crawl, join_path
from filesync_dagster.connectors.autodesk.reader import Reader
from filesync_dagster.connectors.autodesk.rows import Child, Entries
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.model import Delta, ListingGap, canonical_json, data_version
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


def cursor_text(known: Mapping[str, Since], *, permissions: bool = False) -> str:
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


class ProjectChanges:
    """Tells the changes of one project, once; `top` is its top as it was just read."""

    def __init__(self, reader: Reader, known: Since, top: tuple[Open, Contents], workers: int) -> None:
        self._reader = reader
        self._known = known
        self._begin, self._top = top
        self._seen = since(self._top.entries, self._top.at)
        self._workers = workers
        self._whole = True

    def after(self) -> Since:
        """Return what is known of the project when all deltas were taken: no more than before if something was unread.

        What could not be read may have changed, and its rollup will not tell so later.
        """
        return self._known.then(self._seen) if self._whole else self._known

    def deltas(self, cursor: str) -> Generator[Delta]:
        """Yield what changed, each delta with this cursor."""
        tops = [child for child in self._top.entries.folders if self._known.may_hold_changes(child)]
        shared = tops and self._reader.ask is not None  # the looks of the top do not tell who may do what with it
        if self._seen.top != self._known.top or self._top.entries.gaps or shared:
            self._reader.permit(self._top.entries, self._begin.path)
            yield self._delta(Step(self._begin, self._top, tuple(self._top.entries.gaps), last=True), cursor)
        newer = [Open(child.id, join_path(self._begin.path, child.name)) for child in tops]
        frontier = Frontier(newer, lambda child, path: self._known.may_hold_changes(child))
        with closing(crawl(frontier, self._reader.read, self._workers, self._reader.ask)) as steps:
            for step in steps:
                yield self._delta(step, cursor)

    def _delta(self, step: Step, cursor: str) -> Delta:
        self._whole = self._whole and not step.gaps
        batch = (step.contents.entries if step.contents else Entries(self._reader.scope)).batch()
        folder = step.folder
        id_ = folder.id if folder.id != TOP else self._reader.top or TOP
        return Delta(
            scope=self._reader.scope,
            batch=batch,
            cursor=cursor,
            order=(0,) * batch.num_rows,
            read=(id_,) if step.last and folder.sound and not step.gaps else (),
            gaps=to_gaps(self._reader.scope, folder.path, step.gaps),
        )


def to_gaps(scope: str, path: str, gaps: Sequence[str]) -> tuple[ListingGap, ...]:
    """Return the gaps of a folder as what could not be listed."""
    return tuple(ListingGap(scope, path, gap) for gap in gaps)

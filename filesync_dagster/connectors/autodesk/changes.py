"""What changed in a project since a cursor: its top, and each folder on the way down to something newer."""

from collections.abc import Generator, Sequence
from contextlib import closing

from filesync_dagster.connectors.autodesk.crawl import Step, crawl
from filesync_dagster.connectors.autodesk.cursors import Since, since
from filesync_dagster.connectors.autodesk.frontier import TOP, Frontier, Open, join_path
from filesync_dagster.connectors.autodesk.reader import Contents, Reader
from filesync_dagster.connectors.autodesk.rows import Entries
from filesync_dagster.core.model import Delta, ListingGap


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

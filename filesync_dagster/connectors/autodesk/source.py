"""The projects of an endpoint as a source."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial

import httpx

from filesync_dagster.connectors.autodesk.api import Api
from filesync_dagster.connectors.autodesk.changes import ProjectChanges, Since, cursor_text, known_from, since, to_gaps
from filesync_dagster.connectors.autodesk.content import open_item
from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.autodesk.hubs import Hubs
from filesync_dagster.connectors.autodesk.listing import Contents, Enter, Frontier, Open, crawl, folders_from
from filesync_dagster.connectors.autodesk.reader import PROJECT_SCOPE, Permissions, Reader, lookup_entries
from filesync_dagster.connectors.autodesk.rows import Entries
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.model import UNNAMED, Capabilities, ConnectionReport, Delta, Meter, Page

HUB_SCOPE = "hub:"
"""Of a hub that does not tell its projects: nothing can be listed there."""

Top = tuple[Open, Contents]


class AutodeskSource:
    """Lists the projects of an endpoint, each one a scope, `project:` and its id.

    external_id is Autodesk's own id. With one configured project its top folders are the top of the endpoint; else
    the projects are, as folders.
    """

    def __init__(
        self,
        details: AutodeskDetails,
        meter: Meter,
        *,
        prune: Callable[[str], bool] | None = None,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._api = Api(details, meter, policy, wire)
        self._hubs = Hubs(details, self._api)
        self._permissions = Permissions(self._api, meter) if details.include_permissions else None
        self._enter: Enter = lambda folder, path: prune is None or not prune(path)

    @property
    def capabilities(self) -> Capabilities:
        """Two entries of a folder may have the same name. Permissions, where they are wanted, are those of folders."""
        return Capabilities(
            stable_ids=True,
            derives_paths=True,
            permissions=self._details.include_permissions,
            duplicate_names=True,
        )

    def check(self) -> ConnectionReport:
        """Ask for the hubs and the projects, and read the top of each named project, or of the first one.

        If they are wanted, ask for the permissions of the first folder there.
        """
        started = time.monotonic()
        hubs = self._hubs.hubs()
        latency = (time.monotonic() - started) * 1000
        scopes = self._projects()
        tops, failures = self._tops(scopes if self._details.project_ids else scopes[:1])
        if failures and not tops:
            raise next(iter(failures.values()))
        failures = {**failures, **self._hubs.unread()}
        projects = f"{len(scopes)} projects" if len(scopes) > 1 else f"project {self._name(scopes[0])}"
        folders = sum(len(contents.entries.folders) for _, contents in tops.values())
        several = f" in {len(tops)} of them" if len(scopes) > len(tops) else ""
        allowed, problems = self._check_permissions(tops)
        return ConnectionReport(
            latency_ms=latency,
            sees=f"{projects} of {', '.join(sorted(hubs.values()))}, {folders} top folders{several}",
            permissions=("list hubs", "list projects", "list folders", *allowed),
            problems=(*(str(error) for error in failures.values()), *problems),
        )

    def scopes(self) -> tuple[str, ...]:
        """One for each project, and one for each hub that does not tell its projects."""
        return (*self._projects(), *(HUB_SCOPE + hub for hub in sorted(self._hubs.unread())))

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Crawl a project. A checkpoint names a few folders, however large the project is."""
        if scope.startswith(HUB_SCOPE):
            error = self._hubs.unread()[scope.removeprefix(HUB_SCOPE)]
            yield Page(Entries(scope).batch(), gaps=to_gaps(UNNAMED, "", [str(error)]))
            return
        reader = self._reader(scope)
        left = folders_from(checkpoint)
        yield from self._pages(Frontier([reader.begin()] if left is None else left, self._enter), reader)

    def cursor(self) -> str:
        """Read the top of each project. One that cannot be read counts as changed from now on."""
        scopes = self._projects()
        tops, failures = self._tops(scopes)
        if len(failures) == len(scopes):
            raise next(iter(failures.values()))
        known = {scope: since(top.entries, top.at) for scope, (_, top) in tops.items()}
        known = {**dict.fromkeys(failures, Since()), **known}
        return cursor_text(known, permissions=self._details.include_permissions)

    def changes(self, cursor: str) -> Iterator[Delta]:
        """Read the top of each project, and every folder on the way down to what changed.

        Filtered folders are read as well: what comes back from one must be known.
        """
        self._hubs.forget()
        scopes, unread = self._projects(), self._hubs.unread()
        known = known_from(cursor, scopes, permissions=self._details.include_permissions, may_lack=bool(unread))
        tops, failures = self._tops(scopes)
        if len(failures) == len(scopes):
            raise next(iter(failures.values()))
        later = dict(known)
        for scope, top in tops.items():
            found = ProjectChanges(self._reader(scope), known[scope], top, self._details.list_workers)
            with closing(found.deltas(cursor)) as deltas:
                yield from deltas
            later[scope] = found.after()
        for scope, error in [*failures.items(), *((UNNAMED, error) for error in unread.values())]:
            yield Delta(scope, Entries(scope).batch(), cursor, gaps=to_gaps(scope, "", [str(error)]))
        after = cursor_text(later, permissions=self._details.include_permissions)
        yield Delta(scopes[0], Entries(scopes[0]).batch(), after)

    def below(self, folder_id: str, scope: str) -> Iterator[Page]:
        """Crawl a folder. What cannot be read is told of the whole scope: where the folder lies is not asked."""
        reader = self._reader(scope)
        begin = reader.begin() if folder_id == reader.top else Open(folder_id, "")
        frontier = Frontier([begin], lambda folder, path: True)
        for page in self._pages(frontier, reader):
            gaps = [gap.reason for gap in page.gaps]
            yield Page(page.batch, gaps=to_gaps(scope, "", gaps))

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for each one. Of a project that the list of all projects does not have any more, nothing is left."""
        if not self._details.project_ids and scope not in self._projects():
            for error in self._hubs.unread().values():  # it may be there, where nobody can look
                raise error
            return iter(())
        return lookup_entries(ids, self._reader(scope), self._details)

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Download the tip version, as long as it is the one that was listed. Nothing is exported."""
        return open_item(self._api, entry, offset, length)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _projects(self) -> tuple[str, ...]:
        """Return the scopes of the projects that can be named."""
        return tuple(PROJECT_SCOPE + project for project in self._hubs.ids())

    def _pages(self, frontier: Frontier, reader: Reader) -> Iterator[Page]:
        scope = reader.scope
        with closing(crawl(frontier, reader.read, self._details.list_workers, reader.ask)) as steps:
            for step in steps:
                entries = step.contents.entries if step.contents is not None else Entries(scope)
                if entries.rows or step.gaps:
                    gaps = to_gaps(scope, step.folder.path, step.gaps)
                    yield Page(entries.batch(), frontier.as_text(), gaps)

    def _tops(self, scopes: Sequence[str]) -> tuple[Mapping[str, Top], Mapping[str, SourceError]]:
        """Read the tops of projects, several at once; return those that could be read, and why the others could not."""
        found: dict[str, Top] = {}
        failures: dict[str, SourceError] = {}
        with thread_pool(self._details.list_workers, "autodesk") as pool:
            for scope, top in zip(scopes, pool.map(partial(_read_or_error, self._top), scopes), strict=True):
                if isinstance(top, SourceError):
                    failures[scope] = top
                else:
                    found[scope] = top
        return found, failures

    def _top(self, scope: str) -> Top:
        reader = self._reader(scope)
        begin = reader.begin()
        return begin, reader.read(begin, None)

    def _check_permissions(self, tops: Mapping[str, Top]) -> tuple[Sequence[str], Sequence[str]]:
        """Return what is allowed, and what is not, about the permissions of one folder."""
        first = next(((scope, top, folder) for scope, top in tops.items() for folder in top[1].entries.folders), None)
        if self._permissions is None or first is None:
            return (), ()
        scope, (begin, _), folder = first
        self._permissions.of(scope.removeprefix(PROJECT_SCOPE), folder, begin.path, never)
        why_not = self._permissions.remark
        return ((), (why_not,)) if why_not else (("read folder permissions",), ())

    def _reader(self, scope: str) -> Reader:
        return Reader(self._details, self._api, self._hubs, self._permissions, scope)

    def _name(self, scope: str) -> str:
        project = self._hubs.project(scope.removeprefix(PROJECT_SCOPE))
        return project.name or project.id


def _read_or_error(read: Callable[[str], Top], scope: str) -> Top | SourceError:
    try:
        return read(scope)
    except PART_FAILURES as error:
        return error

"""Every entry of My Drive or of a shared drive, page after page.

Entries in the trash come too: nothing is searched for, so nothing is left out.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.layout import Scope
from filesync_dagster.connectors.rest.answers import Answer
from filesync_dagster.connectors.rest.crawl import RESTARTS_MAX
from filesync_dagster.connectors.rest.errors import BadRequest
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.model import ListingGap, canonical_json

END = ""  # as a token: everything was yielded


@dataclass(frozen=True, slots=True)
class DrivePage:
    """Entries, and the checkpoint that covers them and all before. `folders`: whose children they are, if known."""

    entries: Sequence[Mapping[str, Any]]
    checkpoint: str | None
    folders: Sequence[str | None] | None = None
    gaps: tuple[ListingGap, ...] = ()


def list_scope(drive: DriveApi, scope: Scope, checkpoint: str | None) -> Generator[DrivePage]:
    """Yield every entry of a scope, or raise SourceError. Resumes after `checkpoint` if it can."""
    resumed, token = _resume_from(checkpoint, scope)
    if token == END:
        return
    if scope.corpus is not None and not resumed:
        yield DrivePage([scope.corpus], _checkpoint(scope, None))
    for _ in range(RESTARTS_MAX):
        chain = PageChain[str](drive.where)
        try:
            while token != END:
                answer = drive.files(token, **scope.corpora)
                entries = children_in(answer, drive, scope)
                token = chain.advance(drive.next_token(answer), entries) or END
                yield DrivePage(entries, _checkpoint(scope, token), gaps=gaps_of(answer, scope, ""))
        except BadRequest:
            if token is None:  # it is not the page token that is refused
                raise
            token = None  # tokens are good for some hours only: begin again, as Google asks
        else:
            return
    raise BadRequest(
        f"{drive.where} refused its own page tokens {RESTARTS_MAX} times.", hint="Sync again; the listing begins anew."
    )


def children_in(answer: Answer, drive: DriveApi, scope: Scope) -> list[Answer]:
    """Return the entries of an answer. The top of a scope is none of what lies in it."""
    return [entry for entry in drive.entries(answer, "files") if entry.get("id") != scope.top]


def gaps_of(answer: Mapping[str, Any], scope: Scope, path: str) -> tuple[ListingGap, ...]:
    """Return what an answer says it left out."""
    if not answer.get("incompleteSearch"):
        return ()
    return (ListingGap(scope.name, path, "Google Drive says that it did not search everything (incompleteSearch)."),)


def _checkpoint(scope: Scope, token: str | None) -> str:
    return canonical_json({"scope": scope.name, "token": token})


def _resume_from(checkpoint: str | None, scope: Scope) -> tuple[bool, str | None]:
    """Return whether this is a checkpoint of this scope, and where to go on: None is the first page."""
    try:
        state = json.loads(checkpoint or "{}")
        token = state["token"]
        ours = state["scope"] == scope.name and isinstance(token, str | None)
    except (ValueError, KeyError, TypeError):
        ours = False
    return (True, token) if ours else (False, None)

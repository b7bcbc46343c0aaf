"""Every entry of My Drive or of a shared drive, page after page.

Entries in the trash come too: nothing is searched for, so nothing is left out.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filesync_dagster.connectors.google_drive.api import Answer, Chain, Drive, list_in
from filesync_dagster.connectors.google_drive.errors import BadRequest
from filesync_dagster.connectors.google_drive.layout import Scope
from filesync_dagster.core.model import ListingGap, canonical_json

RESTARTS = 3  # of one listing whose page tokens are refused

END = ""  # as a token: everything was yielded


@dataclass(frozen=True, slots=True)
class Listed:
    """Entries, and the checkpoint that covers them and all before. `folders`: whose children they are, if known."""

    entries: Sequence[Mapping[str, Any]]
    checkpoint: str | None
    folders: Sequence[str | None] | None = None
    unread: tuple[ListingGap, ...] = ()


def listed(drive: Drive, scope: Scope, checkpoint: str | None) -> Generator[Listed]:
    """Yield every entry of a scope, or raise SourceError. Resumes after `checkpoint` if it can."""
    resumed, token = _resumed(checkpoint, scope)
    if token == END:
        return
    if scope.corpus is not None and not resumed:
        yield Listed([scope.corpus], _checkpoint(scope, None))
    for _ in range(RESTARTS):
        chain = Chain(drive.where)
        try:
            while token != END:
                answer = drive.files(token, **scope.corpora)
                entries = children_in(answer, drive.where, scope)
                token = chain.following(answer, entries) or END
                yield Listed(entries, _checkpoint(scope, token), unread=incomplete(answer, scope, ""))
        except BadRequest:
            if token is None:  # it is not the page token that is refused
                raise
            token = None  # tokens are good for some hours only: begin again, as Google asks
        else:
            return
    raise BadRequest(
        f"{drive.where} refused its own page tokens {RESTARTS} times.", hint="Sync again; the listing begins anew."
    )


def children_in(answer: Answer, where: str, scope: Scope) -> list[Answer]:
    """Return the entries of an answer. The top of a scope is none of what lies in it."""
    return [entry for entry in list_in(answer, "files", where) if entry.get("id") != scope.top]


def incomplete(answer: Mapping[str, Any], scope: Scope, path: str) -> tuple[ListingGap, ...]:
    """Return what an answer says it left out."""
    if not answer.get("incompleteSearch"):
        return ()
    return (ListingGap(scope.name, path, "Google Drive says that it did not search everything (incompleteSearch)."),)


def _checkpoint(scope: Scope, token: str | None) -> str:
    return canonical_json({"scope": scope.name, "token": token})


def _resumed(checkpoint: str | None, scope: Scope) -> tuple[bool, str | None]:
    """Return whether this is a checkpoint of this scope, and where to go on: None is the first page."""
    try:
        state = json.loads(checkpoint or "{}")
        token = state["token"]
        ours = state["scope"] == scope.name and isinstance(token, str | None)
    except (ValueError, KeyError, TypeError):
        ours = False
    return (True, token) if ours else (False, None)

"""How alike synthetic data are to real ones, over HTTP: of a generation, or of two data sets that somebody names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from filesync_dagster.config.sentences import sentence_of
from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.sessions import COMPARISON, STARTED
from filesync_dagster.tables.exports.manifest import NOTICE
from filesync_dagster.tables.sessions.comparison_request import ComparisonRequest, submit_comparison
from filesync_dagster.tables.sessions.files import SessionStore
from filesync_dagster.tables.sessions.request import GenerationRequest
from filesync_dagster.tables.sessions.submit import digest_of_request, hide_secrets
from filesync_dagster.web import generations
from filesync_dagster.web.cursors import InvalidQuery
from filesync_dagster.web.generation_messages import PendingComparison, ValidationAnswer
from filesync_dagster.web.users import address_of, user_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database.sessions import SessionRecord
    from filesync_dagster.web.site import Site


class NotComparable(TableError):
    """There are no two data sets to compare."""


def submit_comparison_request(site: Site, request: Request, order: dict[str, Any]) -> str:
    """Let two data sets wait to be compared; return the id of the session. Raises ImpossibleRequest, LimitReached."""
    try:
        asked = ComparisonRequest.model_validate(order)
    except ValidationError as error:
        raise _invalid(error) from None
    owner = user_of(request)
    with site.current.acquire() as filesync:
        record = submit_comparison(filesync.runtime, asked, site.session_secrets, owner=owner)
        filesync.runtime.metadata.audit.add(owner, STARTED, record.id, address_of(request), {"compared": True})
    site.wake_dispatcher()
    return record.id


def validate(site: Site, order: dict[str, Any]) -> ValidationAnswer | PendingComparison:
    """Return how alike data are: those of a generation to what it learned from, or two data sets that were compared.

    Raises UnknownSession, NotComparable; InvalidQuery.
    """
    with site.current.acquire() as filesync:
        record = _session_of(filesync, order)
        if record.kind == COMPARISON and not record.is_finished:
            facts = generations.session_facts(record)
            return PendingComparison(**{name: facts[name] for name in PendingComparison.model_fields})
        if record.state != "completed":
            raise _not_completed(record)
        report = SessionStore(filesync.runtime).report(record)
    metrics = record.result.get("quality_metrics") or {}
    if report["quality"] is None or metrics.get("quality_score") is None:
        raise _not_comparable(
            "There were no rows to learn from, so there is nothing to compare."
            if report["schema_only"]
            else "The data are too few to be compared, or were generated without a report."
        )
    names = ("distribution_similarity", "correlation_preservation", "privacy_score")
    return ValidationAnswer(
        session_id=record.id,
        quality_score=metrics["quality_score"],
        metrics={name: metrics.get(name) for name in names},
        quality=report["quality"],
        privacy=report["privacy"],
        notice=NOTICE,
    )


def _session_of(filesync: Filesync, order: dict[str, Any]) -> SessionRecord:
    """Return the session that is meant: by its id, or as the newest that was asked for with this request."""
    session_id = order.get("session_id")
    if isinstance(session_id, str):
        return filesync.runtime.metadata.sessions.get(session_id)
    try:
        request = GenerationRequest.model_validate(order)
        public, _ = hide_secrets(request)
    except ValidationError as error:
        raise _invalid(error) from None
    found = filesync.runtime.metadata.sessions.find_completed(digest_of_request(public))
    if found is None:
        raise _not_comparable("Nothing was generated with this request yet.")
    return found


def _invalid(error: ValidationError) -> InvalidQuery:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, first["loc"])) or "body"
    return InvalidQuery(f"{where}: {sentence_of(first)}.")


def _not_completed(record: SessionRecord) -> NotComparable:
    if record.kind == COMPARISON and record.error:
        return NotComparable(record.error, hint=record.error_hint or "", code=record.error_code or "failed")
    return _not_comparable(f"The session {record.id} is {record.state}.")


def _not_comparable(message: str) -> NotComparable:
    hint = "Generate from rows first, then ask with the `session_id` or with the same request."
    return NotComparable(message, hint=hint, code="not_comparable")

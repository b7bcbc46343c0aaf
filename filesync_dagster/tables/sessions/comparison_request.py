"""What may be asked of a comparison: real and synthetic tables, each from sources or of a generation."""

import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import Field

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.storage.database.sessions import COMPARISON, GENERATION, SessionRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.sessions.issues import RequestIssue, find_issues
from filesync_dagster.tables.sessions.request import (
    MAX_SEED,
    WAIT_MAX_SECONDS,
    ColumnChoice,
    GenerationRequest,
    Name,
    RequestedRelation,
    RequestedRule,
    RequestedSource,
    RequestPart,
    SavedSource,
)
from filesync_dagster.tables.sessions.secrets import SessionSecrets
from filesync_dagster.tables.sessions.submit import (
    ImpossibleRequest,
    add_session,
    digest_of_request,
    hide_secrets,
    restore_request,
    uploads_of,
)
from filesync_dagster.tables.synthetic import ENGINE

Side = Literal["real", "synthetic"]
SIDES: Final[tuple[Side, ...]] = ("real", "synthetic")


class ComparedData(RequestPart):
    """Tables that are compared: of sources as a generation has them, or what a generation made."""

    session_id: str | None = Field(default=None, max_length=100, description="A generation, instead of sources.")
    data_sources: list[RequestedSource] = Field(default_factory=list, max_length=1_000)
    sources: list[Name | SavedSource] = Field(default_factory=list, max_length=1_000)
    relationships: list[RequestedRelation] = Field(default_factory=list, max_length=10_000)
    rules: list[RequestedRule] = Field(default_factory=list, max_length=10_000)
    columns: list[ColumnChoice] = Field(default_factory=list, max_length=100_000)
    accept_proposals: bool = False
    find_rules: bool = True

    @property
    def request(self) -> GenerationRequest:
        """What reads these tables, and finds how they belong together, as for a generation."""
        return GenerationRequest.model_validate(self.model_dump(exclude={"session_id"}))


class ComparisonRequest(RequestPart):
    """Two data sets to compare. Relations, rules and the columns that are compared are those of the real one."""

    real: ComparedData
    synthetic: ComparedData
    threshold: float = Field(default=0.8, ge=0, le=1, description="Compared with the headline of the report.")
    random_seed: int = Field(default=0, ge=0, le=MAX_SEED, description="The same seed gives the same report.")
    wait_s: float = Field(default=WAIT_MAX_SECONDS, ge=0, le=WAIT_MAX_SECONDS)

    def side(self, name: Side) -> ComparedData:
        """Return one of the two."""
        return self.real if name == "real" else self.synthetic


def submit_comparison(
    runtime: Runtime, request: ComparisonRequest, kept: SessionSecrets, *, owner: str
) -> SessionRecord:
    """Let a comparison wait; return its session. Raises ImpossibleRequest, LimitReached."""
    issues = [issue for side in SIDES for issue in _issues(runtime, side, request.side(side))]
    if issues:
        raise ImpossibleRequest(issues)
    public, hidden = _hide(request)
    session_id = f"session_{secrets.token_hex(16)}"
    record = SessionRecord(
        id=session_id,
        state="queued",
        request=public,
        engine=ENGINE,
        owner=owner,
        request_digest=digest_of_request(public),
        created_at=datetime.now(UTC),
        secrets_encrypted=kept.keep(session_id, hidden),
        seed=request.random_seed,
        inputs=[f"upload:{name}" for side in SIDES for name in uploads_of(request.side(side).request)],
        kind=COMPARISON,
    )
    return add_session(runtime, record, kept)


def _issues(runtime: Runtime, side: Side, data: ComparedData) -> Iterator[RequestIssue]:
    """Yield what is wrong with a side. No source is asked."""
    if data.session_id is not None:
        yield from _session_issues(runtime, f"{side}.session_id", data)
    elif not data.request.has_rows:
        yield RequestIssue(side, f"There are no {side} data: name sources, or the session of a generation.")
    else:
        for issue in find_issues(runtime, data.request):
            yield RequestIssue(f"{side}.{issue.path}", issue.message, issue.code, issue.hint)


def _session_issues(runtime: Runtime, path: str, data: ComparedData) -> Iterator[RequestIssue]:
    if data.request.has_rows:
        yield RequestIssue(path, "Name a session, or sources.")
    try:
        record = runtime.metadata.sessions.get(data.session_id or "")
    except FilesyncError as error:
        yield RequestIssue(path, error.message, "not_found", error.hint)
        return
    if record.kind != GENERATION or record.state != "completed":
        what = "no generation" if record.kind != GENERATION else record.state
        yield RequestIssue(path, f"The session {record.id} is {what}, and has no tables.")


def _hide(request: ComparisonRequest) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a request as it is stored, and its secrets by the paths where they belong."""
    public: dict[str, Any] = request.model_dump(mode="json", include={"threshold", "random_seed"})
    hidden: dict[str, str] = {}
    for name in SIDES:
        told, found = hide_secrets(request.side(name).request)
        public[name] = {"session_id": request.side(name).session_id, **told}
        hidden.update({f"{name}.{path}": secret for path, secret in found.items()})
    public["secrets_set"] = sorted(hidden)
    return public, hidden


def restore_comparison(public: Mapping[str, Any], hidden: Mapping[str, str]) -> ComparisonRequest:
    """Return a request with its secrets, as it was stored."""
    sides = {}
    for name in SIDES:
        mine = {path.partition(".")[2]: text for path, text in hidden.items() if path.partition(".")[0] == name}
        request = restore_request({key: value for key, value in public[name].items() if key != "session_id"}, mine)
        sides[name] = {"session_id": public[name]["session_id"], **request.model_dump()}
    return ComparisonRequest.model_validate({**public, **sides})

"""Asking for a generation: a request that can be becomes a session that waits for its turn."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import orjson

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.sessions import SessionConflict, SessionRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.sessions.issues import RequestIssue, find_issues, source_config
from filesync_dagster.tables.sessions.request import GenerationRequest, RequestedSource, unknown_fields
from filesync_dagster.tables.sessions.secrets import SessionSecrets
from filesync_dagster.tables.sources.registry import source_type
from filesync_dagster.tables.sources.secret_fields import join_secrets, split_secrets

UNTOLD: Final = {"wait_s"}
"""Fields of a request that say nothing of what is generated."""

DRAWN_SEEDS_COUNT: Final = 2**53
"""A seed that is drawn is one of so many: a number that every client of JSON holds exactly."""

ISSUES_SHOWN_COUNT: Final = 5


class ImpossibleRequest(TableError):
    """A request for a generation that cannot be; `issues` has everything that is wrong with it."""

    def __init__(self, issues: Sequence[RequestIssue]) -> None:
        first = issues[0]
        shown = [issue.message for issue in issues[:ISSUES_SHOWN_COUNT]]
        more = f" And {len(issues) - len(shown)} more." if len(issues) > len(shown) else ""
        super().__init__(f"{' '.join(shown)}{more}", hint=first.hint, code=first.code, field=first.path)
        self.issues = tuple(issues)


def submit(
    runtime: Runtime,
    request: GenerationRequest,
    kept: SessionSecrets,
    *,
    owner: str,
    idempotency_key: str | None = None,
    sent: Mapping[str, Any] | None = None,
) -> SessionRecord:
    """Let a generation wait; return its session, or the one of the same idempotency key.

    `sent`: the request as it came, of which unknown fields are named in warnings. Raises ImpossibleRequest,
    LimitReached, SessionConflict.
    """
    issues = find_issues(runtime, request)
    if issues:
        raise ImpossibleRequest(issues)
    public, hidden = hide_secrets(request)
    session_id = f"session_{secrets.token_hex(16)}"
    record = SessionRecord(
        id=session_id,
        state="queued",
        request=public,
        engine=request.engine,
        owner=owner,
        request_digest=digest_of_request(public),
        created_at=datetime.now(UTC),
        secrets_encrypted=kept.keep(session_id, hidden),
        seed=secrets.randbelow(DRAWN_SEEDS_COUNT) if request.random_seed is None else request.random_seed,
        inputs=[f"upload:{name}" for name in uploads_of(request)],
        warnings=[_ignored(name) for name in unknown_fields(sent or {})],
        idempotency_key=idempotency_key,
    )
    return add_session(runtime, record, kept)


def rerun(runtime: Runtime, before: SessionRecord, kept: SessionSecrets, *, owner: str) -> SessionRecord:
    """Let a generation that ended wait once more, with the same seed. Raises SessionConflict, LimitReached."""
    if not before.is_finished:
        raise SessionConflict(f"The session {before.id} is {before.state}.", hint="Cancel it first.", code="unfinished")
    if needs_secrets(before):
        raise SessionConflict(
            "The request had secrets, which are not kept once a generation has ended.",
            hint="Send the request again, or name a data source that is saved.",
            code="secrets_gone",
        )
    seed = secrets.randbelow(DRAWN_SEEDS_COUNT) if before.seed is None else before.seed
    record = SessionRecord(
        id=f"session_{secrets.token_hex(16)}",
        state="queued",
        request=before.request,
        engine=before.engine,
        owner=owner,
        request_digest=before.request_digest,
        created_at=datetime.now(UTC),
        seed=seed,
        inputs=[name for name in before.inputs if name.startswith("upload:")],
        warnings=[one for one in before.warnings if one.get("code") == "ignored_field"],
        kind=before.kind,
    )
    return add_session(runtime, record, kept)


def needs_secrets(record: SessionRecord) -> bool:
    """Tell whether a request came with secrets: its public part says where."""
    return bool(record.request.get("secrets_set"))


def add_session(runtime: Runtime, record: SessionRecord, kept: SessionSecrets) -> SessionRecord:
    """Let a session wait, as far as the limits have it; its secrets are forgotten where they do not."""
    settings = runtime.config.settings.tables
    try:
        added = runtime.metadata.sessions.add(
            record, queued_max=settings.queued_sessions, recent_max=settings.generations_per_hour
        )
    except BaseException:
        kept.forget(record.id)
        raise
    if added.id != record.id:
        kept.forget(record.id)
    return added


def hide_secrets(request: GenerationRequest) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a request as it is stored, and its secrets by the paths where they belong."""
    public = request.model_dump(mode="json", exclude=UNTOLD)
    hidden: dict[str, str] = {}
    for number, source in enumerate(request.data_sources):
        config, found = split_secrets(source_type(source.type).config, source_config(source))
        public["data_sources"][number] = {"type": source.type, "config": config, "file_paths": None}
        hidden.update({f"{number}.{path}": secret for path, secret in found.items()})
    public["secrets_set"] = sorted(hidden)
    return public, hidden


def restore_request(public: Mapping[str, Any], hidden: Mapping[str, str]) -> GenerationRequest:
    """Return a request with its secrets; the opposite of `hide_secrets`."""
    request = GenerationRequest.model_validate({key: value for key, value in public.items() if key != "secrets_set"})
    sources = []
    for number, source in enumerate(request.data_sources):
        mine = {
            path.partition(".")[2]: secret for path, secret in hidden.items() if path.partition(".")[0] == f"{number}"
        }
        sources.append(RequestedSource(type=source.type, config=join_secrets(source.config, mine)))
    return request.model_copy(update={"data_sources": sources})


def digest_of_request(public: Mapping[str, Any]) -> str:
    """Return what equal requests have in common. No secret is part of it."""
    return sha256(orjson.dumps(public, option=orjson.OPT_SORT_KEYS)).hexdigest()


def keep_time(runtime: Runtime) -> timedelta:
    """Return for how long a session that ended is kept."""
    return timedelta(days=runtime.config.settings.tables.session_days)


def uploads_of(request: GenerationRequest) -> list[str]:
    """Return the stored names of the files that a request reads."""
    names = [
        path.removeprefix("uploads/")
        for source in request.data_sources
        if source_type(source.type).kind == "upload"
        for path in source_config(source)["file_paths"]
    ]
    return list(dict.fromkeys(names))


def _ignored(name: str) -> dict[str, Any]:
    return {"code": "ignored_field", "message": f"Nothing looks at the field {name[:200]} of the request.", "count": 1}

"""Google Drive v3, simulated: routing, authorization, faults (an expired page token, a lost cursor)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from filesync_dagster.simulators.google_drive import downloads, drives, file_operations, tokens
from filesync_dagster.simulators.google_drive.call import DriveCall
from filesync_dagster.simulators.google_drive.changes import get_start_page_token, list_changes
from filesync_dagster.simulators.google_drive.discovery import Method, method_of
from filesync_dagster.simulators.google_drive.downloads import MEDIA
from filesync_dagster.simulators.google_drive.listing import list_files
from filesync_dagster.simulators.google_drive.problems import (
    JSON,
    DriveRefusal,
    bad_token,
    file_not_found,
    forbidden,
    invalid,
    server_error,
    throttle_refusal,
)
from filesync_dagster.simulators.google_drive.store import ACCOUNT, ACTIONS, DriveStore
from filesync_dagster.simulators.kit.fault_injection import ANYWHERE, CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import AUTHORIZED, Route, ServiceCall, VendorService
from filesync_dagster.simulators.kit.wire import Answer, Request

Operation = Callable[[DriveCall], dict[str, Any] | bytes | Answer | None]

OPERATIONS: dict[str, Operation] = {
    "files.list": list_files,
    "changes.getStartPageToken": get_start_page_token,
    "changes.list": list_changes,
    "files.get": file_operations.get_file,
    MEDIA: downloads.get_media,
    "files.export": downloads.export_file,
    "files.create": file_operations.create_file,
    "files.update": file_operations.update_file,
    "files.copy": file_operations.copy_file,
    "files.delete": file_operations.delete_file,
    "drives.list": drives.list_drives,
    "drives.get": drives.get_drive,
    "drives.create": drives.create_drive,
    "drives.update": drives.update_drive,
    "drives.delete": drives.delete_drive,
    "permissions.list": drives.list_permissions,
    "permissions.get": drives.get_permission,
    "permissions.create": drives.create_permission,
    "permissions.update": drives.update_permission,
    "permissions.delete": drives.delete_permission,
    "about.get": drives.get_about,
}

SERVER_ERRORS = 500


@dataclass(frozen=True)
class DriveRoute(Route):
    """One call of the API, as Google describes it."""

    described: Method | None = None


class DriveSimulator(VendorService[DriveStore]):
    """Drive as one account sees it."""

    actions = ACTIONS
    token_path = "/token"  # noqa: S105 - a path
    token_faults = ANYWHERE | {Fault.DENY}

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0, account: str = ACCOUNT) -> None:
        super().__init__(DriveStore(seed, account), plan or FaultPlan(seed=seed))
        self.tokens = tokens.DriveTokens(account, self.issuer)
        self.or_loses_parents = True  # as Drive does: a query with several parents joined by `or` misses some

    def credentials(self, base_url: str) -> dict[str, str]:
        """Return the key of the service account for a simulator that is served at an address."""
        return tokens.service_account(base_url)

    def user_credentials(self, base_url: str) -> dict[str, str]:
        """Return the refresh token of a person who signed in."""
        return tokens.authorized_user(base_url)

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the call that a request is, and what its path says."""
        found = method_of(request)
        if found is None or found[0].name not in OPERATIONS:
            return None
        method, in_path = found
        name = MEDIA if method.name == "files.get" and request.parameter("alt") == "media" else method.name
        able = AUTHORIZED | {Fault.LOSE_CURSOR if method.name == "changes.list" else Fault.EXPIRE_PAGE}
        if name in downloads.CONTENTS:
            able |= CONTENT_FAULTS
        if not request.parameter("pageToken"):
            able -= {Fault.EXPIRE_PAGE}
        return DriveRoute(name, method.verb, "", OPERATIONS[name], able, described=method), in_path

    def unknown(self, request: Request) -> Answer:
        """Answer a request that is for no operation, or one that is not simulated."""
        text = f"The simulator does not know {request.method} {request.path}."
        return Answer(501 if method_of(request) else 404, text.encode(), {"content-type": "text/plain"})

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as Drive sends it."""
        assert isinstance(refusal, DriveRefusal)
        return refusal.answer()

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        if rule.fault is Fault.THROTTLE or status == 429:  # noqa: PLR2004 - its own reasons
            return throttle_refusal(status or 403, rule.reason, retry_after(rule)).answer()
        if status is None or status >= SERVER_ERRORS:
            return server_error(status or 503).answer()
        match status:
            case 401:
                return bad_token().answer()
            case 403:
                return DriveRefusal(403, rule.reason or "forbidden", "Forbidden").answer()
            case 404:
                return DriveRefusal(404, rule.reason or "notFound", "Not Found").answer()
            case _:
                return DriveRefusal(status, rule.reason or "badRequest", "Bad Request").answer()

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        if rule.reason:
            return DriveRefusal(403, rule.reason, "Forbidden")
        found = method_of(request)
        return forbidden(found[1].get("fileId", "") if found else "")

    def fetch_token(self, request: Request, faults: CallFaults) -> Answer:
        """Answer a request for an access token."""
        if faults.rule(Fault.DENY):
            refused = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return Answer(400, orjson.dumps(refused), JSON)
        return self.tokens.mint(request)

    def authorize(self, route: Route, request: Request) -> None:
        """Refuse a call without a good token for one of its scopes."""
        assert isinstance(route, DriveRoute)
        assert route.described
        self.tokens.check(request, route.described.scopes)

    def expire_token(self, request: Request) -> None:
        """Let the token of a request be good no longer."""
        self.tokens.expire(request)

    def mutate(self) -> None:
        """Do one thing to a file, at random."""
        self.store.mutate(self.plan.random)

    def run(self, route: Any, call: ServiceCall[DriveStore]) -> Answer:
        """Do what a call does."""
        arguments = route.described.arguments(call.request, call.ids)
        own = DriveCall(route.described, arguments, call.request, self.store, call.faults, self.or_loses_parents)
        _refuse_token(own)
        answer = route.run(own)
        if isinstance(answer, Answer):
            return answer
        body = answer if isinstance(answer, bytes) else b"" if answer is None else orjson.dumps(answer)
        return Answer(200 if body else 204, body, JSON)


def _refuse_token(call: DriveCall) -> None:
    """Refuse the page token or the cursor of a call, if that is what happens."""
    if call.faults.rule(Fault.EXPIRE_PAGE):
        raise invalid("pageToken")
    rule = call.faults.rule(Fault.LOSE_CURSOR)
    if rule:
        match rule.status or 400:
            case 404:
                raise file_not_found(str(call["driveId"] or ""))
            case 403:
                raise DriveRefusal(403, rule.reason or "forbidden", "Forbidden")
            case _:
                raise invalid("pageToken")

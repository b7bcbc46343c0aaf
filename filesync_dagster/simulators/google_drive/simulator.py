"""Google Drive v3, simulated: routing, authorization, faults."""

from collections.abc import Callable
from typing import Any

import orjson

from filesync_dagster.simulators.google_drive import drives, file_operations, tokens
from filesync_dagster.simulators.google_drive.call import DriveCall
from filesync_dagster.simulators.google_drive.changes import get_start_page_token, list_changes
from filesync_dagster.simulators.google_drive.discovery import method_of
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
from filesync_dagster.simulators.kit import fault_injection
from filesync_dagster.simulators.kit.control import CONTROL_PATH, answer_control
from filesync_dagster.simulators.kit.fault_injection import CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.wire import Answer, Request

Operation = Callable[[DriveCall], dict[str, Any] | bytes | None]

OPERATIONS: dict[str, Operation] = {
    "files.list": list_files,
    "changes.getStartPageToken": get_start_page_token,
    "changes.list": list_changes,
    "files.get": file_operations.get_file,
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

ANYWHERE = fault_injection.ANYWHERE | {Fault.DENY, Fault.MUTATE}
SERVER_ERRORS = 500


class DriveSimulator:
    """Drive as one account sees it. `store` is what people act on, `plan` what goes wrong."""

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0, account: str = ACCOUNT) -> None:
        self.plan = plan or FaultPlan(seed=seed)
        self.store = DriveStore(seed, account)
        self.tokens = tokens.DriveTokens(account)
        self.or_loses_parents = True  # as Drive does: a query with several parents joined by `or` misses some

    def credentials(self, base_url: str) -> dict[str, str]:
        """Return the key of the service account for a simulator that is served at an address."""
        return tokens.service_account(base_url)

    def user_credentials(self, base_url: str) -> dict[str, str]:
        """Return the refresh token of a person who signed in."""
        return tokens.authorized_user(base_url)

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        if request.path.startswith(CONTROL_PATH):
            return answer_control(self.store, request, ACTIONS)
        try:
            if request.path == "/token" and request.method == "POST":
                return self._token(request)
            return self._call(request)
        except DriveRefusal as refusal:
            return refusal.answer()

    def _token(self, request: Request) -> Answer:
        faults = CallFaults(self.plan, "token", request, refuse)
        faults.strike(ANYWHERE - {Fault.MUTATE})
        instead = faults.instead()
        if instead is not None:
            return instead
        if faults.rule(Fault.DENY):
            refused = {"error": "invalid_grant", "error_description": "Token has been expired or revoked."}
            return Answer(400, orjson.dumps(refused), JSON)
        return faults.distort(self.tokens.mint(request))

    def _call(self, request: Request) -> Answer:
        found = method_of(request)
        if found is None or found[0].name not in OPERATIONS:
            what = f"{request.method} {request.path}"
            text = f"The simulator does not know {what}."
            return Answer(501 if found else 404, text.encode(), {"content-type": "text/plain"})
        method, in_path = found
        self.tokens.check(request, method.scopes)
        faults = CallFaults(self.plan, method.name, request, refuse)
        call = DriveCall(method, method.arguments(request, in_path), request, self.store, faults, self.or_loses_parents)
        faults.strike(_able(call))
        instead = faults.instead()
        if instead is not None:
            return instead
        if faults.rule(Fault.EXPIRE_TOKEN):
            self.tokens.expire(request)
            raise bad_token()
        _refuse(call)
        with self.store.lock:
            answer = OPERATIONS[method.name](call)
            if faults.rule(Fault.MUTATE):
                self.store.mutate(self.plan.random)
        body = answer if isinstance(answer, bytes) else b"" if answer is None else orjson.dumps(answer)
        return faults.distort(Answer(200 if body else 204, body, JSON))


def _able(call: DriveCall) -> frozenset[Fault]:
    able = ANYWHERE | {Fault.EXPIRE_TOKEN}
    if call.method.name == "changes.list":
        able |= {Fault.LOSE_CURSOR}
    elif call["pageToken"]:
        able |= {Fault.EXPIRE_PAGE}
    return able


def refuse(rule: Rule, status: int | None) -> Answer:
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


def _refuse(call: DriveCall) -> None:
    rule = call.faults.rule(Fault.DENY)
    if rule:
        raise DriveRefusal(403, rule.reason, "Forbidden") if rule.reason else forbidden(str(call["fileId"] or ""))
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

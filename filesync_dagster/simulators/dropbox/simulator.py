"""Dropbox API v2, simulated: routing, authorization, faults (a cursor that is reset)."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import orjson

from filesync_dagster.simulators.dropbox import folders, operations
from filesync_dagster.simulators.dropbox.refusals import JSON, DropboxRefusal, throttle_answer, word_status
from filesync_dagster.simulators.dropbox.roots import require_member
from filesync_dagster.simulators.dropbox.store import ACCOUNT, ACTIONS, DropboxStore
from filesync_dagster.simulators.kit.fault_injection import ANYWHERE, CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import AUTHORIZED, Route, ServiceCall, VendorService
from filesync_dagster.simulators.kit.tokens import bearer_token, random_token
from filesync_dagster.simulators.kit.wire import Answer, Request

CONTINUE = "files/list_folder/continue"
LONGPOLL = "files/list_folder/longpoll"


def _route(name: str, run: Callable[[Any], Any], faults: Collection[Fault] = AUTHORIZED, method: str = "POST") -> Route:
    return Route(name, method, f"/2/{name}", run, faults, "calls")


class DropboxSimulator(VendorService[DropboxStore]):
    """Dropbox as one account sees it: all of its hosts at one address."""

    routes = (
        _route("files/list_folder", folders.list_folder),
        _route(CONTINUE, folders.continue_listing),
        _route("files/list_folder/get_latest_cursor", folders.get_latest_cursor),
        _route(LONGPOLL, folders.longpoll, ANYWHERE),
        _route("files/get_metadata", operations.get_metadata),
        _route("files/download", operations.download, AUTHORIZED | CONTENT_FAULTS),
        _route("files/download", operations.download, AUTHORIZED | CONTENT_FAULTS, "GET"),
        _route("files/export", operations.export, AUTHORIZED | CONTENT_FAULTS),
        _route("files/export", operations.export, AUTHORIZED | CONTENT_FAULTS, "GET"),
        _route("users/get_current_account", operations.get_current_account),
        _route("sharing/list_folders", operations.list_shared_folders),
        _route("sharing/list_folders/continue", operations.list_shared_folders),
        _route("sharing/list_folder_members", operations.list_folder_members),
        _route("sharing/list_file_members", operations.list_file_members),
    )
    actions = ACTIONS
    token_faults = ANYWHERE | {Fault.DENY}
    client_id = "simulated-app-key"
    client_secret = "simulated-app-secret"  # noqa: S105 - opens nothing but a simulator

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0, account: str = ACCOUNT) -> None:
        super().__init__(DropboxStore(seed, account), plan or FaultPlan(seed=seed))

    def credentials(self, base_url: str) -> dict[str, str]:
        """Return what an endpoint has to know to reach this simulator at an address."""
        return {
            "base_url": base_url,
            "token_url": f"{base_url}{self.token_path}",
            "app_key": self.client_id,
            "app_secret": self.client_secret,
            "refresh_token": self.refresh_token,
        }

    def access_token(self) -> str:
        """Return a new access token, as somebody has it who generated one in the app console."""
        token = random_token("sl.", 48)
        self.issuer.mint(token, "user")
        return token

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the operation that a request is for; what continues a list has faults of its own."""
        found = super().find(request)
        if found is None or found[0].name != CONTINUE:
            return found
        return replace(found[0], faults=_able(request)), found[1]

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as Dropbox sends it."""
        if isinstance(refusal, DropboxRefusal):
            return refusal.answer()
        return DropboxRefusal(refusal.status, refusal.code, refusal.detail).answer()

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        if rule.fault is Fault.THROTTLE or status == 429:  # noqa: PLR2004 - its own words
            if status not in {None, 429}:
                return Answer(status or 503, b"Service Unavailable", retry_after(rule))
            return throttle_answer(rule.seconds, retry_after(rule) if rule.dated else {})
        return word_status(status or 503, rule.reason)

    def throttle(self, seconds: float) -> Answer:
        """Return the answer to a call too many."""
        return throttle_answer(seconds, {})

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        return DropboxRefusal(403, rule.reason or "no_permission")

    def fetch_token(self, request: Request, faults: CallFaults) -> Answer:
        """Answer a request for an access token by a refresh token."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return _token_refusal("invalid_client", "Invalid client_id or client_secret")
        if form.get("grant_type") != "refresh_token":
            return _token_refusal("unsupported_grant_type", "grant type must be refresh_token")
        if form.get("refresh_token") != self.refresh_token or faults.rule(Fault.DENY):
            return _token_refusal("invalid_grant", "refresh token is invalid or revoked")
        return Answer(200, orjson.dumps(self.issuer.mint(random_token("sl.", 48), "user")), JSON)

    def authorize(self, route: Route, request: Request) -> str:
        """Refuse a call without a good token; a long poll needs none."""
        if route.name == LONGPOLL:
            return ""
        if not bearer_token(request):
            raise DropboxRefusal(400, "bad_request", 'Must provide HTTP header "Authorization" or URL parameter.')
        if self.issuer.grant_of(bearer_token(request)) is None:
            raise DropboxRefusal(401, "expired_access_token")
        return "user"

    def run(self, route: Route, call: ServiceCall[DropboxStore]) -> Answer:
        """Do what a call does. Nothing is done for nobody."""
        if route.name != LONGPOLL:
            require_member(call)
        return super().run(route, call)

    def mutate(self) -> None:
        """Do one thing to a file, at random."""
        self.store.mutate(self.plan.random)


def _able(request: Request) -> frozenset[Fault]:
    """Return what can happen to a continued list: a reset of the listing, or of the feed that it has become."""
    try:
        in_feed = folders.Cursor.parse(orjson.loads(request.body or b"{}").get("cursor")).page is None
    except (ValueError, AttributeError, DropboxRefusal):
        return frozenset(AUTHORIZED)
    return frozenset(AUTHORIZED | {Fault.LOSE_CURSOR if in_feed else Fault.EXPIRE_PAGE})


def _token_refusal(code: str, text: str) -> Answer:
    return Answer(400, orjson.dumps({"error": code, "error_description": text}), JSON)

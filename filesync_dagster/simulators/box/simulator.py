"""The simulator: Box's routes, tokens and refusals around its calls."""

import time
from collections.abc import Callable
from typing import Any

from filesync_dagster.simulators.box import edits, items
from filesync_dagster.simulators.box.call import BoxCall, BoxGrant, refusal_answer
from filesync_dagster.simulators.box.downloads import DOWNLOAD, LINK_PATH, locate_content, send_content
from filesync_dagster.simulators.box.events import get_events
from filesync_dagster.simulators.box.store import ACCOUNT, ACTIONS, ENTERPRISE, KINDS, BoxStore
from filesync_dagster.simulators.box.tokens import TOKEN_PATH, BoxApplication, BoxTokens, oauth_refusal
from filesync_dagster.simulators.kit.fault_injection import ANYWHERE, CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.people import person_id
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import AUTHORIZED, Route, ServiceCall, VendorService
from filesync_dagster.simulators.kit.wire import Answer, Request

API = "/2.0"
THROTTLED, SERVER_ERROR = 429, 500


def _item_routes(kind: str) -> list[Route]:
    path, one = f"{API}/{kind}s", f"{API}/{kind}s/{{id}}"
    return [
        Route(f"get_{kind}", "GET", one, items.get_item(kind)),
        Route(f"get_trashed_{kind}", "GET", f"{one}/trash", items.get_trashed(kind)),
        Route(f"update_{kind}", "PUT", one, edits.update_item(kind)),
        Route(f"trash_{kind}", "DELETE", one, edits.trash_item(kind)),
        Route(f"restore_{kind}", "POST", one, edits.restore_item(kind)),
        Route(f"purge_{kind}", "DELETE", f"{one}/trash", edits.purge_item(kind)),
        *([] if kind == "file" else [Route(f"create_{kind}", "POST", path, edits.create_item(kind))]),
    ]


ROUTES = [
    Route("get_me", "GET", f"{API}/users/me", items.get_me),
    Route("list_trash", "GET", f"{API}/folders/trash/items", items.list_trash),
    Route("list_folder", "GET", f"{API}/folders/{{id}}/items", items.list_folder),
    Route("get_events", "GET", f"{API}/events", get_events),
    Route("locate_content", "GET", f"{API}/files/{{id}}/content", locate_content),
    Route(DOWNLOAD, "GET", f"{LINK_PATH}{{id}}/download", send_content, AUTHORIZED | CONTENT_FAULTS),
    Route("upload_file", "POST", f"{API}/files/content", edits.upload_file),
    Route("upload_version", "POST", f"{API}/files/{{id}}/content", edits.upload_version),
    Route("create_collaboration", "POST", f"{API}/collaborations", edits.create_collaboration),
    *(
        Route(f"list_{kind}_collaborations", "GET", f"{API}/{kind}s/{{id}}/collaborations",
              items.list_collaborations(kind))
        for kind in ("file", "folder")
    ),
    *(route for kind in KINDS for route in _item_routes(kind)),
]  # fmt: skip


class BoxSimulator(VendorService[BoxStore]):
    """Box as one account sees it: the service account of an app, or a user. Thread-safe."""

    actions = ACTIONS
    token_path = TOKEN_PATH
    token_faults = ANYWHERE | {Fault.DENY}

    def __init__(
        self,
        plan: FaultPlan | None = None,
        seed: int = 0,
        account: str = ACCOUNT,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(BoxStore(seed, account), plan or FaultPlan(seed=seed), now)
        self.application = BoxApplication(self.client_id, self.client_secret, ENTERPRISE, person_id(account))
        self.tokens = BoxTokens(self.application, self.issuer)

    def credentials(self, base_url: str) -> dict[str, str]:
        """Return what an endpoint has to know to reach this simulator at an address."""
        known = super().credentials(base_url)
        return {**known, "token_url": f"{base_url}{TOKEN_PATH}", "enterprise_id": self.application.enterprise_id}

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the operation that a request is for, with what can go wrong with it."""
        for route in ROUTES:
            ids = route.ids(request)
            if ids is not None:
                return _with_faults(route, request), ids
        return None

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as Box sends it."""
        return refusal_answer(refusal, f"request{sum(self.counts.values())}")

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        if rule.fault is Fault.THROTTLE or status == THROTTLED:
            refusal = Refusal(THROTTLED, rule.reason or "rate_limit_exceeded", "Request rate limit exceeded")
            return refusal_answer(refusal, "throttled", retry_after(rule, 1.0))
        status = status or 503
        known = {400: "bad_request", 401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict"}
        code = rule.reason or known.get(status) or ("unavailable" if status >= SERVER_ERROR else "error")
        return refusal_answer(Refusal(status, code, "The plan says so"), "planned", retry_after(rule))

    def throttle(self, seconds: float) -> Answer:
        """Return the answer to a call too many."""
        refusal = Refusal(THROTTLED, "rate_limit_exceeded", "Request rate limit exceeded, please try again later")
        return refusal_answer(refusal, "throttled", {"retry-after": str(round(seconds))})

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        return Refusal(403, rule.reason or "access_denied_insufficient_permissions", "Access denied")

    def fetch_token(self, request: Request, faults: CallFaults) -> Answer:
        """Answer a request for an access token."""
        if faults.rule(Fault.DENY):
            return oauth_refusal("unauthorized_client", "This app is not authorized by the enterprise")
        return self.tokens.answer(request)

    def authorize(self, route: Route, request: Request) -> BoxGrant | None:
        """Return what the token of a request allows; None where an address needs none. Raises Refusal."""
        if route.name == DOWNLOAD:
            return None
        grant: BoxGrant = super().authorize(route, request)
        return grant

    def expire_token(self, request: Request) -> None:
        """Let the token of a request, or the address that stands for one, be good no longer."""
        if request.path.startswith(LINK_PATH):
            with self.store.lock:
                self.store.links.pop(request.path.removeprefix(LINK_PATH).removesuffix("/download"), None)
        else:
            super().expire_token(request)

    def mutate(self) -> None:
        """Let somebody do something, at random."""
        self.store.mutate(self.plan.random)

    def run(self, route: Any, call: ServiceCall[BoxStore]) -> Answer:
        """Do what an operation does."""
        return super().run(route, BoxCall(call.store, call.request, call.ids, call.faults, call.grant))


def _with_faults(route: Route, request: Request) -> Route:
    able = set(route.faults)
    if request.parameter("marker"):
        able.add(Fault.EXPIRE_PAGE)
    if route.name == "get_events" and request.parameter("stream_position") not in {"", "now"}:
        able.add(Fault.LOSE_CURSOR)
    return Route(route.name, route.method, route.path, route.run, able, route.quota, route.scope)

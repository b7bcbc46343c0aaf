"""The simulator: Autodesk's tokens, refusals and documents around its operations."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from filesync_dagster.simulators.autodesk.call import AutodeskCall
from filesync_dagster.simulators.autodesk.downloads import DOWNLOAD, SIGNED_PATH
from filesync_dagster.simulators.autodesk.operations import OPERATIONS, QUOTAS
from filesync_dagster.simulators.autodesk.refusals import (
    FAULTS,
    JSON_API,
    ApsRefusal,
    GatewayRefusal,
    bad_input,
    corrupt,
    expired_token,
    forbidden,
    gateway,
    refuse,
    throttle_answer,
)
from filesync_dagster.simulators.autodesk.resources import Resources, encode
from filesync_dagster.simulators.autodesk.store import ACTIONS, HubStore
from filesync_dagster.simulators.autodesk.tokens import TOKEN_PATH, AutodeskTokens, RegisteredApplication, TokenGrant
from filesync_dagster.simulators.kit.fault_injection import CallFaults
from filesync_dagster.simulators.kit.faults import FaultPlan, Rule
from filesync_dagster.simulators.kit.paging import NumberedPages
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import ANY_CALL, Route, ServiceCall, VendorService
from filesync_dagster.simulators.kit.tokens import bearer_token
from filesync_dagster.simulators.kit.wire import Answer, Request

REGIONS = frozenset({"US", "EMEA", "AUS", "CAN", "DEU", "IND", "JPN", "GBR"})


class AutodeskSimulator(VendorService[HubStore]):
    """Autodesk Platform Services in memory. Thread-safe.

    `now` is the time in seconds that access tokens and quotas go by: the real one, or `store.clock.seconds`.
    """

    routes = OPERATIONS
    actions = ACTIONS
    token_path = TOKEN_PATH
    token_faults = ANY_CALL
    token_name = "fetch-token"  # noqa: S105 - as the description calls it

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0, now: Callable[[], float] | None = None) -> None:
        super().__init__(HubStore(seed), plan, now or time.time)
        unknown = {rule.fault for rule in self.plan.rules} - FAULTS
        if unknown:
            raise ValueError(f"Autodesk cannot do {', '.join(sorted(unknown))}.")
        self.application = RegisteredApplication(
            "simulated-client", "simulated-secret", f"SSA{seed:09}", self.store.uuid()
        )
        self.tokens = AutodeskTokens(self.application, self.issuer)
        self._pages = NumberedPages()

    def limit(self, calls_a_minute: Mapping[str, int] = QUOTAS, now: Callable[[], float] | None = None) -> None:
        """Switch the rate limits on, those of Autodesk unless others are given. {} switches them off."""
        super().limit(calls_a_minute, now)

    def credentials(self, base_url: str, *, service_account: bool = False) -> dict[str, str]:
        """Return what an endpoint has to know to reach this simulator at an address."""
        known = {
            "base_url": base_url,
            "client_id": self.application.client_id,
            "client_secret": self.application.client_secret,
        }
        if service_account:
            known["service_account_id"] = self.application.service_account_id
            known["key_id"] = self.application.key_id
            known["private_key"] = self.application.private_key
        return known

    def handle(self, request: Request) -> Answer:
        """Answer a request. Autodesk's own SDK for Node.js asks with two slashes, and its gateway does not mind."""
        if request.path.startswith("//"):
            request = replace(request, path=f"/{request.path.lstrip('/')}")
        return super().handle(request)

    def unknown(self, request: Request) -> Answer:
        """Answer a request that is for no operation."""
        return gateway(404, "ERR-404", "The requested resource does not exist.")

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as the service, or the gateway before it, sends it."""
        if isinstance(refusal, GatewayRefusal):
            return refusal.answer()
        assert isinstance(refusal, ApsRefusal)
        with self.store.lock:
            return refusal.answer(self.store.uuid())

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        return refuse(rule, status)

    def throttle(self, seconds: float) -> Answer:
        """Return the answer to a call too many."""
        return throttle_answer({"retry-after": f"{round(seconds)}"})

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        return forbidden(rule.reason or "You don't have permission to access this resource.")

    def fetch_token(self, request: Request, faults: CallFaults) -> Answer:
        """Answer a request for an access token."""
        return self.tokens.answer(request)

    def authorize(self, route: Route, request: Request) -> TokenGrant | None:
        """Return what the token of a request allows; None where an address needs none. Raises Refusal."""
        if route.name == DOWNLOAD:
            return None
        grant: TokenGrant | None = self.issuer.grant_of(bearer_token(request))
        if grant is None:
            raise expired_token()
        if route.scope not in grant.scopes:
            raise GatewayRefusal(403, "AUTH-010", "Token does not have the privilege for this request.")
        return grant

    def expire_token(self, request: Request) -> None:
        """Let the token of a request, or the address that stands for one, be good no longer."""
        if request.path.startswith(SIGNED_PATH):
            self.store.links.pop(request.path.removeprefix(SIGNED_PATH), None)
        else:
            super().expire_token(request)

    def mutate(self) -> None:
        """Let somebody do something, at random."""
        self.store.mutate(self.plan.random)

    def run(self, route: Any, call: ServiceCall[HubStore]) -> Answer:
        """Do what an operation does."""
        if call.request.headers.get("x-ads-region", "US") not in REGIONS:
            raise bad_input("The x-ads-region header is invalid.")
        own = AutodeskCall(
            self.store,
            Resources(_base(call.request)),
            call.request,
            call.grant,
            route.parameters.read(call.request.query),
            dict(call.ids),
            self._pages,
            call.faults,
            now=self.now(),
        )
        document: Any = route.run(own)
        if isinstance(document, Answer):
            return document
        if own.status == 304:  # noqa: PLR2004 - not modified: no document
            return Answer(own.status, b"", own.headers)
        corrupt(document, call.faults)
        return Answer(own.status, encode(document), {"content-type": JSON_API, **own.headers})


def _base(request: Request) -> str:
    """Return where a client reached the service. With a port it is a simulator that is served, without TLS."""
    host = request.headers.get("host", "developer.api.autodesk.com")
    return f"http{'' if ':' in host else 's'}://{host}"

"""The simulator: a request passes faults, quotas and tokens on its way to an operation."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from filesync_dagster.simulators.autodesk.call import AutodeskCall
from filesync_dagster.simulators.autodesk.control import ACTIONS
from filesync_dagster.simulators.autodesk.documents import Documents
from filesync_dagster.simulators.autodesk.fault_injection import ANYWHERE, FAULTS, ApsFaults, refuse
from filesync_dagster.simulators.autodesk.item_encoder import Encoder, encode
from filesync_dagster.simulators.autodesk.mutations import mutate
from filesync_dagster.simulators.autodesk.operations import QUOTAS, Operation, operation_of
from filesync_dagster.simulators.autodesk.pages import Cuts
from filesync_dagster.simulators.autodesk.refusals import (
    JSON_API,
    ApsRefusal,
    bad_input,
    expired_token,
    gateway,
    throttle_answer,
)
from filesync_dagster.simulators.autodesk.store import HubStore
from filesync_dagster.simulators.autodesk.tokens import TOKEN_PATH, AutodeskTokens, RegisteredApplication, TokenGrant
from filesync_dagster.simulators.kit.control import CONTROL_PATH, answer_control
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.quotas import Quotas
from filesync_dagster.simulators.kit.wire import Answer, Request

REGIONS = frozenset({"US", "EMEA", "AUS", "CAN", "DEU", "IND", "JPN", "GBR"})


class AutodeskSimulator:
    """Autodesk Platform Services in memory. Thread-safe.

    `now` is the time in seconds that access tokens and quotas go by: the real one, or `store.clock.seconds`.
    `counts` tells how often each operation was called.
    """

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0, now: Callable[[], float] | None = None) -> None:
        self.plan = plan or FaultPlan()
        unknown = {rule.fault for rule in self.plan.rules} - FAULTS
        if unknown:
            raise ValueError(f"Autodesk cannot do {', '.join(sorted(unknown))}.")
        self.store = HubStore(seed)
        self.now = now or time.time
        self.counts: Counter[str] = Counter()
        self.application = RegisteredApplication(
            "simulated-client", "simulated-secret", f"SSA{seed:09}", self.store.mint.uuid()
        )
        self.tokens = AutodeskTokens(self.application, self.now)
        self.quotas = Quotas({}, self.now)
        self._cuts = Cuts()
        self._encoder = Encoder()

    def limit(self, calls_a_minute: Mapping[str, int] = QUOTAS, now: Callable[[], float] | None = None) -> None:
        """Switch the rate limits on: so many calls of a class in a minute. {} switches them off.

        Minutes are those of `now`: that of the simulator, unless another one is given.
        """
        self.quotas = Quotas(calls_a_minute, now or self.now)

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
        """Answer a request."""
        if request.path.startswith("//"):
            # Autodesk's own SDK for Node.js asks so, and its gateway does not mind.
            request = replace(request, path=f"/{request.path.lstrip('/')}")
        if request.path.startswith(CONTROL_PATH):
            return answer_control(self.store, request, ACTIONS)
        if (request.method, request.path) == ("POST", TOKEN_PATH):
            return self._answer("fetch-token", "token", ANYWHERE, request, lambda _: self.tokens.answer(request))
        found = operation_of(request.method, request.path)
        if found is None:
            return gateway(404, "ERR-404", "The requested resource does not exist.")
        operation, ids = found
        return self._answer(
            operation.name,
            operation.quota,
            operation.faults,
            request,
            lambda faults: self._authorized(operation, ids, request, faults),
        )

    def _answer(
        self, name: str, quota: str, able: Collection[Fault], request: Request, answer: Callable[[ApsFaults], Answer]
    ) -> Answer:
        faults = ApsFaults(self.plan, name, request, refuse)
        faults.strike(able)
        with self.store.lock:
            self.counts[name] += 1
        wait = self.quotas.spend(quota)
        instead = faults.instead()
        if instead is None and wait is not None:
            instead = throttle_answer({"retry-after": f"{round(wait)}"})
        if instead:
            return instead
        given = faults.distort(answer(faults))
        if faults.rule(Fault.MUTATE):
            mutate(self.store, self.plan.random)
        return given

    def _authorized(self, operation: Operation, ids: dict[str, str], request: Request, faults: ApsFaults) -> Answer:
        if faults.rule(Fault.EXPIRE_TOKEN):
            self.tokens.expire(request)
        grant = self.tokens.grant(request)
        if grant is None:
            return expired_token()
        if operation.scope not in grant.scopes:
            return gateway(403, "AUTH-010", "Token does not have the privilege for this request.")
        with self.store.lock:
            try:
                faults.deny()
                return self._run(operation, ids, request, grant, faults)
            except ApsRefusal as refusal:
                return refusal.answer(self.store.mint.uuid())

    def _run(
        self, operation: Operation, ids: dict[str, str], request: Request, grant: TokenGrant, faults: ApsFaults
    ) -> Answer:
        if request.headers.get("x-ads-region", "US") not in REGIONS:
            raise bad_input("The x-ads-region header is invalid.")
        call = AutodeskCall(
            self.store,
            Documents(self.store, _base(request)),
            request,
            grant,
            operation.parameters.read(request.query),
            ids,
            self._cuts,
            self._encoder,
            faults,
        )
        document: Any = operation.run(call)
        if call.status == 304:  # noqa: PLR2004 - not modified: no document
            return Answer(call.status, b"", call.headers)
        faults.corrupt(document)
        return Answer(call.status, encode(document), {"content-type": JSON_API, **call.headers})


def _base(request: Request) -> str:
    """Return where a client reached the service. With a port it is a simulator that is served, without TLS."""
    host = request.headers.get("host", "developer.api.autodesk.com")
    return f"http{'' if ':' in host else 's'}://{host}"

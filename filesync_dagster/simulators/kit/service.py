"""A provider as a whole: a request passes its route, faults, quotas and tokens on its way to an operation.

A vendor derives a `VendorService`: its operations, how it words a refusal, and what of tokens is its own.
"""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote

import orjson

from filesync_dagster.simulators.kit.control import (
    CONTROL_PATH,
    CREDENTIALS_PATH,
    FAULT_PATH,
    answer_control,
    answer_credentials,
    answer_fault,
)
from filesync_dagster.simulators.kit.fault_injection import ANYWHERE, CallFaults
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.quotas import Quotas
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.tokens import TokenIssuer, bearer_token, random_token
from filesync_dagster.simulators.kit.wire import Answer, Request

ANY_CALL = ANYWHERE | {Fault.MUTATE}
AUTHORIZED = ANY_CALL | {Fault.EXPIRE_TOKEN, Fault.DENY}
"""What can happen to any call with a token."""
JSON = {"content-type": "application/json"}


class LockedStore(Protocol):
    """What people act on."""

    lock: threading.RLock


Store = TypeVar("Store", bound=LockedStore)


@dataclass(frozen=True)
class Route:
    """One operation of a provider: a method, a path with `{names}` of ids in it, and what answers.

    `run` returns a document, bytes, an `Answer`, or None for 204. A call counts against its `quota` if that is limited.
    """

    name: str
    method: str
    path: str
    run: Callable[[Any], Any]
    faults: Collection[Fault] = AUTHORIZED
    quota: str = ""
    scope: str = ""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", self.path))

    def ids(self, request: Request) -> dict[str, str] | None:
        """Return the ids in the path of a request, None if it is not for this operation."""
        match = self._pattern.fullmatch(request.path) if request.method == self.method else None
        return {name: unquote(value) for name, value in match.groupdict().items()} if match else None


@dataclass
class ServiceCall(Generic[Store]):
    """One call of an operation. It holds the store's lock."""

    store: Store
    request: Request
    ids: Mapping[str, str]
    faults: CallFaults
    grant: Any = None  # what its token allows

    def payload(self) -> dict[str, Any]:
        """Return the JSON object that was sent; an empty one if nothing was. Raises Refusal."""
        try:
            payload = orjson.loads(self.request.body or b"{}")
        except orjson.JSONDecodeError as error:
            raise Refusal(400, "bad_request", "The body is no JSON.") from error
        if not isinstance(payload, dict):
            raise Refusal(400, "bad_request", "The body is no JSON object.")
        return payload


class VendorService(Generic[Store]):
    """A provider as one account sees it. Thread-safe. `store` is what people act on, `plan` what goes wrong.

    `counts` tells how often each operation was called; `now` is the time in seconds that tokens and quotas go by.
    """

    routes: Sequence[Route] = ()
    actions: Collection[str] = ()
    faults_type: type[CallFaults] = CallFaults
    token_path = "/oauth2/token"  # noqa: S105 - a path
    token_faults: Collection[Fault] = ANYWHERE
    token_name = "token"  # noqa: S105 - of the call that fetches one, in plans and counts
    client_id = "simulated-client"
    client_secret = "simulated-secret"  # noqa: S105 - opens nothing but a simulator
    refresh_token = "simulated-refresh-token"  # noqa: S105 - likewise

    def __init__(self, store: Store, plan: FaultPlan | None = None, now: Callable[[], float] = time.time) -> None:
        self.store = store
        self.plan = plan or FaultPlan()
        self.now = now
        self.issuer: TokenIssuer[Any] = TokenIssuer(now)
        self.quotas = Quotas({}, now)
        self.counts: Counter[str] = Counter()

    def credentials(self, base_url: str) -> dict[str, str]:
        """Return what an endpoint has to know to reach this simulator at an address."""
        return {"base_url": base_url, "client_id": self.client_id, "client_secret": self.client_secret}

    def limit(self, calls_a_minute: Mapping[str, int], now: Callable[[], float] | None = None) -> None:
        """Switch the rate limits on: so many calls of a class in a minute. {} switches them off.

        Minutes are those of `now`: that of the simulator, unless another one is given.
        """
        self.quotas = Quotas(calls_a_minute, now or self.now)

    # What a vendor says in its own words.

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as the vendor sends it."""
        body = {"error": {"code": refusal.code, "message": refusal.detail}}
        return Answer(refusal.status, orjson.dumps(body), JSON)

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        return self.word_refusal(Refusal(status or 429, rule.reason or "error", "The plan says so."))

    def throttle(self, seconds: float) -> Answer:
        """Return the answer to a call too many."""
        refusal = self.word_refusal(Refusal(429, "too_many_requests", "Too many requests."))
        return Answer(refusal.status, refusal.body, {**refusal.headers, "retry-after": str(round(seconds))})

    def fetch_token(self, request: Request, faults: CallFaults) -> Answer:
        """Answer a request for an access token: client credentials, or a refresh token."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        known = (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        grant = form.get("grant_type")
        if not known or (grant == "refresh_token" and form.get("refresh_token") != self.refresh_token):
            return self.word_refusal(Refusal(401, "invalid_client", "The client or its token is unknown."))
        if grant not in {"client_credentials", "refresh_token"}:
            return self.word_refusal(Refusal(400, "unsupported_grant_type", "This grant is not supported."))
        return Answer(200, orjson.dumps(self.issuer.mint(random_token("simulated.", 24), grant)), JSON)

    def authorize(self, route: Route, request: Request) -> Any:
        """Return what the token of a request allows. Raises Refusal."""
        grant = self.issuer.grant_of(bearer_token(request))
        if grant is None:
            raise Refusal(401, "expired_access_token", "The access token is not good, or no longer.")
        return grant

    def expire_token(self, request: Request) -> None:
        """Let the token of a request be good no longer."""
        self.issuer.expire(bearer_token(request))

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        return Refusal(403, rule.reason or "access_denied", "Access is denied.")

    def unknown(self, request: Request) -> Answer:
        """Answer a request that is for no operation."""
        text = f"The simulator does not know {request.method} {request.path}."
        return self.word_refusal(Refusal(404, "not_found", text))

    def mutate(self) -> None:
        """Let somebody do something, at random."""

    # How a request goes.

    def handle(self, request: Request) -> Answer:
        """Answer a request."""
        if (request.method, request.path) == ("POST", FAULT_PATH):
            return answer_fault(self.plan, request)
        if (request.method, request.path) == ("GET", CREDENTIALS_PATH):
            return answer_credentials(self.credentials, request)
        if request.path.startswith(CONTROL_PATH):
            return answer_control(self.store, request, self.actions)
        try:
            if (request.method, request.path) == ("POST", self.token_path):
                return self._answer(
                    self.token_name,
                    "token",
                    self.token_faults,
                    request,
                    lambda faults: self.fetch_token(request, faults),
                )
            found = self.find(request)
            return self.unknown(request) if found is None else self._authorized(request, *found)
        except Refusal as refusal:
            return self.word_refusal(refusal)

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the operation that a request is for, and the ids in its path."""
        for route in self.routes:
            ids = route.ids(request)
            if ids is not None:
                return route, ids
        return None

    def run(self, route: Any, call: ServiceCall[Store]) -> Answer:
        """Do what an operation does. Holds the store's lock."""
        document = route.run(call)
        if isinstance(document, Answer):
            return document
        if document is None:
            return Answer(204)
        return Answer(200, document if isinstance(document, bytes) else orjson.dumps(document), JSON)

    def _authorized(self, request: Request, route: Route, ids: Mapping[str, str]) -> Answer:
        def run(faults: CallFaults) -> Answer:
            if faults.rule(Fault.EXPIRE_TOKEN):
                self.expire_token(request)
            grant = self.authorize(route, request)
            denied = faults.rule(Fault.DENY)
            if denied:
                raise self.deny(denied, request)
            with self.store.lock:
                return self.run(route, ServiceCall(self.store, request, ids, faults, grant))

        return self._answer(route.name, route.quota, route.faults, request, run)

    def _answer(
        self, name: str, quota: str, able: Collection[Fault], request: Request, run: Callable[[CallFaults], Answer]
    ) -> Answer:
        faults = self.faults_type(self.plan, name, request, self.refuse)
        faults.strike(able)
        with self.store.lock:
            self.counts[name] += 1
        wait = self.quotas.spend(quota)
        instead = faults.instead() or (None if wait is None else self.throttle(wait))
        if instead:
            return instead
        answer = faults.distort(run(faults))
        if faults.rule(Fault.MUTATE):
            with self.store.lock:
                self.mutate()
        return answer

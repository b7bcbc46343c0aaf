"""The simulator: the routes, tokens and refusals of Google around its calls."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import orjson

from filesync_dagster.simulators.gcs import notifications, reads, writes
from filesync_dagster.simulators.gcs.call import NOTIFICATIONS_PATH, PUBSUB_PATH, GcsCall, ids_of
from filesync_dagster.simulators.gcs.store import ACTIONS, BUCKET, GcsStore
from filesync_dagster.simulators.kit.fault_injection import CallFaults, retry_after
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import AUTHORIZED, JSON, Route, ServiceCall, VendorService
from filesync_dagster.simulators.kit.tokens import JWT_BEARER, parse_assertion, random_token, rsa_key
from filesync_dagster.simulators.kit.wire import Answer, Request

TOKEN_PATH = "/token"  # noqa: S105 - a path
ACCOUNT = "simulated@simulated-project.iam.gserviceaccount.com"
DOWNLOAD = "objects.download"
CHANGES = AUTHORIZED | {Fault.LOSE_ANSWER}
ROUTES = {
    "buckets.insert": Route("buckets.insert", "POST", "", reads.create_bucket),
    "buckets.get": Route("buckets.get", "GET", "", reads.get_bucket),
    "objects.list": Route("objects.list", "GET", "", reads.list_objects, AUTHORIZED | reads.LIST_FAULTS),
    "objects.get": Route("objects.get", "GET", "", reads.get_object),
    DOWNLOAD: Route(DOWNLOAD, "GET", "", reads.get_object, AUTHORIZED | CONTENT_FAULTS),
    "objects.insert": Route("objects.insert", "POST", "", writes.upload, CHANGES),
    "uploads.put": Route("uploads.put", "PUT", "", writes.put_chunk, CHANGES),
    "uploads.cancel": Route("uploads.cancel", "DELETE", "", writes.cancel_upload),
    "objects.delete": Route("objects.delete", "DELETE", "", writes.delete_object, CHANGES),
    "objects.patch": Route("objects.patch", "PATCH", "", writes.patch_object, CHANGES),
    "objects.rewrite": Route("objects.rewrite", "POST", "", writes.rewrite_object, CHANGES),
}
PUBSUB_ROUTES = {
    ("PUT", "topics", None): Route("topics.create", "PUT", "", notifications.create_topic),
    ("POST", "topics", "publish"): Route("topics.publish", "POST", "", notifications.publish),
    ("PUT", "subscriptions", None): Route("subscriptions.create", "PUT", "", notifications.create_subscription),
    ("GET", "subscriptions", None): Route("subscriptions.get", "GET", "", notifications.get_subscription),
    ("POST", "subscriptions", "pull"): Route("subscriptions.pull", "POST", "", notifications.pull),
    ("POST", "subscriptions", "acknowledge"): Route("subscriptions.acknowledge", "POST", "", notifications.acknowledge),
    ("POST", "subscriptions", "modifyAckDeadline"): Route(
        "subscriptions.modifyAckDeadline", "POST", "", notifications.modify_deadline
    ),
}
NOTIFICATION_ROUTES = {
    "POST": Route("notifications.insert", "POST", "", notifications.create_notification),
    "GET": Route("notifications.list", "GET", "", notifications.list_notifications),
}
REASONS = {401: "authError", 403: "forbidden", 404: "notFound", 429: "rateLimitExceeded"}


class GcsSimulator(VendorService[GcsStore]):
    """Google Cloud Storage as a service account of a project sees it. Thread-safe."""

    actions = ACTIONS
    token_path = TOKEN_PATH

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0, now: Callable[[], float] = time.time) -> None:
        super().__init__(GcsStore(seed), plan or FaultPlan(seed=seed), now)
        self.store.pubsub.now = now
        self.store.announce = partial(notifications.announce, self.store.pubsub)

    def credentials(self, base_url: str) -> dict[str, Any]:
        """Return what an endpoint has to know to reach this simulator at an address."""
        return {"base_url": base_url, "bucket": BUCKET, "service_account_json": self.key_text(base_url)}

    def key_text(self, base_url: str) -> str:
        """Return the key of the service account, which names where its tokens come from."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        private = rsa_key("gcs").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        key = {
            "type": "service_account",
            "project_id": "simulated-project",
            "private_key_id": "simulated",
            "private_key": private,
            "client_email": ACCOUNT,
            "token_uri": f"{base_url}{TOKEN_PATH}",
        }
        return orjson.dumps(key).decode()

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the operation that a request is for, and what it names."""
        if told := NOTIFICATIONS_PATH.fullmatch(request.path):
            route = NOTIFICATION_ROUTES.get(request.method)
            return None if route is None else (route, told.groupdict())
        if told := PUBSUB_PATH.fullmatch(request.path):
            route = PUBSUB_ROUTES.get((request.method, told["group"], told["verb"]))
            return None if route is None else (route, told.groupdict())
        ids = ids_of(request)
        if ids is None:
            return None
        name = _operation(request, ids)
        return None if name is None else (ROUTES[name], ids)

    def run(self, route: Any, call: ServiceCall[GcsStore]) -> Answer:
        """Do what an operation does."""
        answer = super().run(route, GcsCall(call.store, call.request, call.ids, call.faults, call.grant))
        if call.faults.rule(Fault.LOSE_ANSWER):
            return Answer(fault="disconnect")
        return answer

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as Google sends it."""
        detail = {"message": refusal.detail, "domain": "global", "reason": refusal.code}
        body = {"error": {"code": refusal.status, "message": refusal.detail, "errors": [detail]}}
        return Answer(refusal.status, orjson.dumps(body), JSON)

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        status = 429 if rule.fault is Fault.THROTTLE else status or 503
        refusal = self.word_refusal(
            Refusal(status, rule.reason or REASONS.get(status, "backendError"), "The plan says so")
        )
        return Answer(refusal.status, refusal.body, {**refusal.headers, **retry_after(rule)})

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        return Refusal(403, rule.reason or "forbidden", f"{ACCOUNT} does not have access to the object.")

    def authorize(self, route: Route, request: Request) -> Any:
        """Return what the token of a request allows. Raises Refusal."""
        try:
            return super().authorize(route, request)
        except Refusal:
            raise Refusal(401, "authError", "Invalid Credentials") from None

    def fetch_token(self, request: Request, faults: CallFaults) -> Answer:
        """Answer a signed statement with a token."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        try:
            _, claims = parse_assertion(form.get("assertion", ""), rsa_key("gcs"))
        except (ValueError, TypeError, KeyError):
            claims = {}
        if form.get("grant_type") != JWT_BEARER or claims.get("iss") != ACCOUNT:
            body = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return Answer(400, orjson.dumps(body), JSON)
        return Answer(200, orjson.dumps(self.issuer.mint(random_token("ya29.", 24), claims.get("scope"))), JSON)

    def mutate(self) -> None:
        """Let somebody do something, at random."""
        self.store.put(f"new {self.plan.random.randrange(10**9)}.txt", self.plan.random.randbytes(8))


def _operation(request: Request, ids: dict[str, str]) -> str | None:
    """Return the name of the operation that a request is for."""
    method, named = request.method, bool(ids["object"])
    if ids["kind"] == "/upload":
        return {"POST": "objects.insert", "PUT": "uploads.put", "DELETE": "uploads.cancel"}.get(method)
    if not ids["bucket"]:
        return "buckets.insert" if method == "POST" else None
    if not ids["list"]:
        return "buckets.get" if method == "GET" else None
    if "target" in ids:
        return "objects.rewrite" if method == "POST" else None
    if named:
        reading = DOWNLOAD if request.parameter("alt") == "media" else "objects.get"
        return {"GET": reading, "DELETE": "objects.delete", "PATCH": "objects.patch"}.get(method)
    return "objects.list" if method == "GET" else None

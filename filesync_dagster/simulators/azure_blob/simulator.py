"""The simulator: Azure's calls of containers and blobs, with its words for refusals."""

import re
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from typing import Any
from xml.sax.saxutils import escape

from filesync_dagster.simulators.azure_blob.listing import LIST_FAULTS, list_blobs
from filesync_dagster.simulators.azure_blob.shared_key import ACCOUNT, ACCOUNT_KEY, require_signature
from filesync_dagster.simulators.azure_blob.store import ACTIONS, CONTAINER, AzureBlobStore, StoredBlob
from filesync_dagster.simulators.kit.content import answer_content
from filesync_dagster.simulators.kit.fault_injection import retry_after
from filesync_dagster.simulators.kit.faults import CONTENT_FAULTS, Fault, FaultPlan, Rule
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.service import ANY_CALL, Route, ServiceCall, VendorService
from filesync_dagster.simulators.kit.wire import Answer, Request

FAULTS = (ANY_CALL - {Fault.ERROR_IN_BODY, Fault.PATCH_ENTRY, Fault.MUTATE}) | {Fault.DENY}
PATH = re.compile(rf"/{ACCOUNT}/(?P<container>[^/]+)(?:/(?P<blob>.+))?", re.DOTALL)
SERVER_ERROR, SERVER_BUSY, CONFLICT, CREATED, ACCEPTED = 500, 503, 409, 201, 202
CODES = {400: "InvalidInput", 401: "NoAuthenticationInformation", 403: "AuthorizationFailure", 404: "BlobNotFound"}

Call = ServiceCall[AzureBlobStore]


def create_container(call: Call) -> Answer:
    """Make a container."""
    if call.ids["container"] in call.store.containers:
        raise Refusal(CONFLICT, "ContainerAlreadyExists", "The specified container already exists.")
    call.store.container(call.ids["container"])
    return Answer(CREATED)


def get_container(call: Call) -> Answer:
    """Tell of a container."""
    created = call.store.find(call.ids["container"]).created
    return Answer(200, b"", {"last-modified": formatdate(created / 1000, usegmt=True), "etag": '"0x8DE"'})


def delete_container(call: Call) -> Answer:
    """Delete a container with all that is in it."""
    call.store.find(call.ids["container"])
    del call.store.containers[call.ids["container"]]
    return Answer(ACCEPTED)


def put_blob(call: Call) -> Answer:
    """Write a block blob at once."""
    headers = call.request.headers
    if headers.get("x-ms-blob-type") != "BlockBlob":
        raise Refusal(400, "InvalidHeaderValue", "The simulator has block blobs only.")
    known = call.store.find(call.ids["container"]).blobs.get(call.ids["blob"])
    if headers.get("if-none-match") == "*" and known:
        raise Refusal(CONFLICT, "BlobAlreadyExists", "The specified blob already exists.")
    _require_match(call, known)
    kind = headers.get("x-ms-blob-content-type") or headers.get("content-type") or "application/octet-stream"
    own = {name[len("x-ms-meta-") :]: value for name, value in headers.items() if name.startswith("x-ms-meta-")}
    etag = call.store.write(call.ids["blob"], call.request.body, call.ids["container"], kind, own)
    modified = call.store.find(call.ids["container"]).blobs[call.ids["blob"]].modified
    return Answer(CREATED, b"", {"etag": etag, "last-modified": formatdate(modified / 1000, usegmt=True)})


def get_blob(call: Call) -> Answer:
    """Send a content, or a part of it."""
    blob, headers = _blob(call), call.request.headers
    asked = replace(call.request, headers={"range": headers.get("x-ms-range") or headers.get("range", "")})
    answer = answer_content(asked, blob.content, _properties(blob))
    if answer is None:
        raise Refusal(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    return answer


def head_blob(call: Call) -> Answer:
    """Tell of a blob."""
    blob = _blob(call)
    return Answer(200, b"", {**_properties(blob), "content-length": str(blob.size)})


def delete_blob(call: Call) -> Answer:
    """Delete a blob for good."""
    _blob(call)
    call.store.delete(call.ids["blob"], call.ids["container"])
    return Answer(ACCEPTED)


def _blob(call: Call) -> StoredBlob:
    found = call.store.find(call.ids["container"]).blobs.get(call.ids["blob"])
    if found is None:
        raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
    _require_match(call, found)
    return found


def _require_match(call: Call, found: StoredBlob | None) -> None:
    wanted = call.request.headers.get("if-match")
    if wanted is not None and (found is None or wanted not in {"*", found.etag}):
        raise Refusal(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")


def _properties(blob: StoredBlob) -> dict[str, str]:
    return {
        "etag": blob.etag,
        "last-modified": formatdate(blob.modified / 1000, usegmt=True),
        "x-ms-creation-time": formatdate(blob.created / 1000, usegmt=True),
        "content-type": blob.content_type,
        "content-md5": blob.md5,
        "x-ms-blob-type": "BlockBlob",
        **{f"x-ms-meta-{name}": value for name, value in blob.metadata.items()},
    }


CONTAINER_CALLS: dict[str, tuple[str, Callable[[Call], Answer]]] = {
    "PUT": ("Create Container", create_container),
    "GET": ("Get Container Properties", get_container),
    "HEAD": ("Get Container Properties", get_container),
    "DELETE": ("Delete Container", delete_container),
}
BLOB_CALLS: dict[str, tuple[str, Callable[[Call], Answer]]] = {
    "PUT": ("Put Blob", put_blob),
    "GET": ("Get Blob", get_blob),
    "HEAD": ("Get Blob Properties", head_blob),
    "DELETE": ("Delete Blob", delete_blob),
}


class AzureBlobSimulator(VendorService[AzureBlobStore]):
    """The blob service of one account, whose name begins each path as with Microsoft's emulator. Thread-safe."""

    actions = ACTIONS

    def __init__(self, plan: FaultPlan | None = None, seed: int = 0) -> None:
        super().__init__(AzureBlobStore(), plan or FaultPlan(seed=seed))

    def credentials(self, base_url: str) -> dict[str, str]:
        """Return what an endpoint has to know to reach this simulator at an address."""
        known = {"container": CONTAINER, "account": ACCOUNT, "account_key": ACCOUNT_KEY}
        return {**known, "base_url": f"{base_url}/{ACCOUNT}"}

    def find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        """Return the operation that a request is for, and the names in its path."""
        found = PATH.fullmatch(request.path)
        known = CONTAINER_CALLS if found and found["blob"] is None else BLOB_CALLS
        if found is None or request.method not in known or (request.parameter("comp") not in {"", "list"}):
            return None
        name, run = known[request.method]
        if known is CONTAINER_CALLS and request.parameter("comp") == "list":
            return Route("List Blobs", "GET", "", list_blobs, FAULTS | _list_faults(request)), found.groupdict()
        faults = FAULTS | (CONTENT_FAULTS if run is get_blob else set())
        return Route(name, request.method, "", run, faults), found.groupdict(default="")

    def authorize(self, route: Route, request: Request) -> None:
        """Refuse a request that is not signed."""
        require_signature(request, self.now())

    def word_refusal(self, refusal: Refusal) -> Answer:
        """Return a refusal as Azure sends it."""
        text = f"<Code>{refusal.code}</Code><Message>{escape(refusal.detail)}</Message>"
        body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error>{text}</Error>'.encode()
        return Answer(refusal.status, body, {"content-type": "application/xml", "x-ms-error-code": refusal.code})

    def refuse(self, rule: Rule, status: int | None) -> Answer:
        """Return the answer to a rule that refuses."""
        if rule.fault is Fault.THROTTLE or status == SERVER_BUSY:
            answer = self.word_refusal(Refusal(status or SERVER_BUSY, "ServerBusy", "The server is busy."))
            return replace(answer, headers={**answer.headers, **retry_after(rule)})
        status = status or SERVER_BUSY
        code = rule.reason or CODES.get(status) or ("InternalError" if status >= SERVER_ERROR else "InvalidInput")
        return self.word_refusal(Refusal(status, code, "The plan says so."))

    def deny(self, rule: Rule, request: Request) -> Refusal:
        """Return the refusal of a call that a rule denies."""
        code = rule.reason or "AuthorizationPermissionMismatch"
        return Refusal(403, code, "This request is not authorized to perform this operation using this permission.")

    def run(self, route: Any, call: Call) -> Answer:
        """Do what a call does; what is no answer yet is XML."""
        done = route.run(call)
        return done if isinstance(done, Answer) else Answer(200, done, {"content-type": "application/xml"})


def _list_faults(request: Request) -> frozenset[Fault]:
    after_first = {Fault.EXPIRE_PAGE, Fault.REPEAT_TOKEN} if request.parameter("marker") else set()
    return LIST_FAULTS | {Fault.REPEAT_PAGE} | after_first

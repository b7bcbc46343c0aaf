"""Object storage: addresses that are signed for a while, and what lies at them, as the S3 behind it serves it."""

import hashlib
from typing import Any, Final

import orjson

from filesync_dagster.simulators.autodesk.call import AutodeskCall
from filesync_dagster.simulators.autodesk.entries import SignedLink
from filesync_dagster.simulators.autodesk.refusals import JSON, not_found
from filesync_dagster.simulators.kit.content import answer_content
from filesync_dagster.simulators.kit.tokens import random_token
from filesync_dagster.simulators.kit.wire import Answer

DOWNLOAD: Final = "download"
"""The name of a GET of a signed address in plans and counts; it is no operation of Autodesk's description."""

SIGNED_PATH: Final = "/com.autodesk.oss-persistent/"
GOOD_SECONDS: Final = 120
"""Two minutes, unless another time is asked for."""


def sign_download(call: AutodeskCall) -> Answer:
    """Return an address at which an object can be had without a token."""
    storage = f"urn:adsk.objects:os.object:{call.ids['bucket']}/{call.ids['object_key']}"
    content = call.store.content_of(storage)
    if content is None:
        raise not_found(f"The object {call.ids['object_key']}")
    secret = random_token("", 16)
    call.store.links[secret] = SignedLink(storage, call.now + GOOD_SECONDS)
    found: dict[str, Any] = {
        "status": "complete",
        "url": f"{call.resources.base}{SIGNED_PATH}{secret}",
        "params": {"content-type": "application/octet-stream", "content-disposition": "attachment"},
        "size": len(content),
        "sha1": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
    }
    return Answer(200, orjson.dumps(found), {"content-type": JSON})


def download(call: AutodeskCall) -> Answer:
    """Serve what lies at a signed address, or as S3 says that it is good no longer."""
    link = call.store.links.get(call.ids["link"])
    if link is None or link.good_until < call.now:
        return _s3_refusal(403, "AccessDenied", "Request has expired")
    content = call.store.content_of(link.storage)
    if content is None:
        return _s3_refusal(404, "NoSuchKey", "The specified key does not exist.")
    etag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
    answer = answer_content(call.request, content, {"etag": etag, "content-type": "application/octet-stream"})
    return answer or _s3_refusal(416, "InvalidRange", "The requested range is not satisfiable")


def _s3_refusal(status: int, code: str, message: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return Answer(status, body.encode(), {"content-type": "application/xml"})

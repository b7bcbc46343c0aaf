"""Calls that change objects: uploads at once or in chunks, copies, deletions."""

import hashlib
import re
import secrets
from base64 import b64decode
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any

import orjson

from filesync_dagster.simulators.gcs.call import COPIES, GcsCall, target_object
from filesync_dagster.simulators.gcs.store import StoredObject, crc32c_of
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer

CHUNK_BYTES = 256 << 10
RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")
RESUME = 308


@dataclass
class UploadSession:
    """An upload that is not finished."""

    bucket: str
    resource: dict[str, Any]
    query: tuple[tuple[str, str], ...]
    content_type: str
    received: bytearray = field(default_factory=bytearray)


def upload(call: GcsCall) -> Any:
    """Take an object at once, with or without a description; or begin an upload in chunks."""
    kind = call.request.parameter("uploadType")
    if kind == "resumable":
        return _begin(call)
    if kind == "multipart":
        resource, content_type, content = _parts(call)
    else:
        resource, content_type, content = {}, call.request.headers.get("content-type", ""), call.request.body
    resource.setdefault("name", call.request.parameter("name"))
    return call.answer(_stored(call, call.ids["bucket"], resource, content_type, content))


def put_chunk(call: GcsCall) -> Any:
    """Take a chunk of an upload, or tell how much of it has come."""
    session = _session(call)
    told = RANGE.fullmatch(call.request.headers.get("content-range", "bytes 0-0/*").strip())
    if told is None and "content-range" in call.request.headers:
        raise Refusal(400, "badRequest", "Invalid Content-Range.")
    if told is None or "content-range" not in call.request.headers:
        session.received[:] = call.request.body
        return _finish(call, session)
    if told[1] is not None:
        start = int(told[1])
        if start > len(session.received):
            raise Refusal(503, "backendError", "There is a gap between the chunks.")
        session.received[start:] = call.request.body
    if told[3] != "*" and len(session.received) == int(told[3]):
        return _finish(call, session)
    if told[1] is not None:
        del session.received[len(session.received) // CHUNK_BYTES * CHUNK_BYTES :]
    known = {"range": f"bytes=0-{len(session.received) - 1}"} if session.received else {}
    return Answer(RESUME, b"", known)


def cancel_upload(call: GcsCall) -> Any:
    """Forget an upload."""
    _session(call)
    del call.store.sessions[call.request.parameter("upload_id")]
    return Answer(499)


def delete_object(call: GcsCall) -> None:
    """Delete an object, or one generation of it for good."""
    found = call.object()
    now = call.store.clock.tick()
    if call.request.parameter("generation"):
        call.bucket.remove(found, now)
        call.store.tell("OBJECT_DELETE", call.bucket.name, found, now)
    else:
        call.store.end(call.bucket.name, found.name, now)


def patch_object(call: GcsCall) -> Any:
    """Change the metadata of an object."""
    found = call.object()
    told = call.payload()
    if "metadata" in told:
        merged = {**found.metadata, **(told["metadata"] or {})}
        kept = {name: value for name, value in merged.items() if value is not None}
        call.store.touch(found.name, kept, call.bucket.name)
    return call.answer(call.resource(found, call.bucket.name))


def rewrite_object(call: GcsCall) -> Any:
    """Copy an object inside the store."""
    source = call.bucket.live(call.ids["object"])
    if source is None:
        raise Refusal(404, "notFound", f"No such object: {call.bucket.name}/{call.ids['object']}")
    call.require_conditions(source, "ifSource")
    bucket, name = target_object(call.ids)
    call.require_conditions(call.store.bucket(bucket).live(name))
    told = call.payload()
    made = call.store.put(
        name,
        source.content,
        bucket,
        md5=source.md5,
        content_type=told.get("contentType", source.content_type),
        metadata=told.get("metadata", source.metadata),
    )
    resource = call.resource(made, bucket)
    size = str(made.size)
    if call.ids["copy"] == COPIES[1]:
        return call.answer(resource)
    return call.answer(
        {"kind": "storage#rewriteResponse", "totalBytesRewritten": size, "objectSize": size, "done": True,
         "resource": resource}
    )  # fmt: skip


def _begin(call: GcsCall) -> Answer:
    resource = call.payload()
    resource.setdefault("name", call.request.parameter("name"))
    call.require_conditions(call.bucket.live(resource["name"]))
    upload_id = secrets.token_urlsafe(24)
    kind = call.request.headers.get("x-upload-content-type") or resource.get("contentType", "")
    call.store.sessions[upload_id] = UploadSession(call.bucket.name, resource, call.request.query, kind)
    location = f"{call.origin}/upload/storage/v1/b/{call.bucket.name}/o?uploadType=resumable&upload_id={upload_id}"
    return Answer(200, b"", {"location": location, "x-guploader-uploadid": upload_id})


def _session(call: GcsCall) -> UploadSession:
    found: UploadSession | None = call.store.sessions.get(call.request.parameter("upload_id"))
    if found is None:
        raise Refusal(404, "notFound", "The upload is not known.")
    return found


def _finish(call: GcsCall, session: UploadSession) -> Any:
    query = dict(session.query)
    found = call.store.bucket(session.bucket).live(session.resource["name"])
    wanted = query.get("ifGenerationMatch")
    if wanted and wanted != str(found.generation if found else 0):
        raise Refusal(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
    resource = _stored(
        call, session.bucket, session.resource, session.content_type, bytes(session.received), check=False
    )
    del call.store.sessions[call.request.parameter("upload_id")]
    return resource


def _stored(
    call: GcsCall, bucket: str, resource: dict[str, Any], content_type: str, content: bytes, *, check: bool = True
) -> dict[str, Any]:
    name = resource.get("name")
    if not name:
        raise Refusal(400, "required", "Required")
    if check:
        call.require_conditions(call.store.bucket(bucket).live(name))
    md5 = hashlib.md5(content, usedforsecurity=False).digest()
    sent = {"md5Hash": md5, "crc32c": crc32c_of(content).to_bytes(4, "big")}
    for field_name, value in sent.items():
        if resource.get(field_name) and b64decode(resource[field_name]) != value:
            raise Refusal(400, "invalid", f"Provided {field_name} does not match the calculated one.")
    made: StoredObject = call.store.put(
        name,
        content,
        bucket,
        md5=md5,
        content_type=resource.get("contentType") or content_type or "application/octet-stream",
        metadata=resource.get("metadata") or {},
    )
    return call.resource(made, bucket)


def _parts(call: GcsCall) -> tuple[dict[str, Any], str, bytes]:
    """Return description, kind and content of a body in two parts."""
    kind = call.request.headers.get("content-type", "")
    boundary = BytesParser().parsebytes(f"content-type: {kind}\r\n\r\n".encode()).get_boundary()
    if boundary is None:
        raise Refusal(400, "badContent", "The boundary is missing.")
    mark = b"--" + boundary.encode()
    _, first, second, *_ = (b"\r\n" + call.request.body).split(b"\r\n" + mark)
    resource = orjson.loads(first.partition(b"\r\n\r\n")[2])
    head, _, content = second.partition(b"\r\n\r\n")
    told = BytesParser().parsebytes(head.strip() + b"\r\n\r\n")
    return resource, str(told.get("content-type", "")), content

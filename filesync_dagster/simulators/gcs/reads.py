"""Calls that tell of buckets and objects."""

from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any

from filesync_dagster.simulators.gcs.call import GcsCall
from filesync_dagster.simulators.gcs.resources import bucket_resource
from filesync_dagster.simulators.gcs.store import StoredObject, crc32c_of
from filesync_dagster.simulators.kit.content import answer_content
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.wire import Answer

PAGE_MAX = 1_000
LIST_FAULTS = frozenset(
    {Fault.SHORT_PAGE, Fault.EMPTY_PAGE, Fault.REPEAT_TOKEN, Fault.REPEAT_PAGE, Fault.EXPIRE_PAGE, Fault.SHORT_ANSWER}
)


def get_bucket(call: GcsCall) -> Any:
    """Tell of a bucket."""
    return call.answer(bucket_resource(call.bucket))


def create_bucket(call: GcsCall) -> Any:
    """Make a bucket."""
    return bucket_resource(call.store.make_bucket(str(call.payload()["name"])))


def get_object(call: GcsCall) -> Any:
    """Tell of an object, or send its content (`alt=media`)."""
    found = call.object()
    if call.request.parameter("alt") == "media":
        return _send(call, found)
    acl = call.request.parameter("projection") == "full"
    return call.answer(call.resource(found, call.bucket.name, acl=acl))


def list_objects(call: GcsCall) -> Any:
    """List objects, or what `delimiter` makes folders of them."""
    asked = call.request.parameter
    versions, soft = asked("versions").lower() == "true", asked("softDeleted").lower() == "true"
    if versions and soft:
        raise Refusal(400, "invalid", "versions and softDeleted exclude each other.")
    limit = _bounded(call, min(int(asked("maxResults") or PAGE_MAX), PAGE_MAX))
    begun = _begun(call, max(asked("prefix").encode(), asked("startOffset").encode()))
    entries: dict[tuple[str, int], StoredObject | None] = {}  # a folder has no object
    following: tuple[bytes, int] | None = None
    for found, same in _numbered(call, begun[0], versions=versions, soft=soft):
        if found.name.encode() == begun[0] and same < begun[1]:
            continue
        folder = _folder_of(found.name, asked("prefix"), asked("delimiter"))
        if (folder, 0) in entries:
            continue
        if len(entries) >= limit:
            following = found.name.encode(), same
            break
        entries[(folder, 0) if folder else (found.name, found.generation)] = None if folder else found
    items = [found for found in entries.values() if found is not None]
    if call.faults.rule(Fault.SHORT_ANSWER) and items:
        items = call.faults.lose(items, call.faults.rules[0])
    folders = [name for (name, _), found in entries.items() if found is None]
    return call.answer(_listing(call, items, folders, _token(call, following, begun)))


def _numbered(call: GcsCall, begin: bytes, *, versions: bool, soft: bool) -> Iterator[tuple[StoredObject, int]]:
    """Yield what lies in the range that is asked for, each with its number among the generations of its name."""
    prefix, end = call.request.parameter("prefix"), call.request.parameter("endOffset").encode()
    name, same = None, 0
    for found in call.bucket.after(begin, versions=versions, soft=soft):
        if not found.name.startswith(prefix) or (end and found.name.encode() >= end):
            return
        name, same = found.name, same + 1 if found.name == name else 0
        yield found, same


def _folder_of(name: str, prefix: str, delimiter: str) -> str:
    cut = name.find(delimiter, len(prefix)) if delimiter else -1
    return name[: cut + len(delimiter)] if cut >= 0 else ""


def _bounded(call: GcsCall, limit: int) -> int:
    if call.faults.rule(Fault.EMPTY_PAGE):
        return 0
    return max(1, limit // 3) if call.faults.rule(Fault.SHORT_PAGE) else limit


def _begun(call: GcsCall, default: bytes) -> tuple[bytes, int, int]:
    """Return where a page begins: a name, how many of its generations were listed, and how often it was asked for."""
    token = call.request.parameter("pageToken")
    if not token:
        return default, 0, 0
    try:
        name, _, rest = urlsafe_b64decode(token).rpartition(b"\n")
        same, turn = map(int, rest.split(b"."))
    except ValueError:
        raise Refusal(400, "invalid", "Invalid Value") from None
    if call.faults.rule(Fault.EXPIRE_PAGE):
        raise Refusal(400, "invalid", "Invalid Value")
    return name, same, turn


def _token(call: GcsCall, following: tuple[bytes, int] | None, begun: tuple[bytes, int, int]) -> str | None:
    name, same, turn = begun
    if call.faults.rule(Fault.REPEAT_PAGE):
        return _written(name, same, turn + 1)
    if call.faults.rule(Fault.REPEAT_TOKEN):
        return call.request.parameter("pageToken") or _written(name, same, turn)
    if following is None:
        return None
    return _written(*following, turn + 1 if call.faults.rule(Fault.EMPTY_PAGE) else 0)


def _written(name: bytes, same: int, turn: int) -> str:
    return urlsafe_b64encode(name + b"\n%d.%d" % (same, turn)).decode()


def _listing(call: GcsCall, items: list[StoredObject], folders: list[str], token: str | None) -> dict[str, Any]:
    acl = call.request.parameter("projection") == "full"
    told: dict[str, Any] = {"kind": "storage#objects"}
    if token is not None:
        told["nextPageToken"] = token
    if folders:
        told["prefixes"] = folders
    if items:
        told["items"] = [call.resource(found, call.bucket.name, acl=acl) for found in items]
    return told


def _send(call: GcsCall, found: StoredObject) -> Answer:
    checks = [f"crc32c={b64encode(crc32c_of(found.content).to_bytes(4, 'big')).decode()}"]
    if found.md5 is not None:
        checks.append(f"md5={b64encode(found.md5).decode()}")
    headers = {
        "content-type": found.content_type,
        "x-goog-generation": str(found.generation),
        "x-goog-metageneration": str(found.metageneration),
        "x-goog-hash": ",".join(checks),
        "x-goog-stored-content-length": str(found.size),
    }
    answer = answer_content(call.request, found.content, headers)
    if answer is None:
        raise Refusal(416, "requestedRangeNotSatisfiable", "Request range not satisfiable")
    return answer

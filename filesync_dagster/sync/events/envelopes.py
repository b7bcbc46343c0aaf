"""What a message says: which keys changed, or which endpoints somebody wants synced. Pure.

Understood are S3 notifications (AWS, MinIO, Ceph and others), the same wrapped by SNS, EventBridge, notifications of
Cloudflare R2 and of Google Cloud Storage, Azure's Event Grid in both of its schemas, events of file managers, and plain
requests `{"type": "initial" | "incremental", "endpoint": NAME}`.
What kind of change an event tells of does not matter, nor its `sequencer`, version or time: the store is asked how the
key is now.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import orjson

from filesync_dagster.core.model import to_storable_text

ENCODED = frozenset({"aws:s3", "minio:s3"})
"""Sources that are known to encode keys like a form. Of others, the key may be meant as it is, too."""

REQUESTS = {"initial": True, "incremental": False}
"""The `type` of a request, and whether it asks for a full sync."""

ANY_BUCKET = ""
"""Of a key of which the event tells no bucket: it may be in that of any endpoint of the queue."""

FILE_EVENTS = {"create": False, "change_permission": False, "delete": False, "rename": True, "move": True}
"""The `event_type` of a file manager's event, and whether it must name a `new_path`."""

AZURE_EVENTS = "Microsoft.Storage."
AZURE_KINDS = ("eventType", "type")  # in Event Grid's own schema, and of a CloudEvent
AZURE_SUBJECT = re.compile(r"/blobServices/[^/]+/containers/([^/]+)(?:/blobs/(.+))?", re.DOTALL)
AZURE_ADDRESSES = ("sourceUrl", "destinationUrl")
"""What an event of Azure tells of a blob that was renamed."""

MAX_KEY_BYTES = 1024
MAX_AZURE_KEY_BYTES = 4096  # there it is 1,024 characters
MAX_WRAPPINGS = 3


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Somebody wants an endpoint synced."""

    endpoint: str
    full: bool


@dataclass(slots=True)
class MessageContent:
    """What one message says. `problems`: why not all of it could be used, in sentences."""

    keys: set[tuple[str, str]] = field(default_factory=set)  # (bucket, external_id)
    requests: list[SyncRequest] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def parse_message(body: bytes) -> MessageContent:
    """Return what a message says. Never raises.

    >>> parse_message(b'{"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b%2Fc"}}}]}').keys
    {('b', 'a b/c')}
    """
    said = MessageContent()
    try:
        _hear(body, said, MAX_WRAPPINGS)
    except Exception as error:  # noqa: BLE001 - whoever may write to the queue must not be able to stop it
        said.problems.append(f"It cannot be understood ({type(error).__name__}).")
    return said


def _hear(body: bytes | str, said: MessageContent, wrappings: int) -> None:
    try:
        content = orjson.loads(body.removeprefix(b"\xef\xbb\xbf") if isinstance(body, bytes) else body)
    except orjson.JSONDecodeError as error:
        said.problems.append(f"It is not JSON: {error}.")
        return
    if not isinstance(content, dict):
        said.problems.append("It is JSON, but not an object.")
    elif isinstance(content.get("Message"), str) and "Type" in content:
        _unwrap(content, said, wrappings)
    elif content.get("Event") != "s3:TestEvent":  # with that S3 tries the queue out
        _read_object(content, said)


def _read_object(content: Mapping[str, Any], said: MessageContent) -> None:
    if "Records" in content:
        _records(content["Records"], said)
    elif "detail-type" in content:
        _event_bridge(content, said)
    elif "bucket" in content and "object" in content:
        _r2(content, said)
    elif "attributes" in content or content.get("kind") == "storage#object":
        _google(content, said)
    elif any(isinstance(content.get(name), str) and content[name].startswith(AZURE_EVENTS) for name in AZURE_KINDS):
        _azure(content, said)
    elif "event_type" in content:
        _file_event(content, said)
    elif "type" in content or "endpoint" in content:
        _request(content, said)
    else:
        said.problems.append("It is neither an event of a store nor a request.")


def _unwrap(content: Mapping[str, Any], said: MessageContent, wrappings: int) -> None:
    if content["Type"] != "Notification":
        said.problems.append(f"It is {_shown(content['Type'])} of SNS: whoever runs the topic must confirm it.")
    elif not wrappings:
        said.problems.append("It is wrapped too often.")
    else:
        _hear(content["Message"], said, wrappings - 1)


def _records(records: Any, said: MessageContent) -> None:
    if not isinstance(records, list):
        said.problems.append("Its `Records` are not a list.")
        return
    for number, record in enumerate(records, start=1):
        try:
            bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
            name, source = record.get("eventName"), record.get("eventSource", "aws:s3")
        except (KeyError, TypeError, AttributeError):
            said.problems.append(f"Record {number} names no bucket and key.")
            continue
        if key == "" or (isinstance(name, str) and "ObjectAccessed:" in name):
            continue  # it was read; or the event is about the bucket
        for meaning in _meanings(key, source):
            _name(bucket, meaning, f"Record {number}", said)


def _meanings(key: Any, source: Any) -> Iterator[Any]:
    if not isinstance(key, str):
        yield key
        return
    yield unquote_to_bytes(key.replace("+", " "))
    if not isinstance(source, str) or source not in ENCODED:
        yield key.encode("utf-8", "surrogatepass")


def _event_bridge(content: Mapping[str, Any], said: MessageContent) -> None:
    """Take an event of EventBridge. Its keys are not encoded."""
    if content.get("source") != "aws.s3":
        said.problems.append(f"It is an event of {_shown(content.get('source'))}, not of S3.")
        return
    try:
        bucket, key = content["detail"]["bucket"]["name"], content["detail"]["object"]["key"]
    except (KeyError, TypeError):
        said.problems.append("Its `detail` names no bucket and key.")
        return
    _name(bucket, key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key, "Its `detail`", said)


def _r2(content: Mapping[str, Any], said: MessageContent) -> None:
    """Take an event of Cloudflare R2, of any `action`. Its keys are not encoded."""
    entry = content["object"]
    key = entry.get("key") if isinstance(entry, dict) else None
    _name(
        content["bucket"], key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key, "Its `object`", said
    )


def _google(content: Mapping[str, Any], said: MessageContent) -> None:
    """Take a notification of Google Cloud Storage: its attributes, or the object that it holds."""
    attributes = content.get("attributes", {})
    told = attributes if isinstance(attributes, dict) else {}
    bucket, key = told.get("bucketId", content.get("bucket")), told.get("objectId", content.get("name"))
    _name(bucket, key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key, "It", said)


def _azure(content: Mapping[str, Any], said: MessageContent) -> None:
    """Take an event of Event Grid, in its own schema or as a CloudEvent.

    Its subject has the name as it is; addresses in it are encoded. Where the subject looks encoded, both are looked up.
    """
    subject, data = content.get("subject"), content.get("data")
    found = AZURE_SUBJECT.fullmatch(subject) if isinstance(subject, str) else None
    if found is None or not found[2]:
        said.problems.append("Its `subject` names no container and blob.")
        return
    container, name = found.groups()
    for meaning in {name.encode("utf-8", "surrogatepass"), unquote_to_bytes(name)}:
        _name(container, meaning, "Its `subject`", said, MAX_AZURE_KEY_BYTES)
    for address in AZURE_ADDRESSES if isinstance(data, dict) else ():
        told = data.get(address) if isinstance(data, dict) else None
        _, _, path = urlsplit(told).path.partition(f"/{container}/") if isinstance(told, str) else ("", "", "")
        if path:
            _name(container, unquote_to_bytes(path), f"Its `{address}`", said, MAX_AZURE_KEY_BYTES)


def _file_event(content: Mapping[str, Any], said: MessageContent) -> None:
    """Take an event of a file manager: paths that may be keys, without one leading slash.

    What it says that happened is not believed: both of its paths are looked at.
    """
    kind, path, new_path = content["event_type"], content.get("file_path"), content.get("new_path")
    metadata, told = content.get("metadata"), content.get("timestamp")
    if not isinstance(kind, str) or kind not in FILE_EVENTS:
        said.problems.append(f"It is an event of the type {_shown(kind)}, which is none.")
    elif FILE_EVENTS[kind] and not new_path:
        said.problems.append(f"It is a {kind} that names no `new_path`.")
    if metadata is not None and not isinstance(metadata, dict):
        said.problems.append("Its `metadata` is no object.")
    if not isinstance(told, str) or not told:
        said.problems.append("It has no `timestamp`.")
    for name, one in (("file_path", path), ("new_path", new_path)):
        if one is not None and one != "":
            key = one.removeprefix("/").encode("utf-8", "surrogatepass") if isinstance(one, str) else one
            _name_key(ANY_BUCKET, key, f"Its `{name}`", said)
    if not path:
        said.problems.append("It names no `file_path`.")


def _name(bucket: Any, key: Any, where: str, said: MessageContent, most: int = MAX_KEY_BYTES) -> None:
    if not isinstance(bucket, str) or not bucket:
        said.problems.append(f"{where} names no bucket and key.")
    else:
        _name_key(bucket, key, where, said, most)


def _name_key(bucket: str, key: Any, where: str, said: MessageContent, most: int = MAX_KEY_BYTES) -> None:
    if not isinstance(key, bytes) or not key:
        said.problems.append(f"{where} names no {'bucket and ' if bucket else ''}key.")
    elif len(key) > most:
        said.problems.append(f"{where} has a key of {len(key):,} bytes; no store has keys of more than {most:,}.")
    else:
        said.keys.add((bucket, to_storable_text(key)))


def _request(content: Mapping[str, Any], said: MessageContent) -> None:
    kind, endpoint = content.get("type"), content.get("endpoint")
    if not isinstance(kind, str) or kind not in REQUESTS:
        said.problems.append(f"Its `type` is {_shown(kind)}; a request is `initial` or `incremental`.")
    elif not isinstance(endpoint, str) or not endpoint:
        said.problems.append("It is a request that names no `endpoint`.")
    else:
        said.requests.append(SyncRequest(endpoint, REQUESTS[kind]))


def _shown(value: Any) -> str:
    """Return a value for a sentence. Lists and objects may be nested so deeply that no text can be made of them."""
    return f"a {type(value).__name__}" if isinstance(value, list | dict) else f"{value!r:.50}"

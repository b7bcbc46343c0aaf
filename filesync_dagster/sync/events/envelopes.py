"""What a message says: which keys changed, or which endpoints somebody wants synced. Pure.

Understood are S3 notifications (AWS, MinIO, Ceph and others), the same wrapped by SNS, EventBridge, notifications of
Cloudflare R2, and plain requests `{"type": "initial" | "incremental", "endpoint": NAME}`. What kind of change an event
tells of does not matter, nor its `sequencer`, version or time: the store is asked how the key is now.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from filesync_dagster.core.model import to_storable_text

ENCODED = frozenset({"aws:s3", "minio:s3"})
"""Sources that are known to encode keys like a form. Of others, the key may be meant as it is, too."""

REQUESTS = {"initial": True, "incremental": False}
"""The `type` of a request, and whether it asks for a full sync."""

MAX_KEY_BYTES = 1024
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


def _name(bucket: Any, key: Any, where: str, said: MessageContent) -> None:
    if not isinstance(bucket, str) or not isinstance(key, bytes) or not bucket or not key:
        said.problems.append(f"{where} names no bucket and key.")
    elif len(key) > MAX_KEY_BYTES:
        said.problems.append(f"{where} has a key of {len(key):,} bytes; no store has keys of more than 1,024.")
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

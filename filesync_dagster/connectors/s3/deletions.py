"""Deletions of many objects in one request, each with its own end."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from lxml import etree

from filesync_dagster.connectors.aws.errors import AwsRefusal, refusal_error
from filesync_dagster.connectors.rest.errors import SERVER_ERROR
from filesync_dagster.connectors.s3.objects import WRITE_TABLE, ObjectCalls, RequestBody
from filesync_dagster.core.errors import NotFound, SourceError, TemporarilyDown, Throttled

BATCH_KEYS: Final = 1_000
_NO_XML: Final = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def delete_objects(objects: ObjectCalls, keys: Sequence[bytes]) -> dict[bytes, SourceError]:
    """Delete objects; return the errors of those that could not be deleted. One that is not there is deleted."""
    errors: dict[bytes, SourceError] = {}
    named = {key: text for key in keys if (text := _xml_text(key)) is not None}
    batch = list(named)
    for start in range(0, len(batch), BATCH_KEYS):
        part = {key: named[key] for key in batch[start : start + BATCH_KEYS]}
        errors |= _delete_single(objects, next(iter(part))) if len(part) == 1 else _delete_batch(objects, part)
    for key in keys:
        if key not in named:
            errors |= _delete_single(objects, key)
    return errors


def _delete_batch(objects: ObjectCalls, named: Mapping[bytes, str]) -> dict[bytes, SourceError]:
    request = etree.Element("Delete", xmlns="http://s3.amazonaws.com/doc/2006-03-01/")
    etree.SubElement(request, "Quiet").text = "true"
    for text in named.values():
        etree.SubElement(etree.SubElement(request, "Object"), "Key").text = text
    body = etree.tostring(request, xml_declaration=True, encoding="UTF-8")
    answer, _ = objects.result("POST", b"", "DeleteResult", {"delete": ""}, sending=RequestBody.of(body))
    keys = {text: key for key, text in named.items()}
    errors: dict[bytes, SourceError] = {}
    for element in answer.root:
        if etree.QName(element).localname != "Error":
            continue
        told = {etree.QName(child).localname: child.text or "" for child in element}
        key = keys.get(told.get("Key", ""))
        refused = AwsRefusal(_STATUSES.get(told.get("Code", ""), 400), told.get("Code", ""), told.get("Message", ""))
        for failed in named if key is None else (key,):  # an error about no key that was named is about all of them
            error = refusal_error(f"{objects.where}, object {named[failed]}", refused, WRITE_TABLE)
            errors |= _once_more(objects, failed, error)
    return errors


_STATUSES: Final = {"InternalError": SERVER_ERROR, "SlowDown": 503, "NoSuchKey": 404}


def _once_more(objects: ObjectCalls, key: bytes, error: SourceError) -> dict[bytes, SourceError]:
    """Delete one by itself of which a batch told that it may pass: then it is repeated as any call is."""
    if isinstance(error, NotFound):
        return {}
    return _delete_single(objects, key) if isinstance(error, Throttled | TemporarilyDown) else {key: error}


def _delete_single(objects: ObjectCalls, key: bytes) -> dict[bytes, SourceError]:
    try:
        objects.ask("DELETE", key)
    except NotFound:
        return {}
    except SourceError as error:
        return {key: error}
    return {}


def _xml_text(key: bytes) -> str | None:
    """Return a key as XML can have it; None where it cannot."""
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return None
    return None if _NO_XML.search(text) else text

"""What messages say, whoever wraps them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from filesync_dagster.sync.events.envelopes import SyncRequest, parse_message
from filesync_dagster_tests.sync.events.queues import (
    TEST_EVENT,
    cloud_event,
    event_bridge,
    event_grid,
    gcs_event,
    minio_event,
    r2_event,
    s3_event,
    sns,
)

KEY = "drawings/a b+c%41 é\u00a0\\x.pdf"
DEEP = b"[" * 1000 + b"]" * 1000
"""As deep as the parser allows: too deep for a text to be made of it."""

NAMES = [
    "ObjectCreated:CompleteMultipartUpload",
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
    "LifecycleExpiration:Delete",
    "LifecycleExpiration:DeleteMarkerCreated",
    "LifecycleTransition",
    "ObjectRestore:Completed",
    "ObjectAcl:Put",
]


def said(message):
    """Return what a message says."""
    return parse_message(message if isinstance(message, bytes) else json.dumps(message).encode())


@pytest.mark.parametrize(
    "message",
    [
        *(s3_event("eng", KEY, name=name) for name in NAMES),
        sns(s3_event("eng", KEY)),
        sns(sns(s3_event("eng", KEY))),
        minio_event("eng", KEY),
        minio_event("eng", KEY, "s3:ObjectRemoved:Delete"),
        event_bridge("eng", KEY),
        event_bridge("eng", KEY, "Object Deleted", reason="Lifecycle Expiration"),
        sns(event_bridge("eng", KEY)),
        *(r2_event("eng", KEY, action) for action in ("PutObject", "CopyObject", "DeleteObject", "LifecycleDeletion")),
        sns(r2_event("eng", KEY)),
        gcs_event("eng", KEY),
        {"attributes": {"bucketId": "eng", "objectId": KEY, "eventType": "OBJECT_DELETE"}},
        b"\xef\xbb\xbf" + json.dumps(s3_event("eng", KEY)).encode(),
    ],
)
def test_every_envelope_names_its_key(message):
    """Encoded like a form or not, as the sender does it."""
    found = said(message)

    assert (found.keys, found.problems, found.requests) == ({("eng", KEY)}, [], [])


@pytest.mark.parametrize("event", [event_grid, cloud_event])
def test_a_name_of_azure_may_be_meant_as_it_is_or_encoded(event):
    """Both are looked up; so are both names of a blob that was renamed. What is about a container names nothing."""
    assert said(event("eng", "a%20b.txt")).keys == {("eng", "a%20b.txt"), ("eng", "a b.txt")}
    moved = {"sourceUrl": "https://a.dfs.core.windows.net/eng/old%20name", "destinationUrl": "https://a/eng/new"}
    assert said(event("eng", "new", "BlobRenamed", **moved)).keys == {("eng", "new"), ("eng", "old name")}
    assert said({**event("eng", ""), "subject": "/blobServices/default/containers/eng"}).problems


def test_several_records_name_several_keys():
    """Each key once, though it may be told twice."""
    assert said(s3_event("eng", "a", "b", "a")).keys == {("eng", "a"), ("eng", "b")}


def test_who_may_not_encode_keys_is_taken_both_ways():
    """A key too many costs a look; one that is missed waits for a listing."""
    event = s3_event("eng", "x", source="ceph:s3")
    event["Records"][0]["s3"]["object"]["key"] = "a+b%20c"

    assert said(event).keys == {("eng", "a+b%20c"), ("eng", "a b c")}


@pytest.mark.parametrize("odd", [b"[]", b"{}", b"null", b"7", DEEP])
@pytest.mark.parametrize("name", ["eventSource", "eventName"])
def test_what_surrounds_a_key_may_be_anything(name, odd):
    """The bucket and the key are enough."""
    record = b'{"%b": %b, "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}' % (name.encode(), odd)

    found = said(b'{"Records": [%b]}' % record)

    assert (found.keys, found.problems) == ({("b", "k")}, [])


@pytest.mark.parametrize(
    "message", [TEST_EVENT, sns(TEST_EVENT), {"Records": []}, s3_event("eng", "a", name="ObjectAccessed:Get")]
)
def test_some_messages_say_nothing(message):
    """Which is no problem."""
    found = said(message)

    assert (found.keys, found.problems, found.requests) == (set(), [], [])


@pytest.mark.parametrize(("kind", "full"), [("initial", True), ("incremental", False)])
def test_requests(kind, full):
    """Anybody who may write to the queue may ask for a sync."""
    assert said({"type": kind, "endpoint": "eng"}).requests == [SyncRequest("eng", full)]


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        ([], "not an object"),
        ("text", "not an object"),
        ({}, "neither"),
        ({"Records": 3}, "not a list"),
        ({"Records": [None]}, "names no bucket"),
        ({"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": 7}}}]}, "names no bucket"),
        (s3_event("eng", "k" * 1025), "1,025 bytes"),
        (sns(sns(sns(sns({"Records": []})))), "wrapped too often"),
        ({"Type": "SubscriptionConfirmation", "Message": "You have chosen"}, "must confirm"),
        ({"Type": "Notification", "Message": "nonsense"}, "not JSON"),
        ({"detail-type": "EC2 Instance", "source": "aws.ec2", "detail": {}}, "not of S3"),
        ({"detail-type": "Object Created", "source": "aws.s3", "detail": None}, "names no bucket"),
        ({"type": "full", "endpoint": "eng"}, "`initial` or `incremental`"),
        ({"type": "initial"}, "names no `endpoint`"),
        ({"type": ["initial"], "endpoint": "eng"}, "`initial` or `incremental`"),
        (b'{"endpoint": "eng", "type": %b}' % DEEP, "`initial` or `incremental`"),
        (b'{"detail-type": "Object Created", "source": %b}' % DEEP, "not of S3"),
        (b'{"Message": "", "Type": %b}' % DEEP, "must confirm"),
    ],
)
def test_what_cannot_be_used_has_a_reason(message, problem):
    """A sentence for the person who looks at dead messages."""
    found = said(message)

    assert not found.keys
    assert problem in " ".join(found.problems)


def test_the_good_records_of_a_message_count():
    """What is wrong with one is said of that one."""
    event = s3_event("eng", "a", "b")
    del event["Records"][0]["s3"]["object"]

    found = said(event)

    assert found.keys == {("eng", "b")}
    assert found.problems == ["Record 1 names no bucket and key."]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "s3", "bucket", "object", "name", "key", "Type", "Message", "detail", "detail-type", "type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON | st.binary())
def test_nothing_that_anybody_sends_breaks_it(content):
    """It is understood, or there is a reason, or it says nothing."""
    found = said(content if isinstance(content, bytes) else json.dumps(content).encode())

    assert all(isinstance(problem, str) and problem for problem in found.problems)
    assert all(bucket and key for bucket, key in found.keys)


@pytest.mark.parametrize("entry", [None, {}, {"key": ""}, {"key": 7}, {"key": []}, [], "key", {"key": "x" * 1025}])
@pytest.mark.parametrize("bucket", ["eng", "", None, 7, {}])
def test_an_event_of_r2_without_a_key(entry, bucket):
    """It is set aside with a sentence."""
    found = said({"account": "1", "action": "PutObject", "bucket": bucket, "object": entry})

    assert (found.keys, len(found.problems)) == (set(), 1)

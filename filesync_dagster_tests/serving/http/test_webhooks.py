"""Notifications: who knows the secret of an endpoint can ask for a sync of it, and nothing else."""

import hashlib
import hmac
import json
from dataclasses import replace

import pytest

from filesync_dagster import Filesync
from filesync_dagster_tests.serving.http.conftest import ENDPOINTS, SECRET, TOKEN


def requested(project):
    """What is asked for: endpoint, full, source."""
    with Filesync.open(project.file) as filesync:
        return [(r.endpoint, r.full, r.source) for r in filesync.workspace.metadata.untaken_requests()]


def signed(body, secret=SECRET):
    """The header of Autodesk."""
    return {"x-adsk-signature": "sha1hash=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


def drive(token=SECRET, state="change"):
    """The headers of Google Drive, whose body is empty."""
    return {"x-goog-channel-id": "c1", "x-goog-channel-token": token, "x-goog-resource-state": state}


def bearer(token):
    """The header of MinIO with an auth_token, and of people."""
    return {"authorization": f"Bearer {token}"}


ADSK = json.dumps({"version": "1.0", "resourceUrn": "urn:adsk", "hook": {"event": "dm.version.added"}}).encode()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(ADSK), ADSK),
        (drive(), b""),
        (bearer(SECRET), b'{"EventName": "s3:ObjectCreated:Put", "Key": "b/k", "Records": []}'),
        (bearer(TOKEN), b""),
        (bearer(TOKEN), b'{"type": "incremental"}'),
    ],
    ids=["autodesk", "drive", "minio", "empty", "person"],
)
def test_who_knows_the_secret_asks_for_a_sync(project, stranger, headers, body):
    """Each store proves it in its own way; the second notification finds the sync asked for."""
    first = stranger.post("/webhooks/docs", content=body, headers=headers)
    second = stranger.post("/webhooks/docs", content=body, headers=headers)

    assert (first.status_code, second.status_code) == (202, 202)
    assert (first.json()["queued"], second.json()["queued"]) == (True, True)
    assert requested(project) == [("docs", False, "webhook")]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"{}"),
        (bearer("guess"), b"{}"),
        (bearer(""), b"{}"),
        (signed(ADSK, "guess"), ADSK),
        (signed(ADSK), ADSK + b" "),
        (drive("guess"), b""),
        ({"x-goog-channel-id": "c1"}, b""),
        ({"x-adsk-signature": SECRET}, ADSK),
        ({"authorization": f"Basic {SECRET}"}, b""),
    ],
)
def test_who_does_not_asks_for_nothing(project, stranger, headers, body):
    """A wrong secret, a signature of another body, none at all; for a name that does not exist, too."""
    answers = [stranger.post(f"/webhooks/{name}", content=body, headers=headers) for name in ("docs", "nothing")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert SECRET not in answers[0].text
    assert requested(project) == []


def test_without_any_secret_nobody_may(project):
    """An endpoint without a secret on a server without a token."""
    open_to_nobody = replace(project, site=replace(project.site, token=None)).client()

    answer = open_to_nobody.post("/webhooks/lost", headers=bearer(""))

    assert answer.status_code == 403
    assert "webhook.secret" in answer.json()["hint"]


def test_an_empty_secret_is_none(project):
    """`secret: ${NOT_SET:-}` opens no door."""
    project.file.write_text(ENDPOINTS.replace(SECRET, '""'))

    for headers in ({}, bearer(""), drive(""), signed(b"", "")):
        assert project.client().post("/webhooks/docs", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("name", "headers", "body", "reason"),
    [
        ("docs", drive(state="sync"), b"", "channel"),
        ("docs", bearer(TOKEN), b'{"Event": "s3:TestEvent", "Bucket": "b"}', "test event"),
        ("idle", bearer(TOKEN), b"{}", "switched off"),
    ],
)
def test_what_says_nothing_new_asks_for_nothing(project, stranger, name, headers, body, reason):
    """It is answered well all the same: stores give up on those who do not."""
    answer = stranger.post(f"/webhooks/{name}", content=body, headers=headers)

    assert (answer.status_code, answer.json()["queued"]) == (200, False)
    assert reason in answer.json()["reason"].lower()
    assert requested(project) == []


def test_an_event_of_another_prefix_asks_for_nothing(project, stranger):
    """One of the bucket and prefix does, also with a key that is url-encoded."""
    project.file.write_text(
        "endpoints: [{name: eng, type: s3, endpoint_details: {bucket: eng, prefix: my drawings/}}]\n"
    )

    def event(bucket, key):
        return {"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}

    said = [("eng", "other/a"), ("others", "my+drawings/a"), ("eng", "my+drawings/a")]
    answers = [stranger.post("/webhooks/eng", json=event(*where), headers=bearer(TOKEN)) for where in said]

    assert [answer.json()["queued"] for answer in answers] == [False, False, True]
    assert requested(project) == [("eng", False, "webhook")]


def test_a_person_may_ask_for_everything_anew(project, stranger):
    """`{"type": "initial"}` lists from the start."""
    stranger.post("/webhooks/docs", json={"type": "initial"}, headers=bearer(TOKEN))

    assert requested(project) == [("docs", True, "webhook")]


@pytest.mark.parametrize(
    ("body", "status"), [(b"no json", 400), (b"[1]", 400), (b"[" * 10_000, 400), (b" " * 1_000_001, 413)]
)
def test_what_cannot_be_a_notification_is_refused(stranger, body, status):
    """With a sentence; the rest of a body that is too large is not waited for."""
    answer = stranger.post("/webhooks/docs", content=body, headers=bearer(TOKEN))

    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_database_that_is_away_makes_the_store_try_again(project, monkeypatch):
    """503: every store repeats its notification."""
    monkeypatch.setenv("FILESYNC_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/filesync")

    answer = project.client().post("/webhooks/docs", headers=bearer(SECRET))

    assert answer.status_code == 503
    assert "hunter2" not in answer.text

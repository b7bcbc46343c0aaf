"""Notifications: who knows the secret of an endpoint can ask for a sync of it, and nothing else."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, replace

import pytest

from filesync_dagster import Filesync
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.web.site import SECRET_RETRY_SECONDS, ConfigHolder
from filesync_dagster_tests.web.conftest import ENDPOINTS, SECRET, TOKEN


def requested(project):
    """What is asked for: endpoint, full, source."""
    with Filesync.open(project.file) as filesync:
        return [(r.endpoint, r.full, r.source) for r in filesync.runtime.metadata.requests.read()]


def signed(body, secret=SECRET):
    """The header of Autodesk."""
    return {"x-adsk-signature": "sha1hash=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()}


def boxed(body, secret=SECRET, key="primary", when="2026-11-30T10:00:00-08:00"):
    """The headers of Box, which has two keys."""
    digest = base64.b64encode(hmac.new(secret.encode(), body + when.encode(), hashlib.sha256).digest()).decode()
    signatures = {"box-signature-primary": "other", f"box-signature-{key}": digest}
    return {"box-signature-algorithm": "HmacSHA256", "box-delivery-timestamp": when, **signatures}


def dropped(body, secret=SECRET):
    """The headers of Dropbox."""
    return {"x-dropbox-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def graph(*states):
    """The body of Microsoft Graph, which has notifications of several subscriptions."""
    sent = [{"subscriptionId": "s", "clientState": state, "resource": "drives/d/root"} for state in states]
    return json.dumps({"value": sent}).encode()


def drive(token=SECRET, state="change"):
    """The headers of Google Drive, whose body is empty."""
    return {"x-goog-channel-id": "c1", "x-goog-channel-token": token, "x-goog-resource-state": state}


def bearer(token):
    """The header of MinIO with an auth_token, and of people."""
    return {"authorization": f"Bearer {token}"}


def s3_event(bucket, key, name="s3:ObjectCreated:Put", source="minio:s3"):
    """What MinIO posts."""
    said = {"bucket": {"name": bucket}, "object": {"key": key}}
    return {"EventName": name, "Key": "", "Records": [{"eventName": name, "eventSource": source, "s3": said}]}


BOX = json.dumps({"type": "webhook_event", "trigger": "FILE.UPLOADED", "source": {"id": "1"}}).encode()
DROPBOX = json.dumps({"list_folder": {"accounts": ["dbid:AA"]}, "delta": {"users": [1]}}).encode()
ADSK = json.dumps({"version": "1.0", "resourceUrn": "urn:adsk", "hook": {"event": "dm.version.added"}}).encode()


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (signed(ADSK), ADSK),
        (drive(), b""),
        (boxed(BOX), BOX),
        (boxed(BOX, key="secondary"), BOX),
        (dropped(DROPBOX), DROPBOX),
        ({}, graph(SECRET, SECRET)),
        (bearer(SECRET), b'{"EventName": "s3:ObjectCreated:Put", "Key": "b/k", "Records": []}'),
        (bearer(TOKEN), b""),
        (bearer(TOKEN), b'{"type": "incremental"}'),
    ],
    ids=["autodesk", "drive", "box", "box_secondary", "dropbox", "graph", "minio", "empty", "person"],
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
        (dropped(DROPBOX, "guess"), DROPBOX),
        (dropped(DROPBOX), DROPBOX + b" "),
        ({}, graph(SECRET, "guess")),
        ({}, graph()),
        ({}, b'{"value": [1]}'),
        (bearer("guess"), b"{}"),
        (bearer(""), b"{}"),
        (signed(ADSK, "guess"), ADSK),
        (signed(ADSK), ADSK + b" "),
        (drive("guess"), b""),
        ({"x-goog-channel-id": "c1"}, b""),
        (boxed(BOX), BOX + b" "),
        (boxed(BOX, "guess"), BOX),
        ({**boxed(BOX), "box-delivery-timestamp": "2026-11-30T11:00:00-08:00"}, BOX),
        ({"box-signature-algorithm": "HmacSHA256"}, BOX),
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


@pytest.mark.parametrize("name", ["docs", "nothing"])
def test_a_store_that_asks_whether_it_is_expected_is_answered(project, stranger, name):
    """What Dropbox and Microsoft Graph send comes back as plain text; nothing is asked for, and no name is told."""
    text = "<script>é</script> a+b"
    answers = [
        stranger.get(f"/webhooks/{name}", params={"challenge": text}),
        stranger.post(f"/webhooks/{name}", params={"validationToken": text}, headers={"content-type": "text/plain"}),
    ]

    for answer in answers:
        assert (answer.status_code, answer.text) == (200, text)
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert stranger.get(f"/webhooks/{name}", params={"challenge": "x" * 3_000}).status_code == 400
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

    said = [
        s3_event("eng", "other/a"),
        s3_event("others", "my+drawings/a"),
        s3_event("eng", "my+drawings/a", name="s3:ObjectAccessed:Get"),
        s3_event("eng", "my+drawings/a"),
    ]
    answers = [stranger.post("/webhooks/eng", json=event, headers=bearer(TOKEN)) for event in said]

    assert [answer.json()["queued"] for answer in answers] == [False, False, False, True]
    assert requested(project) == [("eng", False, "webhook")]


@pytest.mark.parametrize(
    "event",
    [
        s3_event("eng", "a+b/x", source="ceph:s3"),  # which may mean the key as it is
        {"Type": "Notification", "Message": json.dumps(s3_event("eng", "a%2Bb/x"))},
        {"source": "aws.s3", "detail-type": "Object Created",
         "detail": {"bucket": {"name": "eng"}, "object": {"key": "a+b/x"}}},
        {"Records": [{"s3": {"bucket": []}}]},
        {"Records": [{"eventSource": [], "s3": {"bucket": {"name": "eng"}, "object": {"key": "a%2Bb/x"}}}]},
        {"something": "else"},
    ],
    ids=["unencoded", "wrapped", "bridge", "unreadable", "odd", "unknown"],
)  # fmt: skip
def test_events_are_understood_as_those_of_queues_are(project, stranger, event):
    """What cannot be understood may be about the endpoint."""
    project.file.write_text("endpoints: [{name: eng, type: s3, endpoint_details: {bucket: eng, prefix: a+b/}}]\n")

    answer = stranger.post("/webhooks/eng", json=event, headers=bearer(TOKEN))

    assert (answer.status_code, requested(project)) == (202, [("eng", False, "webhook")])


def test_a_person_may_ask_for_everything_anew(project, stranger):
    """`{"type": "initial"}` lists from the start."""
    stranger.post("/webhooks/docs", json={"type": "initial"}, headers=bearer(TOKEN))

    assert requested(project) == [("docs", True, "webhook")]


@pytest.mark.parametrize(
    ("body", "status"), [(b"no json", 400), (b"[1]", 400), (b"[" * 10_000, 400), (b" " * 4_000_001, 413)]
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


@dataclass
class Vault:
    """A secrets manager that may be away."""

    secret: str | None = "first"
    asked: int = 0

    def __call__(self, name):
        self.asked += 1
        if self.secret is None:
            raise ConfigError([f"The secret {name!r} could not be read: account 123456789012 is not authorised."])
        return self.secret


@pytest.fixture
def vault(project):
    """Return where the secret of the endpoint is kept."""
    made = Vault()
    project.file.write_text(ENDPOINTS.replace(SECRET, "secret:prod/hook"))
    project.site = replace(project.site, current=ConfigHolder(project.file, secrets=made))
    yield made
    project.site.close()


def a_minute_later(project):
    """Make what is known of secrets a minute older."""
    known = project.site.current._opened.secrets
    known.update({name: replace(one, at=one.at - SECRET_RETRY_SECONDS) for name, one in known.items()})


@pytest.mark.slow
def test_a_secret_that_is_rotated_is_fetched_again(project, vault):
    """When one does not fit, and at most once a minute: strangers cause no more."""

    def ask(secret):
        return project.client().post("/webhooks/docs", headers=bearer(secret)).status_code

    assert [ask(secret) for secret in ("first", "guess", "guess")] == [202, 401, 401]
    vault.secret = "second"
    assert (ask("second"), vault.asked) == (401, 1)
    a_minute_later(project)
    assert [ask(secret) for secret in ("second", "first")] == [202, 401]
    assert vault.asked == 2

    vault.secret = None
    a_minute_later(project)
    assert [ask(secret) for secret in ("guess", "second")] == [401, 202]


def test_a_secret_that_cannot_be_had_is_told_to_no_stranger(project, vault):
    """The store tries again; who has the token of the API needs no other."""
    vault.secret = None

    answers = [project.client().post("/webhooks/docs", headers=bearer("first")) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [503, 503]
    assert not any(word in answers[0].text for word in ("docs", "prod/hook", "123456789012"))
    assert vault.asked == 1
    assert project.client().post("/webhooks/docs", headers=bearer(TOKEN)).status_code == 202
    vault.secret = "first"
    a_minute_later(project)
    assert project.client().post("/webhooks/docs", headers=bearer("first")).status_code == 202

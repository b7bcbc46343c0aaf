import json

import httpx
import orjson
import pytest
from google.auth import jwt

from filesync_dagster.connectors.google_drive.credentials import EVERYTHING, METADATA
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, SourceError, Throttled
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import ids, many, pages, populate


def claims(place):
    """Return what the service account claimed to get its last token."""
    [*_, request] = [request for request in place.wire.requests if request.url.path == "/token"]
    assertion = request.content.decode().partition("assertion=")[2].partition("&")[0]
    return jwt.decode(assertion, verify=False)


def test_nothing_is_asked_before_something_is_wanted(mine, opened):
    """Opening a source is free."""
    opened(mine)

    assert mine.wire.requests == []


def test_a_service_account(mine, everything, opened):
    """It asks for no more than it needs: which shared drives there are takes the larger scope."""
    for place, scope in ((mine, METADATA), (everything, EVERYTHING)):
        place.credentials = place.key
        place.store.share(place.store.create("given", owner="bob@example.com"), place.store.account)
        place.write("own", b"")
        assert opened(place).check().problems == ()
        assert claims(place)["scope"] == scope
        assert "sub" not in claims(place)


@pytest.mark.parametrize("include_shared", [False, True])
def test_a_service_account_to_which_nothing_is_shared(mine, opened, include_shared):
    """Its inventory would be empty, so a check says what to do; a person's empty drive is none of our business."""
    assert opened(mine, include_shared=include_shared).check().problems == ()
    mine.credentials = mine.key

    [problem] = opened(mine, include_shared=include_shared).check().problems
    assert "Nothing is shared" in problem
    assert "client_email" in problem

    given = mine.store.create("given", owner="bob@example.com")
    mine.store.share(given, mine.store.account)
    assert len(opened(mine, include_shared=include_shared).check().problems) == (0 if include_shared else 1)


class Portal(httpx.BaseTransport):
    """What answers in place of Google."""

    def __init__(self, *answers):
        self.answers = answers

    def handle_request(self, request):
        status, body, headers = self.answers[min(len(self.answers) - 1, request.url.path != "/token")]
        return httpx.Response(status, content=body, headers=headers, request=request)


SKEWED = (
    "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp "
    "values in the JWT claim."
)
REFUSED = [
    ("unauthorized_client", "Client is unauthorized to retrieve access tokens using this method.", "delegation"),
    ("invalid_grant", "Invalid email or User ID", "primary address"),
    ("invalid_grant", SKEWED, "clock"),
    ("invalid_grant", "Token has been expired or revoked.", "refresh_token"),
    ("invalid_client", "The OAuth client was not found.", "client_id"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "message", "hint"), REFUSED)
def test_what_is_wrong_with_credentials_has_its_own_hint(mine, code, message, hint):
    """A wrong subject, a missing delegation and a wrong clock are mended in three places."""
    body = orjson.dumps({"error": code, "error_description": message})
    mine.wire = Portal((401 if code == "unauthorized_client" else 400, body, {"content-type": "application/json"}))
    source = mine.opened(Meter())

    with pytest.raises(AuthenticationFailed, match=code) as error:
        source.check()
    assert hint in error.value.hint
    source.close()


TOKEN = (200, b'{"access_token": "t", "expires_in": 3600, "token_type": "Bearer"}', {})
PAGE = (200, b"<!DOCTYPE html><title>Sign in</title>", {"content-type": "text/html"})
ELSEWHERE = (302, b"", {"location": "http://portal.example/"})


@pytest.mark.parametrize("answers", [(PAGE,), (ELSEWHERE,), (TOKEN, PAGE), (TOKEN, ELSEWHERE)])
def test_a_captive_portal(mine, answers):
    """Neither Google nor the credentials are to blame when a network's sign-in page answers."""
    mine.wire = Portal(*answers)
    source = mine.opened(Meter())

    with pytest.raises(SourceError) as error:
        source.check()
    assert "sign-in page" in error.value.hint
    source.close()


def test_a_subject(mine, opened):
    """With domain-wide delegation the service account speaks for a user."""
    mine.credentials = mine.key

    opened(mine, subject="ada@example.com").check()

    assert claims(mine)["sub"] == "ada@example.com"


def test_a_key_file(mine, opened, tmp_path):
    """The key may be in a file; its own token_uri is used."""
    file = tmp_path / "key.json"
    file.write_text(json.dumps(mine.simulator.credentials(mine.base_url)))
    mine.credentials = dict

    opened(mine, service_account_file=str(file)).check()

    assert mine.wire.tokens == 1


def test_sources_of_one_credential_share_a_token(mine, opened):
    """A thousand endpoints do not fetch a thousand tokens."""
    opened(mine).check()
    opened(mine).check()

    assert mine.wire.tokens == 0  # the wire of the second one


def test_a_token_that_expires_during_a_listing(mine, opened):
    """One other is fetched, and the listing goes on where it was."""
    populate(mine, many(30))
    source = opened(mine)
    whole = ids(pages(source))
    mine.plan.add(Fault.EXPIRE_TOKEN, "files.list", after=2)

    assert ids(pages(source)) == whole
    assert mine.wire.tokens == 2


def test_a_token_that_expires_under_many_hands(folder, opened):
    """Eight calls that are refused at once fetch one token together, not eight."""
    populate(folder, {f"{number}/x": b"" for number in range(40)})
    source = opened(folder)
    whole = set(ids(pages(source)))
    folder.simulator.tokens.issuer.expire_all()

    assert set(ids(pages(source))) == whole
    assert folder.wire.tokens == 2


def test_tokens_that_are_never_good(mine, opened):
    """The second refusal in a row is an error that says what to check."""
    source = opened(mine)
    mine.plan.add(Fault.EXPIRE_TOKEN, times=-1)

    with pytest.raises(AuthenticationFailed) as error:
        pages(source)

    assert error.value.hint
    assert mine.wire.tokens == 2


def test_a_revoked_refresh_token(mine, opened):
    """Google's reason is told, and no secret."""
    source = opened(mine)
    mine.plan.add(Fault.DENY, "token", times=-1)

    with pytest.raises(AuthenticationFailed, match="invalid_grant") as error:
        pages(source)

    assert mine.credentials()["refresh_token"] not in f"{error.value!r} {error.value.__cause__!r}"


def test_wrong_credentials(mine, opened):
    """An unknown client is told as such."""
    with pytest.raises(AuthenticationFailed, match="invalid_client"):
        pages(opened(mine, client_secret="wrong"))


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.THROTTLE, Fault.TIMEOUT, Fault.DISCONNECT, Fault.GARBAGE])
def test_a_token_service_that_falters(mine, opened, fault):
    """It is asked again, with our patience and not google-auth's; when it stays so, the error says so."""
    source = opened(mine)
    mine.plan.add(fault, "token")
    assert ids(pages(source)) == []

    mine.simulator.tokens.issuer.expire_all()
    mine.plan.add(fault, "token", times=-1)
    with pytest.raises(SourceError) as error:
        pages(source)
    assert error.value.retryable


@pytest.mark.parametrize("reason", ["rateLimitExceeded", "userRateLimitExceeded", "sharingRateLimitExceeded"])
def test_a_throttle_is_known_by_its_reason(mine, opened, reason):
    """Drive says it with 403. It is waited for, and counted."""
    source = opened(mine)
    mine.plan.add(Fault.THROTTLE, "files.list", reason=reason)
    pages(source)
    assert source._drive.calls.calls.meter.retries == 1

    mine.plan.add(Fault.THROTTLE, "files.list", reason=reason, times=-1)
    with pytest.raises(Throttled):
        pages(source)


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("dailyLimitExceeded", "quota"),
        ("insufficientPermissions", "scopes"),
        ("accessNotConfigured", "Enable the Google Drive API"),
        ("domainPolicy", "administrators"),
        ("insufficientFilePermissions", "Share"),
        ("somethingNew", "Share"),
    ],
)
def test_other_refusals_are_told_at_once(mine, opened, reason, hint):
    """No waiting changes them; the hint says what does."""
    source = opened(mine)
    mine.plan.add(Fault.DENY, "files.list", reason=reason, times=-1)

    with pytest.raises(AccessDenied, match=reason) as error:
        pages(source)

    assert hint in error.value.hint
    assert len(mine.wire.asked("files")) == 1


def test_no_secret_is_shown(mine, opened):
    """Neither by the source nor by what fails in it."""
    source = opened(mine)
    pages(source)
    token = source._drive.calls._used
    mine.plan.add(Fault.SERVER_ERROR, times=-1)

    with pytest.raises(SourceError) as error:
        pages(source)

    shown, cause = [repr(source), repr(source._drive), repr(source._drive.calls), str(error.value)], error.value
    while cause is not None:
        shown.append(repr(cause))
        cause = cause.__cause__ or cause.__context__
    for secret in (token, *[mine.credentials()[name] for name in ("client_secret", "refresh_token")]):
        assert not [text for text in shown if secret in text]

import inspect

import google.auth.exceptions
import googleapiclient.errors
import orjson
import pytest

from filesync_dagster.connectors.google.tokens import google_auth_border
from filesync_dagster.connectors.google_drive.errors import (
    CHECK_CREDENTIALS,
    CLIENT,
    REASONS,
    TOKEN_HINTS,
    drive_border,
    refusal_error,
)
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    TemporarilyDown,
    Throttled,
)


def own_exceptions(module):
    """Return the exception classes that a module defines."""
    found = [c for c in vars(module).values() if inspect.isclass(c) and issubclass(c, Exception)]
    return {c for c in found if c.__module__ == module.__name__}


def test_every_exception_of_googles_client_is_mapped():
    """When it grows an exception, somebody has to say what it means."""
    assert own_exceptions(googleapiclient.errors) == set(CLIENT)


def body(reason, message="Because."):
    """Return an error as Drive words it."""
    return orjson.dumps({"error": {"message": message, "errors": [{"reason": reason, "domain": "global"}]}})


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_refusals_say_where_and_what_to_do(reason):
    """Each reason becomes one of our errors, with the place, the reason and a hint."""
    error = refusal_error("Google Drive", 403, body(reason), {})

    assert type(error) is REASONS[reason][0]
    assert error.message == f"Google Drive answered {reason}: Because."
    assert error.hint


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (400, body("invalid"), ProtocolViolation),
        (401, b"", AuthenticationFailed),
        (403, b"<html>", AccessDenied),
        (404, b"{}", NotFound),
        (408, b"", TemporarilyDown),
        (418, b"[]", ProtocolViolation),
        (429, b'{"error": "x"}', Throttled),
        (500, body("internalError"), TemporarilyDown),
        (503, body("rateLimitExceeded"), TemporarilyDown),
        (302, b"", ProtocolViolation),
    ],
)
def test_answers_without_a_known_reason_are_judged_by_their_status(status, answer, kind):
    """Whatever the body is."""
    assert isinstance(refusal_error("Google Drive", status, answer, {}), kind)


def test_googles_newer_errors():
    """Their reason is in the details."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT"}]
    error = refusal_error("Google Drive", 403, orjson.dumps({"error": {"message": "No.", "details": details}}), {})

    assert isinstance(error, AccessDenied)
    assert "scopes" in error.hint


def test_a_retry_after_is_kept():
    """Drive promises none, and may send one."""
    assert refusal_error("Google Drive", 429, b"", {"retry-after": "7"}).retry_after == 7


def test_delegation_that_is_not_allowed():
    """The hint says where an administrator allows it."""
    with (
        pytest.raises(AuthenticationFailed) as error,
        google_auth_border("The token service", CHECK_CREDENTIALS, TOKEN_HINTS),
    ):
        raise google.auth.exceptions.RefreshError("unauthorized_client: Client is unauthorized")

    assert "delegation" in error.value.hint


def test_what_googles_client_raises_crosses_the_border():
    """It is ours afterwards."""
    with pytest.raises(ProtocolViolation), drive_border("Google Drive"):
        raise googleapiclient.errors.UnknownApiNameOrVersion("no")

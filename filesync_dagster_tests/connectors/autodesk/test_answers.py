import httpx
import orjson
import pytest

from filesync_dagster.connectors.autodesk.errors import CODES, STATUSES, document, refusal_error, refusal_of
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    TemporarilyDown,
    Throttled,
)

JSON_API = {
    "errors": [{"status": "400", "code": "BAD_INPUT", "title": "Bad input", "detail": "The limit is too large."}]
}
GATEWAY = {"developerMessage": "The token has expired", "errorCode": "AUTH-006", "more info": "https://…"}
OAUTH = {"error": "invalid_client", "error_description": "The client is not known."}
WARNINGS = {"meta": {"warnings": [{"HttpStatusCode": "403", "ErrorCode": "BIM360DM_ERROR", "Detail": "No permission"}]}}


def answer(status, body=b"", **headers):
    """Return an answer of Autodesk."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return httpx.Response(
        status, content=content, headers={name.replace("_", "-"): said for name, said in headers.items()}
    )


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (JSON_API, "BAD_INPUT", "The limit is too large."),
        (GATEWAY, "AUTH-006", "The token has expired"),
        (OAUTH, "invalid_client", "The client is not known."),
        (WARNINGS, "BIM360DM_ERROR", "No permission"),
        ({"reason": "Forbidden"}, "", "Forbidden"),
        ([1], "", ""),
        ({"errors": [7], "meta": 8}, "", ""),
        (b"<html>502</html>", "", ""),
        (b"", "", ""),
    ],
)
def test_every_shape_of_error_body(body, code, message):
    """Autodesk's services say what is wrong in their own ways; what none of them would say is nothing."""
    found = refusal_of(answer(500, body).content)

    assert (found.code, found.message) == (code, message)


@pytest.mark.parametrize(
    ("asked", "status", "body", "kind", "hint"),
    [
        ("token", 400, OAUTH, AuthenticationFailed, "client_secret"),
        ("token", 401, GATEWAY, AuthenticationFailed, "client_secret"),
        ("token", 403, {"errorCode": "AUTH-001"}, AccessDenied, "Enable the Data Management API"),
        ("assertion", 400, {"errorCode": "AUTH-008"}, AuthenticationFailed, "private_key"),
        ("assertion", 400, {"error": "invalid_grant"}, AuthenticationFailed, "private_key"),
        (
            "assertion",
            400,
            {"error": "invalid_grant", "error_description": "The exp claim is in the past."},
            AuthenticationFailed,
            "clock of this machine",
        ),
        ("contents", 401, GATEWAY, AuthenticationFailed, "client_secret"),
        ("hubs", 403, WARNINGS, AccessDenied, "custom integration in ACC Account Admin"),
        ("projects", 403, JSON_API, AccessDenied, "custom integration in ACC Account Admin"),
        ("topFolders", 403, b"", AccessDenied, "custom integration in ACC Account Admin"),
        ("contents", 403, b"", AccessDenied, "View permission"),
        ("items", 403, {"errorCode": "AUTH-010"}, AccessDenied, "Enable the Data Management API"),
        ("hubs", 404, b"", NotFound, "hub_id"),
        ("projects", 400, JSON_API, NotFound, "hub_id"),
        ("topFolders", 404, b"", NotFound, "project_ids"),
        ("contents", 404, b"", NotFound, "while it was read"),
        ("contents", 400, JSON_API, ProtocolViolation, "report it"),
        ("contents", 302, b"", ProtocolViolation, "sign-in page"),
        ("contents", 408, b"", TemporarilyDown, "next sync"),
        ("contents", 429, {"developerMessage": "Quota limit exceeded."}, Throttled, "next sync"),
        ("contents", 503, b"<html>", TemporarilyDown, "next sync"),
        ("token", 503, {"errorCode": "AUTH-001"}, TemporarilyDown, "next sync"),
    ],
)
def test_what_an_answer_means(asked, status, body, kind, hint):
    """Each answer is one of our errors, which says where, what, and what to do."""
    error = refusal_error("Folder Plans", asked, answer(status, body))

    assert type(error) is kind
    assert error.message.startswith(f"Folder Plans answered HTTP {status}")
    assert hint in error.hint


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0), ("soon", None)])
def test_how_long_to_wait(header, seconds):
    """Retry-After is read as seconds or a date."""
    assert refusal_error("x", "contents", answer(429, retry_after=header)).retry_after == seconds


def test_every_meaning_has_a_hint():
    """No error leaves a person without something to do."""
    assert all(hint for _, hint in [*CODES.values(), *STATUSES.values()])


@pytest.mark.parametrize("body", [b"[]", b"null"])
def test_an_answer_that_is_no_document(body):
    """200 with anything but a JSON object cannot be trusted."""
    with pytest.raises(ProtocolViolation, match="not a JSON object"):
        document(answer(200, body), "Folder Plans")


@pytest.mark.parametrize(
    ("body", "hint"), [(b"", "next sync"), (b'{"data": [', "next sync"), (b" <html>", "sign-in page"), (b"\xff", "")]
)
def test_an_answer_that_broke_off(body, hint):
    """What is no JSON at all is asked for again; a web page comes from somebody else."""
    with pytest.raises(TemporarilyDown) as error:
        document(answer(200, body), "Folder Plans")
    assert hint in error.value.hint


def test_half_a_surrogate_pair():
    """Autodesk lets people upload names that are no UTF-8; the answer is read all the same."""
    assert document(answer(200, b'{"name": "\\ud83d"}'), "Folder Plans") == {"name": "\ud83d"}

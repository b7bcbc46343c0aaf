import pytest

from filesync_dagster.connectors.rest.errors import CHECK_PORTAL, ErrorTable, Forbidden, classify, error_for
from filesync_dagster.core.errors import (
    AccessDenied,
    NotFound,
    ProtocolViolation,
    TemporarilyDown,
    Throttled,
    Unreachable,
)

TABLE = ErrorTable(
    codes={"slow": (Throttled, "wait"), "no": (AccessDenied, "ask")},
    statuses={404: (NotFound, "look"), ("folder", 404): (Forbidden, "folder"), ("folder", 429): (NotFound, "odd")},
    unknown_hint="report",
    codeless={429, 503},
)


@pytest.mark.parametrize(
    ("status", "code", "call", "kind", "hint"),
    [
        (403, "slow", "", Throttled, "wait"),
        (404, "slow", "folder", Throttled, "wait"),
        (404, "", "", NotFound, "look"),
        (404, "other", "file", NotFound, "look"),
        (404, "other", "folder", Forbidden, "folder"),
        (429, "no", "", Throttled, None),
        (429, "no", "folder", NotFound, "odd"),
        (503, "no", "", TemporarilyDown, None),
        (500, "no", "", AccessDenied, "ask"),
        (500, "", "", TemporarilyDown, None),
        (408, "", "", TemporarilyDown, None),
        (418, "", "", ProtocolViolation, "report"),
        (302, "", "", ProtocolViolation, CHECK_PORTAL),
        (511, "", "", Unreachable, CHECK_PORTAL),
    ],
)
def test_what_a_refusal_means(status, code, call, kind, hint):
    """The code decides where the table has it and the status lets it, then the call, then the status."""
    found, told = classify(status, code, TABLE, call)

    assert found is kind
    assert told == hint if hint else told


def test_what_it_says():
    """Where, the code or the status, and the message; a Retry-After only where somebody will wait."""
    assert error_for("Box", 403, TABLE, code="no", message="Not you.").message == "Box answered no: Not you."
    assert error_for("Box", 404, TABLE).message == "Box answered HTTP 404."
    assert error_for("Box", 429, TABLE, retry_after="7").retry_after == 7
    assert error_for("Box", 404, TABLE, retry_after="7").retry_after is None

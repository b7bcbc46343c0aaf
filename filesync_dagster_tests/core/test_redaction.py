"""No secret in use is in a text that is told, in whichever form a library or a store quotes it."""

import base64
import json
import logging
from html import escape
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.core.errors import ConfigError, TemporarilyDown
from filesync_dagster.core.logging import event
from filesync_dagster.core.redaction import (
    DEFAULTS,
    MASK,
    TEXT_MAX_LETTERS,
    forget_secrets,
    note_secret,
    redact,
    to_told,
)

SECRET = 'canary/"p+ä\\s&s=wörd\t%1'

FORMS = {
    "plain": lambda text: text,
    "url": lambda text: quote(text, safe=""),
    "path": quote,
    "form": quote_plus,
    "json": json.dumps,
    "json as it is": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "repr of bytes": lambda text: repr(text.encode()),
    "html": escape,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "basic": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "basic, other user": lambda text: base64.b64encode(f"user:{text}:more".encode()).decode(),
    "base64 for addresses": lambda text: base64.urlsafe_b64encode(b"x" + text.encode()).decode(),
}


@pytest.fixture(autouse=True)
def nothing_known():
    """Leave nothing behind that other tests would find masked."""
    forget_secrets()
    yield
    forget_secrets()


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_masked_in_every_form(form):
    """Illegal header value b'…', an address, a body that is sent back."""
    note_secret(SECRET)
    told = FORMS[form](SECRET)

    shown = redact(f"Illegal value {told} of x")

    assert MASK in shown
    assert "canary" not in shown
    assert told not in shown
    core = base64.b64encode(SECRET.encode()).decode()[4:-6]
    assert core not in shown


@given(st.text(st.characters(codec="utf-8"), min_size=6, max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_any_secret_is_masked_anywhere(secret, before, after):
    """Whatever stands around it."""
    forget_secrets()
    note_secret(secret)
    if len(secret.strip()) >= 6 and secret.lower() not in DEFAULTS:
        assert secret not in redact(before + secret + after).replace(MASK, "\x00")


def test_parts_of_a_secret_are_secrets():
    """The password of an address, the lines of a key, the key in a key file."""
    key = "-----BEGIN PRIVATE KEY-----\n" + "\n".join(f"line{n}ofcanarykey" * 4 for n in range(3)) + "\n-----END-----\n"
    note_secret(json.dumps({"client_email": "me@example.com", "private_key": key}))
    note_secret("postgresql://me:canary%20pass@db.example.com/x")

    shown = redact(f"me@example.com {key} at db.example.com: canary pass")

    assert "line1ofcanarykey" not in shown
    assert "canary pass" not in shown
    assert "me@example.com" in shown
    assert "db.example.com" in shown


def test_a_word_is_no_secret():
    """What has a few letters would be masked in every sentence."""
    note_secret("abc")
    note_secret("")
    note_secret(None)
    note_secret("filesync")

    assert redact("abc of the alphabet of filesync") == "abc of the alphabet of filesync"


def test_texts_have_an_end():
    """A store may send any size; what is cut was masked before."""
    note_secret("canary-at-the-cut")

    text = to_told("x" * (TEXT_MAX_LETTERS - 45) + "canary-at-the-cut" * 10_000)

    assert len(text) < TEXT_MAX_LETTERS + 40
    assert "canary" not in text
    assert "characters in all" in text


def test_errors_and_events_pass_the_border(caplog):
    """They are where texts of others come in."""
    note_secret("canary-in-an-error")
    error = TemporarilyDown("The store says b'canary-in-an-error'.", hint="Check canary-in-an-error.")

    with caplog.at_level(logging.INFO, "filesync_dagster"):
        logging.getLogger("filesync_dagster").propagate = True
        event(
            "sync.failed",
            error="canary-in-an-error",
            listed=["canary-in-an-error"],
            cause=ValueError("canary-in-an-error"),
        )

    said = f"{error} {error!r} {error.args} {ConfigError(['canary-in-an-error'])} {caplog.text}"
    assert "canary" not in said
    assert MASK in caplog.text

import base64
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.core.encryption import SecretBox, secret_keys
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.redaction import redact


def key():
    """Return a key as the environment has it."""
    return base64.b64encode(os.urandom(32)).decode()


def box(*keys):
    """Return what encrypts with the first of some keys."""
    return SecretBox(secret_keys(",".join(keys)))


@given(st.text(), st.text(max_size=40))
def test_what_was_encrypted_is_decrypted_at_its_place(secret, place):
    """Whatever characters it has, a secret comes back as it was; twice it looks different."""
    found = box(key())
    first, second = found.encrypt(secret, place), found.encrypt(secret, place)
    assert found.decrypt(first, place) == found.decrypt(second, place) == secret
    assert first != second


def test_a_blob_opens_at_its_own_place_only():
    """A password that is copied to another source, or to a field that is shown, is of no use there."""
    found = box(key())
    blob = found.encrypt("hunter2hunter2", "source 17 password")
    with pytest.raises(ConfigError, match="another place"):
        found.decrypt(blob, "source 18 password")


@given(st.integers(min_value=0, max_value=60), st.sampled_from("ABCxyz019-_"))
def test_a_blob_that_was_changed_does_not_open(at, letter):
    """Any other letter in it is noticed."""
    found = box(key())
    blob = found.encrypt("hunter2hunter2", "p")
    changed = blob[:at] + letter + blob[at + 1 :]
    if changed != blob:
        with pytest.raises(ConfigError):
            found.decrypt(changed, "p")


def test_keys_are_replaced_one_after_another():
    """The first key encrypts; those after it still open what they encrypted, until they are taken away."""
    old, new = key(), key()
    blob = box(old).encrypt("hunter2hunter2", "p")
    both = box(new, old)
    assert both.decrypt(blob, "p") == "hunter2hunter2"
    assert both.needs_renewal(blob)
    renewed = both.encrypt(both.decrypt(blob, "p"), "p")
    assert not both.needs_renewal(renewed)
    assert box(new).decrypt(renewed, "p") == "hunter2hunter2"
    with pytest.raises(ConfigError, match="FILESYNC_SECRET_KEY does not have"):
        box(new).decrypt(blob, "p")


def test_without_a_key_nothing_is_kept():
    """A secret is never stored in the clear for want of a key."""
    found = SecretBox(secret_keys(None))
    assert not found.is_usable
    with pytest.raises(ConfigError, match="FILESYNC_SECRET_KEY is not set"):
        found.encrypt("hunter2hunter2", "p")


@pytest.mark.parametrize("text", ["short", "x" * 44, base64.b64encode(b"31 bytes, and that is too few  ").decode()])
def test_a_key_that_is_none_is_refused_without_showing_it(text):
    """The message names which one of the list it is."""
    with pytest.raises(ConfigError, match="Key 2 of") as refused:
        secret_keys(f"{key()},{text}")
    assert text not in str(refused.value)


def test_keys_may_be_hexadecimal_and_are_shown_nowhere():
    """Neither a repr nor a message that is told has a key."""
    text = os.urandom(32).hex()
    keys = secret_keys(text)
    assert text not in repr(SecretBox(keys)) + repr(keys)
    assert redact(f"the key {text}") == "the key ***"

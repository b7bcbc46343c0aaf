"""How an application proves itself, and what it is told when it cannot."""

import pytest

from filesync_dagster.core.errors import AuthenticationFailed
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.rows import files


@pytest.fixture
def certified(mine, opened, tmp_path):
    """Return what opens a source whose application has a certificate file."""
    mine.write("a.txt", b"a")

    def open_certified(content, **details):
        path = tmp_path / "app.cert"
        path.write_bytes(content)
        return opened(mine, certificate_file=str(path), client_secret=None, **details)

    return open_certified


def test_a_certificate_in_pem(mine, certified):
    """The key and the certificate in one file, in either order."""
    pem = mine.simulator.certificate()
    assert list(files(mine, certified(pem))) == ["a.txt"]
    key, certificate = pem.split(b"-----BEGIN CERTIFICATE")
    assert list(files(mine, certified(b"-----BEGIN CERTIFICATE" + certificate + key, list_workers=1))) == ["a.txt"]
    form = mine.wire.requests[0].content
    assert b"client_secret" not in form or b"client_assertion" in form


def test_a_certificate_with_a_password(mine, certified):
    """PKCS #12, as Windows writes it."""
    sealed = mine.simulator.certificate(b"open sesame")
    assert list(files(mine, certified(sealed, certificate_password="open sesame"))) == ["a.txt"]
    with pytest.raises(AuthenticationFailed, match="certificate_password is not its password"):
        certified(sealed, certificate_password="wrong").check()


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate(certified, content):
    """It is said in a sentence, with what it must be."""
    with pytest.raises(AuthenticationFailed) as wrong:
        certified(content).check()
    assert wrong.value.hint


def test_a_file_that_is_not_there(mine, opened):
    """It is named."""
    with pytest.raises(AuthenticationFailed, match=r"nowhere\.pem cannot be read: No such file"):
        opened(mine, certificate_file="nowhere.pem", client_secret=None).check()


@pytest.mark.parametrize(
    ("details", "sentence"),
    [
        ({"client_secret": "wrong"}, "invalid_client: AADSTS7000215"),
        ({"client_id": "unknown"}, "unauthorized_client: AADSTS700016"),
        ({"tenant_id": "elsewhere"}, "AADSTS90002: Tenant not found"),
    ],
)
def test_what_microsoft_refuses(mine, opened, details, sentence):
    """In its own words, with a hint, and without the secret."""
    with pytest.raises(AuthenticationFailed) as wrong:
        opened(mine, **details).check()
    assert sentence in str(wrong.value)
    assert "Check tenant_id" in wrong.value.hint
    assert "secret=" not in str(wrong.value)


def test_a_throttle_pauses_the_tenant(mine, opened):
    """503 is one, too: whoever has the same credential waits."""
    mine.write("a.txt", b"a")
    for status in (429, 503):
        mine.plan.add(Fault.THROTTLE, "items.delta", status=status, seconds=0)
        assert list(files(mine, opened(mine))) == ["a.txt"]
    assert not mine.plan.expects(Fault.THROTTLE)

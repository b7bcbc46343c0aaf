"""Proxies as environments name them, over real sockets."""

import httpx
import pytest

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.http import BoundedClient
from filesync_dagster_tests.odd_hosts import odd_host

NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def proxied(monkeypatch):
    """Return what sets the proxies of the environment, and no others."""

    def put(**variables):
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return put


def fine(connection, asked=b""):
    """Answer with what was asked."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(asked) + asked)


@pytest.mark.parametrize(
    "exceptions",
    [
        "127.0.0.1",
        "localhost,127.0.0.1,192.168.0.0/24,[::1],fe80::/10,*.company.com",
        "127.0.0.1,[::1]",
        " 127.0.0.1 ,, fd00::/8",
        "http://127.0.0.1",
        "10.0.0.0/8,127.0.0.0/8",
        "127.1.2.3/8",
        "*",
    ],
)
def test_what_is_excepted_is_asked_directly(proxied, exceptions):
    """Each way of writing NO_PROXY that curl and others take leaves the rest of it in force."""
    proxied(HTTP_PROXY=NOBODY, NO_PROXY=exceptions)
    with odd_host(fine) as port, BoundedClient(timeout=5) as http:
        assert http.get(f"http://127.0.0.1:{port}/").status_code == 200


@pytest.mark.parametrize("written", ["http://user:p%40ss@127.0.0.1:{}", "user:p%40ss@127.0.0.1:{}"])
def test_everything_else_goes_through_the_proxy(proxied, written):
    """With the proxy's user and password."""
    with odd_host(fine, quote=True) as port:
        proxied(HTTP_PROXY=written.format(port), NO_PROXY="*.company.com")
        with BoundedClient(timeout=5) as http:
            said = http.get("http://store.invalid/bucket").text
            with pytest.raises(httpx.ConnectError):
                http.get("http://store.invalid.company.com/bucket")

    assert said.startswith("GET http://store.invalid/bucket")
    assert "dXNlcjpwQHNz" in said  # user:p@ss


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize(
    "address",
    [
        "socks://127.0.0.1:1080",
        "socks5://127.0.0.1:1080",
        "ftp://hunter2@127.0.0.1",
        "http:/127.0.0.1:3128",
        "http://",
        "http://me:hunter2/x@127.0.0.1:1",
        '"http://me:hunter2@127.0.0.1:3128"',
        "127.0.0.1:hunter2",
    ],
)
def test_what_is_no_proxy_is_one_sentence(proxied, name, address):
    """It names the variable, and shows nothing of what it says."""
    proxied(**{name: address})

    with pytest.raises(ConfigError, match=name) as caught:
        BoundedClient()

    assert "hunter2" not in str(caught.value)

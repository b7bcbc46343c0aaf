import ipaddress
import socket
import threading
import time

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.http import BoundedClient
from filesync_dagster.tables.sources.addresses import AddressGuard, resolve_host
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.wire import GuardedTransport
from filesync_dagster_tests.tables.sources.hosts import DENIED_HOSTS, FAKE_NAMES, fake_resolve
from filesync_dagster_tests.tables.sources.listener import listening


def soon():
    """Return a deadline that no good answer misses."""
    return SourceDeadline(5)


@pytest.mark.parametrize("host", DENIED_HOSTS)
def test_no_way_of_writing_a_denied_address_is_allowed(host):
    """Decimal, octal, hexadecimal, IPv6, names that lead there: all are refused."""
    with pytest.raises(SourceRefused) as refused:
        AddressGuard(resolve=fake_resolve).check(host, 80, soon())
    assert refused.value.code in {"not_allowed", "bad_config", "unreachable"}
    assert refused.value.field == "host"


@pytest.mark.parametrize(
    "host", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "[2606:2800:220:1::1]", "public.test"]
)
def test_public_addresses_are_allowed(host):
    """The guard is no wall."""
    assert AddressGuard(resolve=fake_resolve).check(host, 443, soon()).addresses


@given(st.one_of(st.ip_addresses(v=4, network="10.0.0.0/8"), st.ip_addresses(v=4, network="127.0.0.0/8"),
                 st.ip_addresses(v=4, network="169.254.0.0/16"), st.ip_addresses(v=4, network="172.16.0.0/12"),
                 st.ip_addresses(v=4, network="192.168.0.0/16"), st.ip_addresses(v=4, network="100.64.0.0/10")),
       st.sampled_from(["{}", "::ffff:{}", "64:ff9b::{}", "::{}"]))  # fmt: skip
def test_private_addresses_are_denied_in_all_clothes(address, form):
    """IPv4 in IPv6 and NAT64 lead to the same place."""
    with pytest.raises(SourceRefused):
        AddressGuard().check(form.format(address), 80, soon())


@given(st.ip_addresses(v=6))
def test_what_python_calls_private_is_denied(address):
    """Whatever is not global by the registries of IANA is denied."""
    guard = AddressGuard()
    if not address.is_global:
        with pytest.raises(SourceRefused):
            guard.check(str(address), 80, soon())


def test_one_denied_address_among_several_denies_the_name():
    """A name that has a public and a private address is not half allowed."""
    with pytest.raises(SourceRefused, match="not allowed"):
        AddressGuard(resolve=fake_resolve).check("mixed.test", 80, soon())


def test_settings_allow_names_addresses_and_networks():
    """What the settings name is allowed, and nothing beside it."""
    guard = AddressGuard(["intern.test", "10.1.0.0/16", "::1"], resolve=fake_resolve)
    assert guard.check("Intern.test.", 80, soon()).address == "10.9.9.9"
    assert guard.check("10.1.2.3", 80, soon()).address == "10.1.2.3"
    assert guard.check("[::1]", 80, soon()).address == "::1"
    for denied in ("10.2.2.3", "other.intern.test", "127.0.0.1"):
        with pytest.raises(SourceRefused):
            guard.check(denied, 80, soon())


def test_settings_allow_ends_of_names_and_single_ports():
    """`*.company.lan` is every host there, and `host:port` one port of a host."""
    guard = AddressGuard(["*.lan.test", "10.0.0.5:5432", "db.test:5432"], resolve=lambda host, port: ["10.9.9.9"])
    assert guard.check("a.lan.test", 80, soon()).addresses
    assert guard.check("db.test", 5432, soon()).addresses
    assert guard.check("10.0.0.5", 5432, soon()).addresses
    for host, port in (("lan.test", 80), ("xlan.test", 80), ("db.test", 80), ("10.0.0.5", 80)):
        with pytest.raises(SourceRefused):
            guard.check(host, port, soon())


def test_a_name_is_resolved_once_and_the_checked_address_is_connected_to():
    """Whoever answers with another address the second time reaches nobody: nothing goes to a denied address."""
    answers = []

    def rebind(host, port):
        answers.append(host)
        return ["127.0.0.1"] if len(answers) > 1 else ["192.0.2.1"]

    with listening() as listener:
        guard = AddressGuard(["192.0.2.1"], resolve=rebind)
        with (
            BoundedClient(transport=GuardedTransport(guard, field="base_url"), timeout=0.5) as client,
            pytest.raises(httpx.TransportError),
        ):
            client.get(f"http://localhost:{listener.port}/")
        assert listener.connections == 0
    assert answers == ["localhost"]


def serve_once(answer):
    """Answer one request on a port of this machine; return the port and what was asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    asked = []

    def serve():
        connection, _ = listener.accept()
        asked.append(connection.recv(65536))
        connection.sendall(answer)
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return listener, asked


def test_a_redirect_is_not_followed():
    """What leads to the metadata service, or to this machine, is the answer, and nobody goes there."""
    with listening() as forbidden:
        location = f"http://127.0.0.1:{forbidden.port}/latest/meta-data"
        listener, asked = serve_once(
            f"HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n".encode()
        )
        port = listener.getsockname()[1]
        guard = AddressGuard(["allowed.test"], resolve=lambda host, port: ["127.0.0.1"])
        with BoundedClient(transport=GuardedTransport(guard, field="base_url"), timeout=2) as client:
            assert client.get(f"http://allowed.test:{port}/x").status_code == 302
        assert forbidden.connections == 0
        assert f"host: allowed.test:{port}".encode() in asked[0].lower()
        listener.close()


def test_downloads_do_not_go_around_the_guard():
    """What reads large bodies over connections of its own does not take a guarded client for a direct one."""
    with BoundedClient(transport=GuardedTransport(AddressGuard(), field="host")) as client:
        assert not client.is_direct("http://example.com/")


def test_names_that_resolve_slowly_have_a_deadline():
    """A name service that hangs does not hold who asks."""
    guard = AddressGuard(resolve=lambda host, port: time.sleep(3) or ["93.184.216.34"])
    began = time.monotonic()
    with pytest.raises(SourceRefused) as refused:
        guard.check("slow.test", 80, SourceDeadline(0.3))
    assert refused.value.code == "timeout"
    assert time.monotonic() - began < 1.5


def test_the_operator_may_go_anywhere():
    """Who owns the machine asks it what they like."""
    assert AddressGuard.of_operator().check("127.0.0.1", 80, soon()).address == "127.0.0.1"
    assert "127.0.0.1" in AddressGuard.of_operator().check("localhost", 80, soon()).addresses or socket.has_ipv6


def test_the_fake_names_cover_what_they_say():
    """Each fake name leads where its entry in the table says, the others go to the real resolver."""
    assert all(ipaddress.ip_address(found) for found in FAKE_NAMES["mixed.test"])
    assert fake_resolve("127.1", 80) == resolve_host("127.1", 80)


NO_ADDRESSES = (
    "ftp://x.test/", "http://", "http://user@x.test/", "http://x.test/#a", "http://x.test:0/", "http://x.test\\@y.test/",
    "http://x.test/a b", "javascript:alert(1)", "http://x.test:99999/",
)  # fmt: skip


@pytest.mark.parametrize("url", NO_ADDRESSES)
def test_what_is_no_address_of_http_is_refused(url):
    """Tricks with users, fragments and backslashes are no addresses."""
    with pytest.raises(SourceRefused) as refused:
        AddressGuard(resolve=fake_resolve).check_url(url, soon(), field="base_url")
    assert (refused.value.code, refused.value.field) == ("bad_config", "base_url")

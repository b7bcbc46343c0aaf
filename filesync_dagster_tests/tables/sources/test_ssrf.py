import base64
import json
import socket
import time
from contextlib import closing, suppress

import pytest

from filesync_dagster.core.errors import FilesyncError, SourceRefused
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster_tests.tables.sources.hosts import DENIED_HOSTS, FAKE_NAMES, fake_resolve
from filesync_dagster_tests.tables.sources.http_fakes import service
from filesync_dagster_tests.tables.sources.listener import listening

pytestmark = [
    pytest.mark.usefixtures("sockets_that_drivers_leave"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]

LOCAL = [
    host for host in DENIED_HOSTS if host.startswith(("127", "2130", "0", "[::1", "::1", "local", "LOCAL", "\uff11"))
]
"""Ways of writing an address of this machine: a listener there would notice."""


def bracketed(host):
    """Return a host as it stands in an address."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


KINDS = {
    "postgres": lambda host, port: {"host": host, "port": port, "database": "d", "username": "u", "password": "p" * 9},
    "oracle": lambda host, port: {"dsn": f"{bracketed(host)}:{port}/x", "username": "u", "password": "p" * 9},
    "s3": lambda host, port: {
        "bucket": "b", "file_paths": ["a.csv"], "endpoint_url": f"http://{bracketed(host)}:{port}",
        "access_key_id": "AKIAXXXXXXXX", "secret_access_key": "s" * 20,
    },
    "gcs": lambda host, port: {
        "bucket": "b", "file_paths": ["a.csv"], "anonymous": True, "endpoint_url": f"http://{bracketed(host)}:{port}",
    },
    "azure": lambda host, port: {
        "container": "c", "file_paths": ["a.csv"],
        "connection_string": f"AccountName=a;AccountKey={base64.b64encode(b'k' * 32).decode()};"
        f"BlobEndpoint=http://{bracketed(host)}:{port}/a",
    },
    "api": lambda host, port: {"base_url": f"http://{bracketed(host)}:{port}", "endpoints": [{"path": "/x"}]},
    "atlas": lambda host, port: {
        "endpoint_url": f"http://{bracketed(host)}:{port}", "username": "u", "password": "p" * 9,
    },
}  # fmt: skip


def outcome(kind, host, port, guard, seconds=10):
    """Test a source, and return the code of its refusal."""
    try:
        with closing(open_source(kind, KINDS[kind](host, port), SourceContext("s", guard=guard))) as source:
            source.test(SourceDeadline(seconds))
    except SourceRefused as refused:
        return refused.code
    return "success"


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_source_sends_anything_to_a_denied_address(kind):
    """Whatever way an address is written, and whoever resolves it: a listener on this machine hears nothing."""
    guard = AddressGuard(resolve=fake_resolve)
    with listening() as listener:
        codes = {host: outcome(kind, host, listener.port, guard) for host in DENIED_HOSTS}
        assert listener.connections == 0
    assert set(codes.values()) <= {"not_allowed", "bad_config", "unreachable"}, codes
    assert {codes[host] for host in ("127.0.0.1", "loop.test", "metadata.test")} == {"not_allowed"}


@pytest.mark.parametrize("kind", KINDS)
def test_the_listener_would_hear_them(kind):
    """Where the operator asks, the same requests come: the test above can fail."""
    with listening() as listener:
        assert outcome(kind, "127.0.0.1", listener.port, AddressGuard.of_operator()) not in {
            "not_allowed",
            "bad_config",
        }
        assert listener.connections > 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "oracle"])
def test_a_name_that_changes_its_address_is_connected_to_where_it_was_checked(kind):
    """The second answer about a name is never asked for within a connection: what was checked is what is used."""
    answers = []

    def rebind(host, port):
        answers.append(host)
        return ["127.0.0.1"] if len(answers) > 1 else ["192.0.2.1"]

    with listening() as listener:
        guard = AddressGuard(["192.0.2.1"], resolve=rebind)
        with (
            suppress(FilesyncError),
            closing(
                open_source(kind, KINDS[kind]("localhost", listener.port), SourceContext("s", guard=guard))
            ) as source,
        ):
            source.test(SourceDeadline(0.7))
        assert listener.connections == 0
    assert answers[0] == "localhost"


@pytest.mark.parametrize("kind", ["api", "atlas", "s3", "gcs", "azure"])
def test_no_kind_of_source_follows_a_redirect(kind):
    """A service that is allowed leads to one that is not: nobody goes there."""
    with listening() as forbidden:
        target = f"http://127.0.0.1:{forbidden.port}/latest/meta-data/"
        with service(lambda asked: (302, {"location": target}, b"")) as allowed:
            port = int(allowed.url.rpartition(":")[2])
            guard = AddressGuard([f"allowed.test:{port}"], resolve=lambda host, at: ["127.0.0.1"])
            assert outcome(kind, "allowed.test", port, guard) in {"protocol", "unreachable", "unknown", "not_found"}
            assert allowed.asked
        assert forbidden.connections == 0


def test_a_service_accounts_key_leads_to_no_denied_address():
    """The address of the token service in a key passes the guard, too."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with listening() as listener:
        text = json.dumps({
            "type": "service_account", "client_email": "a@b.c", "private_key": key.decode(),
            "token_uri": f"http://127.0.0.1:{listener.port}/token",
        })  # fmt: skip
        given = {"bucket": "b", "file_paths": ["a.csv"], "service_account_key": text}
        context = SourceContext("s", guard=AddressGuard(resolve=fake_resolve))
        with closing(open_source("gcs", given, context)) as source, pytest.raises(SourceRefused) as refused:
            source.test(SourceDeadline(10))
        assert refused.value.code == "not_allowed"
        assert listener.connections == 0


OF_THE_MACHINE = [
    ("postgres", {"host": "/tmp", "database": "d", "username": "u"}, "host"),
    ("postgres", {"host": "public.test", "database": "d", "username": "u", "sslmode": "verify-full",
                  "sslrootcert": "/etc/passwd"}, "sslrootcert"),
    ("oracle", {"dsn": "(DESCRIPTION=(ADDRESS=(PROTOCOL=tcp)(HOST=127.0.0.1)(PORT=1)))", "username": "u"}, "dsn"),
    ("oracle", {"dsn": "PRODDB", "username": "u"}, "dsn"),
    ("oracle", {"dsn": "public.test/x", "username": "u", "mode": "thick"}, "mode"),
    ("oracle", {"dsn": "public.test/x", "username": "u", "wallet": "/etc"}, "wallet"),
    ("upload", {"file_paths": ["/etc/passwd"]}, "file_paths"),
    ("azure", {"container": "c", "file_paths": ["a"], "connection_string": "UseDevelopmentStorage=true"},
     "connection_string"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "given", "field"), OF_THE_MACHINE)
def test_files_and_sockets_of_the_machine_are_not_named_in_requests(kind, given, field):
    """Sockets, wallets, certificates and descriptors are the operator's."""
    context = SourceContext("s", guard=AddressGuard(resolve=fake_resolve))
    with pytest.raises(SourceRefused) as refused, closing(open_source(kind, given, context)) as source:
        source.test(SourceDeadline(10))
    assert (refused.value.code, refused.value.field) == ("not_allowed", field)


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_that_says_nothing_is_answered_for_in_time(kind):
    """A test ends at its deadline whatever a driver does."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it accepts, and never answers
        began = time.monotonic()
        code = outcome(kind, "127.0.0.1", silent.getsockname()[1], AddressGuard.of_operator(), seconds=0.8)
        assert time.monotonic() - began < 1.8
    assert code == "timeout"


def test_the_table_of_hosts_is_as_long_as_it_says():
    """Forty ways and more, of which many are this machine."""
    assert len(DENIED_HOSTS) >= 40
    assert len(LOCAL) >= 15
    assert FAKE_NAMES["loop.test"] == ["127.0.0.1"]

"""Forty ways of writing a host that no request may reach, and a resolver that knows the names among them."""

from filesync_dagster.tables.sources.addresses import resolve_host

FAKE_NAMES = {
    "public.test": ["93.184.216.34"],
    "mixed.test": ["93.184.216.34", "127.0.0.1"],
    "loop.test": ["127.0.0.1"],
    "loop6.test": ["::1"],
    "metadata.test": ["169.254.169.254"],
    "private.test": ["10.0.0.5"],
    "intern.test": ["10.9.9.9"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "scoped.test": ["fe80::1%1"],
    "zero.test": ["0.0.0.0"],
}

DENIED_HOSTS = [
    "127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
    "017700000001", "0", "0.0.0.0", "localhost", "LOCALHOST.", "127\u30020\u30020\u30021",
    "\uff11\uff12\uff17.0.0.1", "[::1]", "::1", "::", "0:0:0:0:0:0:0:1", "::ffff:127.0.0.1", "::ffff:7f00:1",
    "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "169.254.169.254", "2852039166", "::ffff:169.254.169.254",
    "fd00:ec2::254", "fe80::1", "fe80::1%lo", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.100.100.200",
    "224.0.0.1", "ff02::1", "168.63.129.16", "loop.test", "mixed.test", "metadata.test", "mapped.test",
    "nat64.test", "scoped.test", "zero.test", "user@127.0.0.1", "93.184.216.34@127.0.0.1", "127.0.0.1#public.test",
    "127.0.0.1?.public.test", "public.test\\.127.0.0.1",
]  # fmt: skip


def fake_resolve(host, port):
    """Return the addresses of a fake name, of any other what this machine says."""
    return FAKE_NAMES.get(host) or resolve_host(host, port)

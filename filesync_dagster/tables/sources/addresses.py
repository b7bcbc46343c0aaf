"""Addresses that a source may connect to: the guard against requests to what only this machine can reach.

A host is resolved once, every address that it has is checked, and the connection goes to one of those that were
checked: whoever answers another question about the name later changes nothing. The machine's operator may go anywhere
(`AddressGuard.of_operator`), and settings name hosts that everybody may.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.sources.deadline import SourceDeadline, within

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = Callable[[str, int], Sequence[str]]
"""Takes host and port, returns addresses; raises OSError."""

RESOLVE_SECONDS: Final = 10.0
HOST_MAX_LETTERS: Final = 253
PORT_MAX: Final = 65_535

DENIED: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "0.0.0.0/8",  # this network: Linux takes 0.0.0.0 for this machine
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private
        "100.64.0.0/10",  # carriers' NAT; clouds have metadata services there, too
        "127.0.0.0/8",  # this machine
        "169.254.0.0/16",  # link-local, with the metadata services of clouds
        "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "198.18.0.0/15",  # special, examples
        "192.88.99.0/24",  # relays of 6to4
        "168.63.129.16/32",  # Azure's host, which every machine there can reach
        "224.0.0.0/4", "240.0.0.0/4",  # multicast, reserved, broadcast
        "::/96",  # unspecified, loopback, IPv4 in the old notation
        "::ffff:0:0/96", "::ffff:0:0:0/96",  # IPv4 in IPv6
        "64:ff9b::/96", "64:ff9b:1::/48",  # NAT64: leads to any IPv4 address
        "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",  # Teredo, 6to4, examples
        "fc00::/7",  # private, with fd00:ec2::254
        "fe80::/10", "fec0::/10",  # link-local, site-local
        "ff00::/8",  # multicast
    )
)  # fmt: skip
"""Where no request of another user goes."""


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses that a host has. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class CheckedAddress:
    """A host and the addresses that it had when they were checked: connect to these, never to the name."""

    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def address(self) -> str:
        """The first one."""
        return self.addresses[0]


class AddressGuard:
    """Says where a source may connect to. `allow_hosts`: names, addresses, networks that are allowed all the same."""

    def __init__(
        self,
        allow_hosts: Iterable[str] = (),
        *,
        is_operator: bool = False,
        resolve: Resolve = resolve_host,
    ) -> None:
        self.is_operator = is_operator
        self._resolve = resolve
        self._allowed = tuple(map(_AllowedHost.of, allow_hosts))

    @classmethod
    def of_operator(cls) -> "AddressGuard":
        """Return the guard of who owns the machine: everything that it can reach is allowed."""
        return cls(is_operator=True)

    def check(self, host: str, port: int, deadline: SourceDeadline, *, field: str = "host") -> CheckedAddress:
        """Return a host with its addresses, all of which are allowed. Raises SourceRefused, which names `field`."""
        name = _normal(host)
        if not name or len(name) > HOST_MAX_LETTERS or any(mark in name for mark in " /\\@?#,\x00\t\r\n%"):
            raise SourceRefused(f"{field} is not the name or the address of a host.", code="bad_config", field=field)
        if not 0 < port <= PORT_MAX:
            raise SourceRefused("The port is not between 1 and 65535.", code="bad_config", field="port")
        addresses = self._addresses(name, port, deadline, field)
        if not self.is_operator and not any(entry.has_name(name, port) for entry in self._allowed):
            for address in addresses:
                self._require_allowed(address, port, host, field)
        return CheckedAddress(name, port, addresses)

    def check_url(self, url: str, deadline: SourceDeadline, *, field: str) -> CheckedAddress:
        """Do as `check` for the host of an address of HTTP, which names no user."""
        parts = url_parts(url, field)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return self.check(parts.hostname or "", port, deadline, field=field)

    def require_address(self, address: str, port: int, *, field: str | None = None) -> None:
        """Raise SourceRefused for an address that is not allowed."""
        if not self.is_operator:
            self._require_allowed(address, port, address, field)

    def require_operator(self, what: str, field: str) -> None:
        """Raise SourceRefused for what only the operator may name: files and sockets of this machine."""
        if not self.is_operator:
            raise SourceRefused(
                f"{what} is not accepted in a request.",
                hint="Only who runs filesync on this machine may name its files and sockets.",
                code="not_allowed",
                field=field,
            )

    def _addresses(self, name: str, port: int, deadline: SourceDeadline, field: str) -> tuple[str, ...]:
        with suppress(ValueError):
            return (str(ipaddress.ip_address(name)),)
        bound = SourceDeadline(deadline.at_most(RESOLVE_SECONDS))
        try:
            found = within(bound, lambda: tuple(self._resolve(name, port)), f"The name service, asked for {name},")
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise SourceRefused(
                f"The host {name} is not known.", hint="Check how it is written.", code="unreachable", field=field
            )
        return found

    def _require_allowed(self, text: str, port: int, host: str, field: str | None) -> None:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            address = None
        if address is not None and any(entry.has_address(address, port) for entry in self._allowed):
            return
        if address is None or "%" in text or not _is_public(address):
            raise SourceRefused(
                f"The host {host} is not allowed: it leads to this machine or to a private network.",
                hint="Whoever runs filesync can allow it: settings.tables.allow_hosts.",
                code="not_allowed",
                field=field,
            )


@dataclass(frozen=True)
class _AllowedHost:
    """An entry of the settings: a name, `*.` and the end of one, an address or a network; of one port or of all."""

    name: str
    network: Network | None = None
    port: int | None = None

    @classmethod
    def of(cls, entry: str) -> "_AllowedHost":
        with suppress(ValueError):
            return cls("", ipaddress.ip_network(entry.strip("[]"), strict=False))
        host, _, port = entry.rpartition(":")
        if host and port.isdecimal():
            return replace(cls.of(host), port=int(port))
        return cls(_normal(entry))

    def has_name(self, name: str, port: int) -> bool:
        fits = name.endswith(self.name[1:]) if self.name.startswith("*.") else name == self.name
        return fits and bool(self.name) and self._has_port(port)

    def has_address(self, address: Address, port: int) -> bool:
        return self.network is not None and _is_in(address, self.network) and self._has_port(port)

    def _has_port(self, port: int) -> bool:
        return self.port is None or self.port == port


def url_parts(url: str, field: str, *, may_ask: bool = False) -> SplitResult:
    """Return the parts of an address of HTTP, without a query unless it `may_ask`. Raises SourceRefused."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        parts, good = urlsplit(""), None
    odd = any(ord(letter) <= 32 or letter == "\\" for letter in url)  # noqa: PLR2004 - ASCII's space
    odd = odd or "@" in parts.netloc or "#" in url or ("?" in url and not may_ask)
    if not good or odd:
        raise SourceRefused(
            f"{field} is not an address such as https://api.example.com.", code="bad_config", field=field
        )
    return parts


def _normal(host: str) -> str:
    return host.strip().strip("[]").rstrip(".").lower()


def _is_in(address: Address, network: Network) -> bool:
    return address.version == network.version and address in network


def _is_public(address: Address) -> bool:
    return not any(_is_in(address, network) for network in DENIED) and address.is_global and not address.is_multicast

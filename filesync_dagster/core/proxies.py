"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, and what NO_PROXY excepts from them.

httpx reads them too, and raises for what curl and others take: an IPv6 address in brackets, a range of such, `*.name`.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from urllib.request import getproxies

import httpx

from filesync_dagster.core.errors import ConfigError

SCHEMES = ("http", "https", "all")
EVERYTHING = "*"


def proxies_of_environment() -> dict[str, httpx.Proxy | None]:
    """Return what goes through which proxy, by httpx's patterns; None: asked directly. Raises ConfigError."""
    told, exceptions = getproxies(), _exceptions()
    if EVERYTHING in exceptions:
        return {}
    proxies: dict[str, httpx.Proxy | None] = {
        f"{scheme}://": _proxy(scheme, told[scheme]) for scheme in SCHEMES if told.get(scheme)
    }
    return proxies | {pattern: None for host in exceptions for pattern in _patterns(host)}


def is_in_excepted_range(host: str) -> bool:
    """Tell whether a host is an address in a range of NO_PROXY, as 10.0.0.0/8; httpx knows only addresses there."""
    with suppress(ValueError):
        address = ipaddress.ip_address(host)
        return any(address in network for network in map(_network, _exceptions()) if network is not None)
    return False


def _exceptions() -> list[str]:
    return [host.strip() for host in getproxies().get("no", "").split(",") if host.strip()]


def _network(entry: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    with suppress(ValueError):
        return ipaddress.ip_network(entry, strict=False) if "/" in entry else None
    return None


def _proxy(scheme: str, address: str) -> httpx.Proxy:
    # Neither the address nor what httpx says of it goes into the sentence: it may hold a password.
    name = f"{scheme.upper()}_PROXY"
    try:
        proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
    except (ValueError, httpx.InvalidURL):
        raise _unusable(name, "is no address of a proxy") from None
    if not proxy.url.host or proxy.url.path not in ("", "/"):
        raise _unusable(name, "is no address of a proxy")
    if proxy.url.scheme.startswith("socks") and find_spec("socksio") is None:
        raise _unusable(name, "names a SOCKS proxy, which needs the package socksio")
    return proxy


def _unusable(name: str, what: str) -> ConfigError:
    return ConfigError(
        [f"The environment variable {name} {what}."],
        hint="Write http://user:password@host:port, without quotes, and %40 for an @ in the password; or unset it.",
    )


def _patterns(host: str) -> Iterator[str]:
    """Return httpx's patterns of one entry of NO_PROXY; none of what names nothing."""
    if "://" in host:
        pattern = host
    elif (address := _address(host)) is not None:
        pattern = f"all://[{address}]" if ":" in address else f"all://{address}"
    elif host.lower() == "localhost":
        pattern = "all://localhost"
    else:
        pattern = f"all://*{host.lstrip('*')}"
    with suppress(ValueError, httpx.InvalidURL):
        httpx.URL(pattern)
        yield pattern


def _address(host: str) -> str | None:
    """Return the address that an entry is, or the first one of a range."""
    with suppress(ValueError):
        return str(ipaddress.ip_address(host.partition("/")[0].strip("[]")))
    return None

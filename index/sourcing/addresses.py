"""Web addresses that may be fetched from here, and those that only this network should reach.

Guard(allowed).addresses(location) -> the host's numeric addresses, to connect to as they are: a
name that is resolved again may stand for another place. Raises RefusedAddressError where one of
them is private, loopback, link-local, multicast, reserved or a cloud's own, in IPv4 or in an IPv6
address that carries it, unless the host is allowed by its name.
Source: the registries of special-purpose addresses, https://www.iana.org/assignments/
iana-ipv4-special-registry and iana-ipv6-special-registry.
"""

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urlsplit

from models.errors import ImageError

Resolve = Callable[[str, int], Sequence[str]]

PORTS = {"http": 80, "https": 443}
MAX_LENGTH = 8_000
SHOWN = 200  # of an address, in an error
VISIBLE = re.compile(r"[!-~]+")
SAFE = "".join(chr(code) for code in range(0x21, 0x7F))  # all that is visible stays as it is

PRIVATE_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # shared behind one address
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's own
        "169.254.0.0/16",  # link-local, and the metadata of clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",
    )
)
PUBLIC_6 = IPv6Network("2000::/3")
PRIVATE_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocols, Teredo among them
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "3fff::/20",
    )
)
NAT64 = IPv6Network("64:ff9b::/96")  # carries an IPv4 address in its last 32 bits


class RefusedAddressError(ImageError):
    """An address that nothing is fetched from."""


@dataclass(frozen=True)
class Location:
    """What an http or https address says."""

    scheme: str
    host: str  # ASCII, in lower case
    port: int
    target: str  # path and query

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_location(url: str) -> Location:
    """Raises RefusedAddressError for what is no http or https address of a host alone."""
    if len(url) > MAX_LENGTH:
        raise RefusedAddressError(f"an address of over {MAX_LENGTH} characters")
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = _ascii(parts.hostname or "")
        target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=SAFE)
    except ValueError as error:
        raise RefusedAddressError(f"{url[:SHOWN]!a}: no address: {error}") from error
    if parts.scheme not in PORTS:
        raise RefusedAddressError(f"{url[:SHOWN]!a}: expected http or https")
    if parts.username is not None or not VISIBLE.fullmatch(host):
        raise RefusedAddressError(f"{url[:SHOWN]!a}: expected the name of a host alone")
    return Location(parts.scheme, host, PORTS[parts.scheme] if port is None else port, target)


def resolve(host: str, port: int) -> Sequence[str]:
    """By the system's resolver, in its order."""
    # as bytes, which are taken as they are: it is ASCII already
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@dataclass(frozen=True)
class Guard:
    allowed: frozenset[str] = frozenset()  # names of hosts, in lower case
    resolve: Resolve = resolve

    def addresses(self, location: Location) -> Sequence[str]:
        """Never empty; raises OSError where the host is not known."""
        found = self.resolve(location.host, location.port)
        if location.host.removesuffix(".") not in self.allowed:
            for address in found:
                if not is_public(address):
                    raise RefusedAddressError(
                        f"{location.host}: is at {address}, which is not public: allow the host "
                        "by its name if that is meant"
                    )
        if not found:
            raise RefusedAddressError(f"{location.host}: has no address")
        return found


def is_public(address: str) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address):
        return _is_public_6(parsed)
    return _is_public_4(parsed)


def _is_public_4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in network for network in PRIVATE_4)


def _is_public_6(address: IPv6Address) -> bool:
    carried = address.ipv4_mapped
    if address in NAT64:
        carried = IPv4Address(int(address) & 0xFFFFFFFF)
    if carried is not None:
        return _is_public_4(carried)
    if address.scope_id is not None or address not in PUBLIC_6:
        return False
    return not any(address in network for network in PRIVATE_6)


def _ascii(host: str) -> str:
    """A host's name in other letters, as the name service has it."""
    return host if host.isascii() else host.encode("idna").decode().lower()

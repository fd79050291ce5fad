"""Who asks: the address, and the key or the session that was shown.

The address is the connection's other end. Where that is a proxy that the settings trust, it is the
last address of X-Forwarded-For that is not such a proxy: everything before it is the sender's own
claim. X-Forwarded-Proto is believed of a trusted proxy alone, and so says whether the person's
connection was https. Forwarded, X-Forwarded-Host and X-Real-IP are never read.

A key comes in X-API-Key or as Authorization: Bearer; never in an address, which ends up in logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from service.access.keyring import Keyring
from service.access.keys import Key
from service.access.sessions import COOKIE, Sessions
from service.telemetry.current import note

CALLER = "pictor.caller"  # of a request's scope
UNKNOWN = "unknown"
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Caller:
    address: str
    is_local: bool  # of this machine, by no proxy
    is_secure: bool  # by https
    key: Key | None = None  # good now
    has_shown: bool = False  # a key or a session, good or not


class Callers:
    """Puts a Caller into each request's scope, and its key's id into the log."""

    def __init__(
        self, app: ASGIApp, keyring: Keyring, sessions: Sessions, proxies: Sequence[str] = ()
    ) -> None:
        self.app = app
        self.keyring = keyring
        self.sessions = sessions
        self.proxies = [ip_network(proxy) for proxy in proxies]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            caller = scope[CALLER] = self._caller(scope)
            if caller.is_secure:
                scope["scheme"] = "https"
            if scope.get("client") and caller.address != scope["client"][0]:
                scope["client"] = (caller.address, 0)  # the port was the proxy's
            if caller.key is not None:
                note("key", caller.key.id)
        await self.app(scope, receive, send)

    def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        peer = (scope.get("client") or (UNKNOWN,))[0]
        key, has_shown = self._key(headers)
        scheme = scope.get("scheme", "http")
        if is_within(peer, self.proxies):
            scheme = headers.get("x-forwarded-proto", scheme).rpartition(",")[2].strip().lower()
        return Caller(
            client_of(peer, headers.getlist("x-forwarded-for"), self.proxies),
            is_local=is_loopback(peer) and not any(name in headers for name in FORWARDED),
            is_secure=scheme == "https",
            key=key,
            has_shown=has_shown,
        )

    def _key(self, headers: Headers) -> tuple[Key | None, bool]:
        """What was shown, if it is good now; and whether anything was."""
        shown = shown_keys(headers)
        if len(shown) > 1:
            return None, True  # which of them is meant?
        if shown:
            return self.keyring.find(shown[0]), True
        token = cookie_parser(headers.get("cookie", "")).get(COOKIE)
        if token is None:
            return None, False
        return self.sessions.find(token), True


def caller_of(scope: Scope) -> Caller:
    caller: Caller = scope[CALLER]
    return caller


def shown_keys(headers: Headers) -> list[str]:
    """Those of the headers, each once."""
    keys = headers.getlist("x-api-key")
    for value in headers.getlist("authorization"):
        scheme, _, key = value.partition(" ")
        if scheme.lower() == "bearer":
            keys.append(key)
    return list(dict.fromkeys(key.strip() for key in keys))


def client_of(peer: str, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """The address nearest to us that is no trusted proxy's."""
    said = [each.strip() for line in forwarded for each in line.split(",")]
    address = peer
    while said and is_within(address, proxies):
        before = without_port(said.pop())
        if not is_address(before):
            break  # a proxy that does not know, or no address: the proxy itself stands for it
        address = before
    return address


def without_port(text: str) -> str:
    """As some proxies write it: "10.0.0.1:5000" -> "10.0.0.1", "[::1]:5000" -> "::1"."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_within(address: str, networks: Sequence[Network]) -> bool:
    if not networks or not is_address(address):
        return False
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return any(parsed in network for network in networks)


def is_loopback(host: str) -> bool:
    """Of an address, or of a name that always stands for one."""
    if not is_address(host):
        return host.lower() == "localhost"
    parsed = ip_address(host)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return parsed.is_loopback

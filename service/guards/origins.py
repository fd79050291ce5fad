"""What another site's page would do here is refused, on this machine's own loopback too.

A browser says where a request comes from: by Sec-Fetch-Site, or, an older one, by Origin. Only
requests that may change something are looked at, which is every method but GET, HEAD and OPTIONS;
what another site may read is for CORS to say. Programs send neither header, and pass: they have no
cookies that a page could use without its owner's knowledge.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.problems import Kind, problem

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OURS = frozenset({"same-origin", "none"})  # none: the person, not a page, asked for it
CROSS_ORIGIN = Kind(403, "cross_origin")
DEFAULT_PORTS = {"http": "80", "https": "443"}


class OriginGuard:
    def __init__(self, app: ASGIApp, allowed: Collection[str] = ()) -> None:
        self.app = app
        self.allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._is_ours(headers):
            await self.app(scope, receive, send)
            return
        detail = "pages of another origin may change nothing here; PICTOR_CORS_ORIGINS lists some"
        await problem(CROSS_ORIGIN, detail)(scope, receive, send)

    def _is_ours(self, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        if len(origins) > 1:
            return False
        if origins and origins[0] in self.allowed:
            return True
        fetched = headers.get("sec-fetch-site")
        if fetched is not None:
            return fetched in OURS
        return not origins or is_same_host(origins[0], headers.get("host", ""))


def is_same_host(origin: str, host: str) -> bool:
    """Whether an Origin is of a Host header's name and port; of any scheme, since a proxy before
    this server may speak TLS for it. No page has the origin `null` in particular."""
    scheme, separator, place = origin.partition("://")
    port = DEFAULT_PORTS.get(scheme)
    if not separator or port is None or not place:
        return False
    return place.lower() in (host.lower(), host.lower().removesuffix(f":{port}"))

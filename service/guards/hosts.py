"""Names that are not this server's are refused, which stops DNS rebinding.

A page of another site may give its own name this machine's address; its requests then come from a
browser of ours, and only the Host header tells them apart.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.problems import STATUSES, problem

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
ANY_HOST = "*"


class HostGuard:
    def __init__(self, app: ASGIApp, allowed: Collection[str]) -> None:
        self.app = app
        self.allowed = LOCAL_HOSTS | {name.lower() for name in allowed}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or ANY_HOST in self.allowed:
            await self.app(scope, receive, send)
            return
        host = host_name(Headers(scope=scope).get("host", ""))
        if host in self.allowed:
            await self.app(scope, receive, send)
            return
        detail = f"host {host!r} is not this server's; PICTOR_ALLOWED_HOSTS adds to those"
        await problem(STATUSES[421], detail)(scope, receive, send)


def host_name(header: str) -> str:
    """A Host header without its port: "[::1]:8000" -> "::1"."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()

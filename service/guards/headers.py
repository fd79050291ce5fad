"""Headers that every answer has: it loads nothing from elsewhere, and nobody keeps it unasked.

An answer that does not say how long it may be kept is not kept: what one key may see must not be
shown to the next from a cache between.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-site",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# as ASGI has them; this is on every answer's way, so nothing is encoded there
SAFE_PAIRS = [(name.lower().encode(), value.encode()) for name, value in SAFE_HEADERS.items()]
SAFE_NAMES = frozenset(name for name, _ in SAFE_PAIRS)
NOT_KEPT = (b"cache-control", b"no-store")


class SafeHeaders:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = [pair for pair in message.get("headers", ()) if pair[0] not in SAFE_NAMES]
                says = any(name == NOT_KEPT[0] for name, _ in own)
                message["headers"] = [*own, *SAFE_PAIRS, *([] if says else [NOT_KEPT])]
            await send(message)

        await self.app(scope, receive, send_safe)

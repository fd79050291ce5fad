"""DrainGuard refuses what comes after the server was asked to stop: 503, and the connection closes.

What came before goes on. /livez is answered until the end, since the process lives.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.draining import Drain
from service.problems import STOPPING, problem

ANSWERED = frozenset({"/livez"})
LEAVE = {"Connection": "close", "Retry-After": "1"}


class DrainGuard:
    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self.app = app
        self.drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.drain.begun or scope["type"] != "http" or scope["path"] in ANSWERED:
            await self.app(scope, receive, send)
            return
        refusal = problem(STOPPING, "the server is stopping", headers=LEAVE)
        await refusal(scope, receive, send)

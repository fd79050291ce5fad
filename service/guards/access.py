"""Where a collection has keys, nobody is answered without one whose scope the route asks for.

401 for no key and for one that is not good (any more), 403 for one without the scope; both before
anything of the request's body is read, and whether or not there is such a route.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.access.keyring import Keyring
from service.guards.callers import Caller, caller_of
from service.guards.scopes import METRICS, OPEN, READ, Need, needed
from service.problems import BAD_KEY, NO_KEY, Kind, problem

NO_SCOPE = Kind(403, "scope_missing")


class KeyGuard:
    def __init__(self, app: ASGIApp, keyring: Keyring, *, open_metrics: bool = False) -> None:
        self.app = app
        self.keyring = keyring
        self.open_metrics = open_metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.keyring.in_force:
            await self.app(scope, receive, send)
            return
        caller = caller_of(scope)
        need = self._need(needed(scope["method"], scope["path"]), caller)
        refusal = None if need == OPEN else refusal_of(caller, need)
        if refusal is None:
            await self.app(scope, receive, send)
            return
        kind, detail = refusal
        await problem(kind, detail)(scope, receive, send)

    def _need(self, need: Need, caller: Caller) -> Need:
        if need != METRICS:
            return need
        return OPEN if self.open_metrics or caller.is_local else READ


def refusal_of(caller: Caller, need: Need) -> tuple[Kind, str] | None:
    if caller.key is None and caller.has_shown:
        return BAD_KEY, "this key or session is not good, or not any more"
    if caller.key is None:
        return NO_KEY, "expected a key, as X-API-Key or Authorization: Bearer, or a session"
    if need not in caller.key.scopes:
        return NO_SCOPE, f"this needs a key of scope {need}"
    return None

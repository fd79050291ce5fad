"""Every request seen from its arrival to the last byte of its answer: counted, timed, logged.

Plain ASGI, outermost, so that what the guards refuse is seen too. The request's id is in its answer
as X-Request-ID. Under `serialise` counts what lies between the last stage of the work and the start
of a JSON answer. A request whose caller left before its answer is counted as 499, as proxies do.
"""

import logging
from dataclasses import dataclass
from time import perf_counter

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.telemetry.current import QUERY, REQUEST_ID_HEADER, Current, begin, request_id
from service.telemetry.logs import FIELDS
from service.telemetry.measured import Measured
from service.telemetry.measures import Stage
from service.telemetry.metrics import UNMATCHED, method_label

CLIENT_LEFT, FAILED = 499, 500
MAX_LOGGED_PATH = 256  # characters
# asked for every few seconds by machines: their successes are logged at debug
PROBES = frozenset({"/livez", "/readyz", "/metrics"})

log = logging.getLogger("service.access")


@dataclass
class _Answer:
    status: int = CLIENT_LEFT
    bytes: int = 0


class Observing:
    def __init__(self, app: ASGIApp, measured: Measured, *, log_queries: bool = False) -> None:
        self.app = app
        self.measured = measured
        self.unlogged = frozenset() if log_queries else frozenset({QUERY})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, answer = begin(request_id(Headers(scope=scope)), scope["path"]), _Answer()

        async def send_seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                self._start(request, message)
            answer.bytes += len(message.get("body", b""))
            await send(message)

        in_progress = self.measured.metrics.in_progress
        in_progress.inc()
        try:
            await self.app(scope, receive, send_seen)
        except Exception:
            answer.status = FAILED  # what the server answers when this is through
            raise
        finally:
            in_progress.dec()
            self._finish(scope, request, answer)

    def _start(self, request: Current, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        headers[REQUEST_ID_HEADER] = request.id
        is_json = headers.get("content-type", "").startswith("application/json")
        told = any(stage is Stage.SERIALISE for stage, _ in request.stages)
        if is_json and request.last_stage_ended is not None and not told:
            seconds = perf_counter() - request.last_stage_ended
            self.measured.observe_stage(Stage.SERIALISE, seconds)

    def _finish(self, scope: Scope, request: Current, answer: _Answer) -> None:
        seconds = perf_counter() - request.started
        route = getattr(scope.get("route"), "path", UNMATCHED)
        method = method_label(scope["method"])
        metrics = self.measured.metrics
        metrics.requests.labels(method, route, answer.status).inc()
        metrics.request_seconds.labels(method, route).observe(seconds)
        level = logging.DEBUG if route in PROBES and answer.status < 400 else logging.INFO
        if log.isEnabledFor(level):
            fields = self._fields(scope, request, answer, seconds)
            path = scope["path"][:MAX_LOGGED_PATH]
            text = f"{scope['method']} {path} {answer.status}"
            log.log(level, "%s", text, extra={FIELDS: {"route": route, **fields}})

    def _fields(
        self, scope: Scope, request: Current, answer: _Answer, seconds: float
    ) -> dict[str, object]:
        client = scope.get("client")
        traces = self.measured.traces
        return {
            "took_ms": round(1000 * seconds, 2),
            "bytes": answer.bytes,
            "client": client[0] if client else None,
            "stages_ms": request.stages_ms(),
            **({"trace_id": traces.current_id()} if traces is not None else {}),
            **{name: told for name, told in request.notes.items() if name not in self.unlogged},
        }

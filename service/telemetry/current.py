"""The request that is being answered, as all who work for it see it: its id, stages and notes.

`current()` is None outside of a request. Threads see the request of a context that they run in a
copy of. `request_id(headers)` takes over the id that a proxy or caller gave, so that one id is in
everybody's logs: a sane X-Request-ID, else the trace id of a W3C traceparent; else a new one.
"""

import re
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter
from uuid import uuid4

from service.telemetry.measures import Stage

REQUEST_ID_HEADER = "x-request-id"
QUERY = "query"  # the note of what is searched for; logged only where the settings say so
# what common proxies make; nothing that could break a log line or a header
SANE_ID = re.compile(r"[A-Za-z0-9._:=+/@-]{1,128}")
# https://www.w3.org/TR/trace-context/#traceparent-header; version ff is forbidden
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-.*")


@dataclass
class Current:
    id: str
    path: str = ""
    started: float = field(default_factory=perf_counter)  # seconds, of perf_counter
    stages: list[tuple[Stage, float]] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)
    last_stage_ended: float | None = None

    def add(self, stage: Stage, seconds: float) -> None:
        self.stages.append((stage, seconds))  # atomic: threads may add at the same time
        self.last_stage_ended = perf_counter()

    def stages_ms(self) -> dict[str, float]:
        """Milliseconds a stage, added up over what ran side by side."""
        sums: dict[str, float] = {}
        for stage, seconds in list(self.stages):
            sums[stage.value] = sums.get(stage.value, 0.0) + 1000 * seconds
        return {stage: round(ms, 2) for stage, ms in sums.items()}


_current: ContextVar[Current | None] = ContextVar("request", default=None)


def current() -> Current | None:
    return _current.get()


def begin(id: str, path: str) -> Current:  # noqa: A002
    """The request of this context from now on."""
    request = Current(id, path)
    _current.set(request)
    return request


def note(name: str, value: object) -> None:
    """Something for the request's own log line."""
    if (request := current()) is not None:
        request.notes[name] = value


def request_id(headers: Mapping[str, str]) -> str:
    sent = headers.get(REQUEST_ID_HEADER, "")
    if SANE_ID.fullmatch(sent):
        return sent
    if traced := TRACEPARENT.fullmatch(headers.get("traceparent", "")):
        return traced[1]
    return uuid4().hex

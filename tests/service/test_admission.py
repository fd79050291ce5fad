"""What is let in, with an app that holds requests until they are let go; no server, no sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from service.draining import Drain
from service.guards.admission import WORDS_BYTES, Admission, Capacity
from service.guards.departures import Departures
from service.guards.draining import DrainGuard
from service.telemetry.measures import Unmeasured

SMALL, LARGE = 100, WORDS_BYTES + 1
CAPACITY = Capacity(requests=2, bytes=10 * LARGE, longest_body=4 * LARGE)


@dataclass
class Call:
    """One request as its server sees it."""

    length: int | None = SMALL
    path: str = "/v1/search"
    whole: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[Message] = field(default_factory=list)
    received: bool = False

    @property
    def scope(self) -> Scope:
        length = [] if self.length is None else [(b"content-length", str(self.length).encode())]
        return {"type": "http", "method": "POST", "path": self.path, "headers": length}

    async def receive(self) -> Message:
        if not self.received:
            await self.whole.wait()
            self.received = True
            return {"type": "http.request", "body": b"{}", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


class Holding:
    """Reads a body, and answers 200 when the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = 0
        self.cancelled = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await receive()
        except HTTPException as error:
            headers = [(k.encode(), v.encode()) for k, v in (error.headers or {}).items()]
            status = error.status_code
            await send({"type": "http.response.start", "status": status, "headers": headers})
            return
        self.begun += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def admission(app: Holding) -> Admission:
    return Admission(app, CAPACITY, wait_s=lambda: 6.5, measures=Unmeasured())


App = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


async def begun(app: App, *calls: Call, whole: bool = True) -> list["asyncio.Task[None]"]:
    """Requests that have come as far as they get by themselves."""
    for call in calls:
        if whole:
            call.whole.set()
    tasks = [asyncio.create_task(app(call.scope, call.receive, call.send)) for call in calls]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def run(steps: Callable[[], Awaitable[Any]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await steps()

    asyncio.run(bounded())


def test_what_is_too_much_is_refused_at_once_and_told_when_to_come_back() -> None:
    async def steps() -> None:
        app = Holding()
        door = admission(app)
        tasks = await begun(door, Call(), Call())
        surplus = Call()
        await door(surplus.scope, surplus.receive, surplus.send)
        assert (surplus.status, surplus.headers["retry-after"]) == (503, "7")
        assert not surplus.received  # nothing of it was read
        app.gate.set()
        await asyncio.gather(*tasks)
        later = Call()
        await asyncio.gather(*await begun(door, later))
        assert later.status == 200
        assert door.held == {"words": 0, "pictures": 0}
        assert door.held_bytes == 0

    run(steps)


def test_a_flood_of_pictures_leaves_room_for_words() -> None:
    async def steps() -> None:
        app = Holding()
        door = admission(app)
        pictures = [Call(LARGE), Call(LARGE), Call(LARGE)]
        words = Call()
        tasks = await begun(door, *pictures, words)
        assert [call.status for call in pictures] == [None, None, 503]
        assert words.status is None
        app.gate.set()
        await asyncio.gather(*tasks)
        assert words.status == 200

    run(steps)


def test_senders_who_dawdle_take_no_places_until_their_bodies_are_whole() -> None:
    async def steps() -> None:
        app = Holding()
        door = admission(app)
        slow = [Call(), Call(), Call()]
        tasks = await begun(door, *slow, whole=False)
        quick = [Call(), Call()]
        tasks += await begun(door, *quick)
        assert app.begun == 2
        for call in slow:
            call.whole.set()
        for _ in range(5):
            await asyncio.sleep(0)
        assert [call.status for call in slow] == [503] * 3
        app.gate.set()
        await asyncio.gather(*tasks)
        assert [call.status for call in quick] == [200, 200]
        assert door.held == {"words": 0, "pictures": 0}

    run(steps)


def test_bodies_that_are_held_are_bounded_together() -> None:
    async def steps() -> None:
        app = Holding()
        door = admission(app)
        unknown = [Call(None), Call(None), Call(None)]  # each counts as the longest
        tasks = await begun(door, *unknown, whole=False)
        assert [call.status for call in unknown] == [None, None, 503]
        for call in unknown:
            call.whole.set()
        app.gate.set()
        await asyncio.gather(*tasks)

    run(steps)


def test_what_is_not_for_the_model_is_not_counted() -> None:
    async def steps() -> None:
        app = Holding()
        door = admission(app)
        tasks = await begun(door, *[Call(path="/v1/collection") for _ in range(5)])
        assert app.begun == 5
        app.gate.set()
        await asyncio.gather(*tasks)

    run(steps)


def test_a_caller_who_leaves_ends_the_request() -> None:
    async def steps() -> None:
        app = Holding()
        leaver, stayer = Call(), Call()
        tasks = await begun(Departures(app), leaver, stayer)
        leaver.gone.set()
        await tasks[0]
        assert (app.cancelled, leaver.status) == (1, None)
        app.gate.set()
        await tasks[1]
        assert stayer.status == 200

    run(steps)


def test_a_server_that_stops_refuses_what_is_new_and_lives_until_then() -> None:
    async def steps() -> None:
        app, drain = Holding(), Drain()
        guard = DrainGuard(app, drain)
        before = Call()
        tasks = await begun(guard, before)
        drain.begin()
        after, alive = Call(), Call(path="/livez")
        tasks += await begun(guard, after, alive)
        assert (after.status, after.headers["connection"]) == (503, "close")
        app.gate.set()
        await asyncio.gather(*tasks)
        assert (before.status, alive.status) == (200, 200)

    run(steps)

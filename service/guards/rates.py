"""Who asks too often is told to wait: 429, with Retry-After.

Each key, and each address that shows none, has a bucket of as many requests as it may make a
minute; it fills again steadily. An IPv6 network of 64 bits, which one customer has, counts as one
address. At most `MAX_BUCKETS` are remembered, the least recently used forgotten first: a forgotten
bucket is a full one, which after a minute of silence it is anyway.

Answers say how it stands, as draft-ietf-httpapi-ratelimit-headers-10 has it:
`RateLimit-Policy: "requests";q=60;w=60`, `RateLimit: "requests";r=59;t=1`, t being the seconds
until the bucket is full.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.guards.callers import Caller, caller_of, is_address
from service.guards.scopes import OPEN, needed
from service.problems import Kind, problem

MAX_BUCKETS = 4096
WINDOW_S = 60
RATE_LIMITED = Kind(429, "rate_limited")
LIMITED_THOUGH_OPEN = "/v1/session"


@dataclass(frozen=True)
class Taken:
    """What a bucket gave."""

    allowed: bool
    left: int
    wait_s: int  # until there is one again; 0 where there is
    full_s: int


class Buckets:
    def __init__(
        self, per_minute: int, most: int = MAX_BUCKETS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_minute = per_minute
        self._most = most
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level, at

    def __len__(self) -> int:
        return len(self._levels)

    def take(self, who: str) -> Taken:
        now, rate = self._clock(), self.per_minute / WINDOW_S
        level, at = self._levels.pop(who, (float(self.per_minute), now))
        level = min(self.per_minute, level + (now - at) * rate)
        allowed = level >= 1
        if allowed:
            level -= 1
        self._levels[who] = (level, now)
        while len(self._levels) > self._most:
            self._levels.popitem(last=False)
        wait_s = 0 if allowed else math.ceil((1 - level) / rate)
        return Taken(allowed, int(level), wait_s, math.ceil((self.per_minute - level) / rate))


class RateLimit:
    """Leaves alone what is open to everyone but costs nothing: health, the page, its files."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self.app = app
        self.buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_limited(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        taken = self.buckets.take(counted_as(caller_of(scope)))
        standing = {
            "RateLimit-Policy": f'"requests";q={self.buckets.per_minute};w={WINDOW_S}',
            "RateLimit": f'"requests";r={taken.left};t={taken.full_s}',
        }
        if not taken.allowed:
            headers = {"Retry-After": str(taken.wait_s), **standing}
            detail = f"over {self.buckets.per_minute} requests a minute"
            await problem(RATE_LIMITED, detail, headers=headers)(scope, receive, send)
            return

        async def send_standing(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(standing)
            await send(message)

        await self.app(scope, receive, send_standing)


def is_limited(method: str, path: str) -> bool:
    return needed(method, path) != OPEN or path == LIMITED_THOUGH_OPEN


def counted_as(caller: Caller) -> str:
    if caller.key is not None:
        return f"key {caller.key.id}"
    if not is_address(caller.address):
        return caller.address
    address = ip_address(caller.address)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return f"address {IPv6Address(int(address) >> 64 << 64)}/64"
    return f"address {address}"

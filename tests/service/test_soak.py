"""Ten thousand requests, one in twenty of them hostile, and what they leave behind.

With -s the memory of the server and its decoders is printed, as it was after every 500.
"""

import http.client
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fakes import COLOURS, picture_bytes
from tests.service.conftest import IDS, Built
from tests.service.faulty import Server, form_of, serving
from tests.service.hostile import JSON, Hostile, deadly_pictures, hostile_requests
from tests.service.started import PATIENCE_S

REQUESTS, CALLERS, EVERY = 10_000, 8, 20
DEADLY_EVERY = 1000  # of all requests; each costs its decoder
KEPT_MB = 24  # that a server may have more in the last quarter than in the second
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Good:
    method: str
    path: str
    content_type: str
    body: bytes | None
    best: str | None  # the picture that must come first; None where hits are not asked for


@dataclass
class Seen:
    wrong: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    memory_mb: list[float] = field(default_factory=list)


def good_requests() -> Iterator[Good]:
    """Never the same twice."""
    drawn = random.Random(6)
    for number in itertools.count():
        colour = drawn.choice(sorted(COLOURS))
        kind = drawn.randrange(5)
        if kind == 0:
            yield _query({"text": f"something {colour} {number}", "limit": 3}, colour)
        elif kind == 1:
            yield _upload(picture_bytes(colour, (16 + number % 50, 24)), colour, number)
        elif kind == 2:
            image = {"id": IDS[colour]}
            query = {"text": f"{colour} {number}", "image": image, "limit": 1}
            # the picture itself is not among the hits
            yield _query(query, None)
        elif kind == 3:
            yield Good("GET", f"/v1/images/{IDS[colour]}/thumbnail", "", None, None)
        else:
            yield Good("GET", f"/v1/images/{IDS[colour]}", "", None, None)


def _query(query: dict[str, object], best: str | None) -> Good:
    return Good("POST", "/v1/search", JSON, json.dumps(query).encode(), best)


def _upload(picture: bytes, best: str, number: int) -> Good:
    # what follows the end of a PNG is nobody's, and makes another picture of it
    body, boundary = form_of(picture + str(number).encode())
    kind = f"multipart/form-data; boundary={boundary}"
    return Good("POST", "/v1/search/upload", kind, body, best)


def mixed() -> Iterator[Good | Hostile]:
    hostile, deadly = itertools.cycle(hostile_requests()), itertools.cycle(deadly_pictures())
    good = good_requests()
    for number in range(REQUESTS):
        if number % DEADLY_EVERY == DEADLY_EVERY - 1:
            yield next(deadly)
        elif number % EVERY == EVERY - 1:
            yield next(hostile)
        else:
            yield next(good)


def ask(connection: http.client.HTTPConnection, request: Good | Hostile, seen: Seen) -> None:
    method = request.method if isinstance(request, Good) else "POST"
    headers = {"Content-Type": request.content_type} if request.content_type else {}
    connection.request(method, request.path, request.body, headers)
    answer = connection.getresponse()
    body, kind = answer.read(), answer.getheader("content-type", "")
    seen.statuses[answer.status] += 1
    if isinstance(request, Hostile):
        right = answer.status == request.status and kind == PROBLEM
        right = right and (not request.codes or json.loads(body)["code"] in request.codes)
    else:
        right = answer.status == 200
        if right and request.best is not None:
            right = json.loads(body)["hits"][0]["path"].split(".")[0] == request.best
    if not right:
        seen.wrong.append(f"{request}: {answer.status} {body[:300]!r}"[:1000])


def memory_mb(server: Server) -> float:
    """Of the server and its decoders, their own: no files, and what they share counted once."""
    pids = [server.process.pid, *children_of(server.process.pid)]
    return sum(map(_proportional_kb, pids)) / 1024


def children_of(pid: int) -> list[int]:
    files = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in files for child in file.read_text().split()]


def _proportional_kb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # a decoder that has just been replaced
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))


@pytest.mark.slow
def test_ten_thousand_requests_are_all_answered_right_and_leave_no_memory_behind(
    built: Built,
) -> None:
    seen, requests = Seen(), mixed()
    with serving(
        built.folder, decode_timeout_s=10.0, request_timeout_s=PATIENCE_S, cache_bytes=1_000_000
    ) as server:

        def caller(share: list[Good | Hostile]) -> None:
            connection = server.connect()
            for request in share:
                ask(connection, request, seen)
            connection.close()

        with ThreadPoolExecutor(CALLERS) as callers:
            for _ in range(0, REQUESTS, REQUESTS // 20):
                part = list(itertools.islice(requests, REQUESTS // 20))
                list(callers.map(caller, [part[n::CALLERS] for n in range(CALLERS)]))
                seen.memory_mb.append(memory_mb(server))
        assert server.get("/readyz").status_code == 200
    print(f"statuses: {dict(sorted(seen.statuses.items()))}")
    print(f"memory, MB: {', '.join(f'{mb:.0f}' for mb in seen.memory_mb)}")
    assert seen.wrong == []
    assert seen.statuses.total() == REQUESTS
    assert not any(status >= 500 for status in seen.statuses)
    assert sum(n for status, n in seen.statuses.items() if status >= 400) == REQUESTS // EVERY
    quarter = len(seen.memory_mb) // 4
    before, after = seen.memory_mb[quarter : 2 * quarter], seen.memory_mb[-quarter:]
    assert max(after) - max(before) < KEPT_MB

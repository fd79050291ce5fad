"""What the service costs beside the model: throughput, latency, overload; and the plain way.

    python -m benchmarks.serving [--rows 100000] [--clients 1 8 64 256] [--seconds 10] [--at FOLDER]
                                 [--json FILE]

Drives real servers, each a process on the same cores as this client, with text, picture and
composed queries that never come twice. In the same run: T_offline, the model at its best batch;
T_http, the same server and client with forward passes that cost nothing. If model and service
shared the cores without losing anything, 1 / (1 / T_offline + 1 / T_http) queries would be
answered a second; a composed query takes a forward pass of each tower. `overload` sends four times
as many queries as the server answers. `plain` is a server of one forward pass a request.
"""

import argparse
import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving_client import (
    Answers,
    closed_loop,
    open_loop,
    picture_request,
    text_request,
)
from benchmarks.serving_ground import collection
from benchmarks.serving_server import picture, text
from cli.options import SPIN_COUNT

KINDS = ("text", "picture", "composed")
PICTURES = 64
CORES = len(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")
OVERLOAD = 4
STARTS_S = 120
ENVIRONMENT = {"GOMP_SPINCOUNT": SPIN_COUNT, **os.environ}  # as `pictor serve` has it


@dataclass(frozen=True)
class Row:
    server: str
    kind: str
    load: str
    a_second: float
    p50_ms: float
    p99_ms: float
    server_cores: float  # busy, on average
    client_cores: float
    refused_a_second: float = 0.0
    refused_p95_ms: float = 0.0
    told_when: bool = True  # every refusal said when to come back
    unanswered: int = 0
    other: int = 0  # neither 200 nor 503


class Requests:
    """Of one kind; never the same twice."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._numbers = itertools.count(int(time.time() * 1000))
        self._pictures = [picture(number) for number in range(PICTURES)]

    def __call__(self) -> bytes:
        number = next(self._numbers)
        if self._kind == "text":
            return text_request(text(number))
        # what follows the end of a JPEG is nobody's, and makes another picture of it
        data = self._pictures[number % PICTURES] + str(number).encode()
        return picture_request(data, text(number) if self._kind == "composed" else None)


@dataclass(frozen=True)
class Running:
    name: str
    process: "subprocess.Popen[bytes]"
    port: int
    ready_s: float

    def cores(self) -> float:
        """Seconds of processors, of the process and its children."""
        return sum(map(_cpu_s, [self.process.pid, *_children(self.process.pid)]))


@contextmanager
def running(name: str, place: Path) -> Iterator[Running]:
    """With its log in a file, as under a service manager; killed in the end."""
    started, port = time.perf_counter(), _free_port()
    command = [sys.executable, "-m", "benchmarks.serving_server", name, str(place)]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [*command, "--port", str(port)], env=ENVIRONMENT, stdout=log, stderr=log
        )
        try:
            if not _ready(port, process):
                log.seek(0)
                raise RuntimeError(f"{name}: did not start\n{log.read()}")
            yield Running(name, process, port, time.perf_counter() - started)
        finally:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _ready(port: int, process: "subprocess.Popen[bytes]") -> bool:
    until = time.monotonic() + STARTS_S
    while time.monotonic() < until and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=STARTS_S):
                return True
        except OSError:  # not there yet, or 503
            time.sleep(0.1)
    return False


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICKS


def measured(server: Running, kind: str, load: str, run: Callable[[Requests], Answers]) -> Row:
    requests = Requests(kind)
    began, busy, own = time.perf_counter(), server.cores(), time.process_time()
    answers = run(requests)
    took = time.perf_counter() - began
    refused = answers.of(503)
    return Row(
        server=server.name,
        kind=kind,
        load=load,
        a_second=answers.rate(),
        p50_ms=answers.percentile_ms(50),
        p99_ms=answers.percentile_ms(99),
        server_cores=(server.cores() - busy) / took,
        client_cores=(time.process_time() - own) / took,
        refused_a_second=answers.rate(503),
        refused_p95_ms=answers.percentile_ms(95, 503) if refused else 0.0,
        told_when=all(answer.retry_after for answer in refused),
        unanswered=answers.unanswered,
        other=len(answers.answers) - len(answers.of(200)) - len(refused),
    )


def clients(server: Running, kind: str, count: int, seconds: float) -> Row:
    def run(requests: Requests) -> Answers:
        settle_s = seconds / 3
        return asyncio.run(
            closed_loop(server.port, requests, clients=count, seconds=seconds, settle_s=settle_s)
        )

    return measured(server, kind, f"{count} clients", run)


def overload(server: Running, kind: str, rate: float, seconds: float) -> Row:
    def run(requests: Requests) -> Answers:
        return asyncio.run(
            open_loop(server.port, requests, rate=rate, seconds=seconds, settle_s=seconds / 2)
        )

    return measured(server, kind, f"{OVERLOAD} x {rate / OVERLOAD:.0f}/s", run)


@dataclass(frozen=True)
class Bound:
    """What 64 clients could get at most, and what one client may wait."""

    kind: str
    offline: float
    http: float
    direct_ms: float

    @property
    def shared(self) -> float:
        return 1 / (1 / self.offline + 1 / self.http)


def offline(place: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.serving_server", "offline", str(place)]
    said = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def best(rates: dict[str, dict[str, float]], kind: str) -> float:
    if kind == "composed":
        return 1 / (1 / best(rates, "text") + 1 / best(rates, "picture"))
    return max(rates[kind].values())


def run_all(place: Path, counts: Sequence[int], seconds: float) -> dict[str, Any]:
    alone = offline(place)
    rows: list[Row] = []
    with running("null", place) as server:
        http = {kind: clients(server, kind, 64, seconds) for kind in KINDS}
        rows += http.values()
    with running("pictor", place) as server:
        ready_s = server.ready_s
        for kind in KINDS:
            for count in counts:
                rows.append(clients(server, kind, count, seconds))
            most = max(row.a_second for row in rows[-len(counts) :])
            rows.append(overload(server, kind, OVERLOAD * most, seconds))
    with running("plain", place) as server:
        rows += [clients(server, kind, count, seconds) for kind in KINDS for count in counts]
    bounds = [
        Bound(kind, best(alone, kind), http[kind].a_second, alone["direct_ms"][kind])
        for kind in KINDS
    ]
    return {"offline": alone, "ready_s": ready_s, "rows": rows, "bounds": bounds}


def table(found: dict[str, Any]) -> str:
    lines = [
        f"{found['offline']['runs_on']}, {CORES} cores; ready after {found['ready_s']:.1f} s",
        "",
        "| server | query | load | answered/s | p50 ms | p99 ms | server cores | client cores "
        "| refused/s | refused p95 ms | unanswered |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {r.server} | {r.kind} | {r.load} | {r.a_second:.1f} | {r.p50_ms:.1f} | "
        f"{r.p99_ms:.1f} | {r.server_cores:.2f} | {r.client_cores:.2f} | "
        f"{r.refused_a_second:.1f} | {r.refused_p95_ms:.1f} | {r.unanswered + r.other} |"
        for r in found["rows"]
    ]
    lines += [
        "",
        "| query | T_offline | T_http | 1/(1/T_offline + 1/T_http) | 64 clients | share "
        "| direct p50 ms | 1 client p50 ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for bound in found["bounds"]:
        many, one = (_row(found, bound.kind, f"{count} clients") for count in (64, 1))
        lines.append(
            f"| {bound.kind} | {bound.offline:.1f} | {bound.http:.1f} | {bound.shared:.1f} | "
            f"{many.a_second:.1f} | {many.a_second / bound.shared:.2f} | {bound.direct_ms:.1f} | "
            f"{one.p50_ms:.1f} |"
        )
    return "\n".join(lines)


def _row(found: dict[str, Any], kind: str, load: str) -> Row:
    rows: list[Row] = found["rows"]
    return next(r for r in rows if (r.server, r.kind, r.load) == ("pictor", kind, load))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--at", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    counts = sorted({1, 64, *options.clients})
    with tempfile.TemporaryDirectory() as temporary:
        place = collection(options.at or Path(temporary), options.rows)
        found = run_all(place, counts, options.seconds)
    print(table(found))
    if options.json:
        content = found | {
            "rows": [asdict(row) for row in found["rows"]],
            "bounds": [asdict(bound) | {"shared": bound.shared} for bound in found["bounds"]],
        }
        options.json.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()

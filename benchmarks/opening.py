"""How long a service takes from its start to ready over many pictures, and what a query then costs.

    python -m benchmarks.opening [--rows 1000000] [--at /tmp/serving]

Starts the server of benchmarks.serving over so many items (their collection is built first, which
takes minutes) after the collection's files have been dropped from the page cache, so that they come
from the disk. Told are the seconds to ready, of which those that the same server takes over 5,000
items are not the collection's; the first queries after that; and the median of those that follow.
"""

import argparse
import asyncio
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.serving import Requests, Running, running
from benchmarks.serving_client import connect
from benchmarks.serving_ground import collection

FEW_ROWS = 5_000
FIRST, WARM = 5, 200


def forget(folder: Path) -> int:
    """Drop the folder's files from the page cache; their bytes."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
    return sum(file.stat().st_size for file in files)


async def queries_ms(server: Running, count: int) -> list[float]:
    """Texts, never the same, one after another."""
    loop, requests = asyncio.get_running_loop(), Requests("text")
    connection = await connect(server.port)
    took = []
    for _ in range(count):
        began = loop.time()
        status, _ = await connection.ask(requests())
        took.append(1000 * (loop.time() - began))
        if status != 200:
            raise RuntimeError(f"answered with {status}")
    connection.close()
    return took


def opened(at: Path, rows: int) -> str:
    place = collection(at / "ground", rows)
    size = forget(place)
    with running("pictor", place) as server:
        took = asyncio.run(queries_ms(server, FIRST + WARM))
    first = ", ".join(f"{each:.0f}" for each in took[:FIRST])
    warm = statistics.median(took[FIRST:])
    return f"| {rows:,} | {size / 1e6:,.0f} MB | {server.ready_s:.1f} s | {first} | {warm:.0f} |"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="From the start of a service to its answers.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--at", type=Path, default=Path("/tmp/serving"))
    asked = parser.parse_args(arguments)
    print(f"| items | on disk | ready after | first {FIRST} texts, ms | median of {WARM} more |")
    print("|---|---|---|---|---|")
    for rows in (FEW_ROWS, asked.rows):
        print(opened(asked.at, rows), flush=True)


if __name__ == "__main__":
    main()

"""How well and how fast an index of a gallery is searched, and what it costs to hold.

    python -m benchmarks.search [--rows 100000] [--dimension 512] [--beside] [--usearch]
                                [--folder DIR] [--json]

Clustered synthetic vectors (benchmarks.synthetic) stand for the pictures; queries are like
pictures, or offset like texts. Pictor's index is built, tuned for recall@10 of 0.97 and searched,
one query at a time, candidates scored exactly included; --beside adds an exact scan and a plain
HNSW, --usearch the library of that name. The effort is tuned on rows of the gallery, recall
measured with other queries. Each index is built in one process and measured in another, so that
memory is the search's alone: anonymous, and apart from it pages of mapped files, the vectors' among
them. Filters let a random share of the rows through. --folder keeps what was written, to go on
with; 10,000,000 rows of 512 need 12 GB there. Printed: tables in Markdown, or JSON.
"""

import argparse
import json
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.engines import Engine, FaissEngine, Opened, UsearchEngine
from benchmarks.gauges import Latency, Memory, fitting, memory, one_core, queries_a_second, timed
from benchmarks.ground import KINDS, SHARES, Ground, make_ground
from benchmarks.synthetic import Clustered
from index.faiss import limit_faiss_threads

FILTERED = 100  # queries of each kind


@dataclass(frozen=True)
class Measured:
    kind: str
    share: float  # of the rows, that the filter lets through
    recall: float
    latency: Latency
    one_core: float | None = None  # queries a second
    all_cores: float | None = None


@dataclass(frozen=True)
class Report:
    rows: int
    name: str
    tuned: str
    build_s: float
    file_mb: float
    open_s: float
    memory: Memory
    measured: list[Measured]


def build(engine: Engine, ground: Ground, folder: Path) -> float:
    started = time.perf_counter()
    engine.build(ground, folder)
    return time.perf_counter() - started


def measure(engine: Engine, ground: Ground, folder: Path, build_s: float) -> Report:
    limit_faiss_threads(1)  # as many searches as threads at once, rather
    started = time.perf_counter()
    opened = engine.open(ground, folder)
    opened.searching("image")(ground.queries("image")[0])
    open_s = time.perf_counter() - started
    measured = [plain(opened, ground, kind) for kind in KINDS]
    held = memory()
    for share in SHARES[1:]:
        measured += filtered(opened, ground, share)
    files = [file.stat().st_size for file in folder.iterdir()]
    return Report(
        len(ground.units),
        engine.name,
        opened.said,
        build_s,
        sum(files) / 2**20,
        open_s,
        held,
        measured,
    )


def plain(opened: Opened, ground: Ground, kind: str) -> Measured:
    search = opened.searching(kind)
    queries = fitting(search, list(ground.queries(kind)))
    timed(search, queries)  # once for the pages that it needs
    with one_core():
        found, latency = timed(search, queries)
        alone = queries_a_second(search, queries, 1)
    together = queries_a_second(search, queries, len(os.sched_getaffinity(0)))
    return Measured(kind, 1.0, ground.recall(kind, 1.0, found), latency, alone, together)


def filtered(opened: Opened, ground: Ground, share: float) -> list[Measured]:
    measured = []
    for kind in KINDS:
        search = opened.searching_among(kind, ground.among(share))
        if search is None:
            continue
        queries = fitting(search, list(ground.queries(kind)[:FILTERED]))
        timed(search, queries)
        with one_core():
            found, latency = timed(search, queries)
        measured.append(Measured(kind, share, ground.recall(kind, share, found), latency))
    return measured


def report(engine: Engine, ground: Ground) -> Report:
    """What is in the folder already is not built again, and its time is that of then."""
    folder = ground.folder / engine.name.replace(" ", "_")
    took = folder / "built_s.json"
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as apart:
        if not took.is_file():
            folder.mkdir(exist_ok=True)
            build_s = apart.submit(build, engine, Ground(ground.folder), folder).result()
            took.write_text(json.dumps(build_s))
        build_s = float(json.loads(took.read_text()))
        return apart.submit(measure, engine, Ground(ground.folder), folder, build_s).result()


def grounded(folder: Path, clustered: Clustered) -> Ground:
    if (folder / "ground.json").is_file():
        return Ground(folder)
    folder.mkdir(parents=True, exist_ok=True)
    ground = make_ground(folder, clustered)
    (folder / "ground.json").write_text(json.dumps(asdict(clustered)))
    return ground


def tables(reports: list[Report]) -> str:
    lines = [
        "| rows | index | build s | file MB | open s | anonymous MB | mapped MB | queries "
        "| recall@10 | p50 ms | p99 ms | queries/s, one core | all cores |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in reports:
        held = each.memory
        costs = (
            f"{each.rows:,} | {each.name} | {each.build_s:.0f} | {each.file_mb:.0f} | "
            f"{each.open_s:.2f} | {held.anonymous_mb:.0f} | {held.mapped_mb:.0f}"
        )
        lines += [
            f"| {costs} | {m.kind} | {m.recall:.3f} | {m.latency.p50_ms:.2f} | "
            f"{m.latency.p99_ms:.2f} | {m.one_core:.0f} | {m.all_cores:.0f} |"
            for m in each.measured
            if m.share == 1
        ]
    lines += ["", "| rows | index | filter | queries | recall@10 | p50 ms | p99 ms |"]
    lines += ["|---|---|---|---|---|---|---|"]
    lines += [
        f"| {each.rows:,} | {each.name} | {m.share:.2%} | {m.kind} | {m.recall:.3f} | "
        f"{m.latency.p50_ms:.2f} | {m.latency.p99_ms:.2f} |"
        for each in reports
        for m in each.measured
        if m.share < 1
    ]
    return "\n".join([*lines, "", *(f"{e.name}, {e.rows:,} rows: {e.tuned}" for e in reports)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--beside", action="store_true")
    parser.add_argument("--usearch", action="store_true")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    engines: list[Engine] = [FaissEngine("Pictor")]
    if options.beside:
        engines += [FaissEngine("exact scan", "Flat"), FaissEngine("HNSW", "HNSW32,Flat")]
    if options.usearch:
        engines.append(UsearchEngine())
    reports = []
    with tempfile.TemporaryDirectory() as temporary:
        for rows in options.rows:
            folder = (options.folder or Path(temporary)) / f"{rows}x{options.dimension}"
            ground = grounded(folder, Clustered(rows, options.dimension))
            reports += [report(engine, ground) for engine in engines]
    print(json.dumps([asdict(each) for each in reports]) if options.json else tables(reports))


if __name__ == "__main__":
    main()

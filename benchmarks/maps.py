"""What the layout of the overview costs a job, and how well it keeps neighbours together.

    python -m benchmarks.maps [--rows 200000] [--dimension 512] [--methods pca umap] [--json FILE]

Vectors of clusters are drawn and laid out as a job does it (index/overview/making.py); a tenth as
many come later, as an update. "Together" is the share of 500 rows whose nearest row on the plane,
of 20,000, is of their own cluster.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.overview.layouts import Layout
from index.overview.making import Items, Making, MapOptions
from index.segments import ROWS, Segment, Vectors

CLUSTERS = 1000
SPREAD = 1.2  # of a cluster, beside the distance of their centres
ASKED, AMONG = 500, 20_000


def segments(count: int, dimension: int, first: int = 0) -> list[Segment]:
    centres = np.random.default_rng(0).standard_normal((CLUSTERS, dimension), dtype=np.float32)
    generator = np.random.default_rng(1 + first)
    made = []
    for start in range(first, first + count, ROWS):
        numbers = np.arange(start, min(start + ROWS, first + count))
        noise = generator.standard_normal((len(numbers), dimension), dtype=np.float32)
        units = centres[numbers % CLUSTERS] + SPREAD * noise
        units /= np.linalg.norm(units, axis=1, keepdims=True)
        ids = np.zeros((len(numbers), 2), ">u8")
        ids[:, 1] = numbers
        norms = np.ones(len(numbers), np.float32)
        vectors = Vectors(units.astype(np.float16), norms)
        made.append(Segment(ids.view(np.uint8).reshape(-1, 16), (vectors,)))
    return made


def together(layout: Layout) -> float:
    numbers = layout.ids.view(">u8").reshape(-1, 2)[:, 1].astype(np.int64)
    among = np.random.default_rng(2).permutation(len(numbers))[:AMONG]
    places, clusters = layout.places[among], numbers[among] % CLUSTERS
    kept = 0
    for row in range(min(ASKED, len(among))):
        away: NDArray[np.float32] = np.square(places - places[row]).sum(axis=1)
        away[row] = np.inf
        kept += int(clusters[away.argmin()] == clusters[row])
    return round(kept / ASKED, 3)


def measured(method: str, held: list[Segment], old: Layout | None) -> tuple[Layout, dict[str, Any]]:
    began = time.perf_counter()
    layout, warnings = Making(Items(held), method, old, MapOptions(method)).layout()
    seconds = round(time.perf_counter() - began, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = {"rows": len(layout), "seconds": seconds, "peak_mb": peak, "warnings": [*warnings]}
    return layout, told | {"together": together(layout)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--methods", nargs="+", default=["pca", "umap"])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    held = segments(arguments.rows, arguments.dimension)
    later = segments(arguments.rows // 10, arguments.dimension, arguments.rows)
    results = {}
    for method in arguments.methods:
        layout, results[method] = measured(method, held, None)
        _, results[f"{method}, a tenth more"] = measured(method, [*held, *later], layout)
        print(method, json.dumps(results[method]))
        print("a tenth more", json.dumps(results[f"{method}, a tenth more"]), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

"""How often a heat map is highest on the thing that was asked for.

    python -m benchmarks.heatmaps [--seeds 555 90210] [--count 500] [--model starter] [--json FILE]

Sample scenes are drawn, whose renderer knows the box of everything in them. Every thing that is the
only one of its kind in its scene is asked for by words; a case is a hit where the map's peak, as
the service tells it, lies in the thing's box. "Chance" is the mean share of the picture that the
boxes have.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.scenes import Scene, Thing, boxes, generate, render
from models.device import choose_placement
from models.encoders import TextEncoder
from models.heat import HeatAsked, HeatEncoder, peak, surface
from models.load import load_encoder

SIDE = 256
FORMS = ("a {colour} {kind}", "a {size} {colour} {kind}", "a {kind}")

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Case:
    thing: Thing
    box: Box
    hit: bool


def alone(scene: Scene) -> Iterator[tuple[Thing, Box]]:
    """The things that are the only ones of their kind."""
    drawn = boxes(scene)
    kinds = [thing.kind for thing, _ in drawn]
    yield from ((thing, box) for thing, box in drawn if kinds.count(thing.kind) == 1)


def cases(encoder: Any, scenes: Sequence[Scene], form: str) -> Iterator[Case]:  # noqa: ANN401
    for scene in scenes:
        asked = list(alone(scene))
        if not asked:
            continue
        looks = encoder.looks(render(scene, SIDE))
        words = [form.format(colour=t.colour, size=t.size, kind=t.kind) for t, _ in asked]
        texts = encoder.encode_texts(words)
        maps = encoder.heat([HeatAsked(looks, text) for text in texts])
        for (thing, box), held in zip(asked, maps, strict=True):
            x, y = peak(surface(held, SIDE, SIDE))
            yield Case(thing, box, box[0] <= x <= box[2] and box[1] <= y <= box[3])


def told(found: Sequence[Case]) -> dict[str, Any]:
    by: dict[str, list[bool]] = defaultdict(list)
    for case in found:
        by[f"size {case.thing.size}"].append(case.hit)
        by[f"kind {case.thing.kind}"].append(case.hit)
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (case.box for case in found)]
    return {
        "cases": len(found),
        "hits": round(float(np.mean([case.hit for case in found])), 3),
        "chance": round(float(np.mean(areas)), 3),
        **{name: [round(float(np.mean(hits)), 3), len(hits)] for name, hits in sorted(by.items())},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[555, 90210])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    encoder = load_encoder(arguments.model, choose_placement(), print)
    if not isinstance(encoder, HeatEncoder) or not isinstance(encoder, TextEncoder):
        raise SystemExit(f"{arguments.model}: has no heat maps")
    results = {}
    for seed in arguments.seeds:
        scenes = generate(seed, arguments.count).scenes
        for form in FORMS:
            results[f"{seed} {form!r}"] = result = told(list(cases(encoder, scenes, form)))
            print(seed, repr(form), json.dumps(result))
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()

"""CIRCO: composed retrieval over COCO's unlabeled pictures, with several right answers a query.

Reads `annotations/{val,test}.json`, lists of `id, reference_img_id, relative_caption,
shared_concept`; val also has `target_img_id` (the picture that the caption was written for),
`gt_img_ids` and `semantic_aspects`, test has no truth, and so no metrics. The gallery is all of
`image_info_unlabeled2017.json`, the reference in it. mAP@5, 10, 25, 50 over the ground truths, R@k
of the target alone, and `semantic/ASPECT/mAP@10` over the queries of that aspect. A ranking that is
shorter than k ends in misses. Source: Baldrati et al., "Zero-Shot Composed Image Retrieval with
Textual Inversion", ICCV 2023, and its evaluation code.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.annotations import (
    Entry,
    Kinds,
    answers,
    fields,
    listed,
    read_entries,
    read_json,
    refuse_twice,
    refuse_unlisted,
)
from evaluation.benchmark import (
    Picture,
    Question,
    Ranking,
    Rankings,
    Task,
    chosen_split,
    first_there,
    whole,
)
from evaluation.metrics import map_at_k, recall_at_k
from models.composers.templates import instruction
from models.errors import InputError

TASK = "composed"
AT = (5, 10, 25, 50)
ASPECTS_AT = 10
ENTRY: Kinds = {"id": int, "reference_img_id": int, "relative_caption": str, "shared_concept": str}
TRUTH: Kinds = {"target_img_id": int, "gt_img_ids": list, "semantic_aspects": list}
SPLITS: dict[str, Kinds] = {"val": ENTRY | TRUTH, "test": ENTRY}
LISTINGS = tuple(
    f"{folder}image_info_unlabeled2017.json"
    for folder in ("COCO2017_unlabeled/annotations/", "annotations/", "COCO2017_unlabeled/", "")
)
PICTURES = ("COCO2017_unlabeled/unlabeled2017", "unlabeled2017", "images")
WRITTEN_ID = re.compile(r"[0-9]{1,18}")  # some write their ids as strings


@dataclass(frozen=True)
class Query:
    """A query by the ids of its pictures; without its truth in the test split."""

    id: str
    reference: str
    target: str | None
    truths: tuple[str, ...]
    aspects: tuple[str, ...]


@dataclass(frozen=True)
class CircoBenchmark:
    folder: Path
    split: str
    annotations: Path
    queries: tuple[Query, ...]
    tasks: tuple[Task, ...]
    name: str = "circo"

    def pictures(self) -> Sequence[Picture]:
        listing = first_there(self.folder, *LISTINGS)
        pictures = _listed_pictures(listing, first_there(self.folder, *PICTURES))
        known = {picture.key for picture in pictures}
        refuse_unlisted(self.annotations, map(_used, self.queries), listing, known)
        return whole(pictures)

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        if self.split == "test" or TASK not in rankings:
            return {}
        ranked = rankings[TASK]
        truths = [query.truths for query in self.queries]
        targets = [(str(query.target),) for query in self.queries]
        maps = {f"mAP@{k}": map_at_k(ranked, truths, k) for k in AT}
        recalls = {f"R@{k}": recall_at_k(ranked, targets, k) for k in AT}
        return maps | recalls | self._by_aspect(ranked)

    def _by_aspect(self, ranked: Sequence[Ranking]) -> dict[str, float]:
        found = {}
        for aspect in sorted({aspect for query in self.queries for aspect in query.aspects}):
            rows = [row for row, query in enumerate(self.queries) if aspect in query.aspects]
            found[f"semantic/{aspect}/mAP@{ASPECTS_AT}"] = map_at_k(
                [ranked[row] for row in rows],
                [self.queries[row].truths for row in rows],
                ASPECTS_AT,
            )
        return found

    def read_predictions(self, files: Sequence[Path]) -> Rankings:
        """One file, {query id: [image ids]}."""
        if len(files) != 1:
            raise InputError(f"{len(files)} files of predictions: circo's are one file")
        (file,) = files
        content = read_json(file)
        if not isinstance(content, dict):
            raise InputError(f"{file}: expected an object, query ids to lists of image ids")
        ids = [query.id for query in self.queries]
        found = zip(ids, answers(file, content, ids, self.annotations), strict=True)
        return {TASK: [_ranking(f"{file}: query {each!r}", ranked) for each, ranked in found]}

    def submission(self, rankings: Rankings) -> dict[str, str]:
        content = {
            query.id: [int(key) for key in ranking[: max(AT)]]
            for query, ranking in zip(self.queries, rankings[TASK], strict=True)
        }
        return {"": json.dumps(content)}


def circo_benchmark(
    data: Path, split: str | None = None, *, wording: str = "magiclens"
) -> CircoBenchmark:
    """`wording` is "magiclens", which names the shared concept, or "caption": the relative caption
    alone, as SEARLE and LinCIR take it up."""
    chosen = chosen_split(split, tuple(SPLITS), data)
    path = data / "annotations" / f"{chosen}.json"
    kinds = SPLITS[chosen]
    entries = read_entries(path, kinds, key="id")
    queries = tuple(
        _query(f"{path}, entry {at}", {key: entry[key] for key in kinds})
        for at, entry in enumerate(entries)
    )
    questions = tuple(
        Question(
            frozenset(query.truths), wordings=((_worded(entry, wording),),), picture=query.reference
        )
        for query, entry in zip(queries, entries, strict=True)
    )
    return CircoBenchmark(data, chosen, path, queries, (Task(TASK, questions, depth=max(AT)),))


def _worded(entry: Entry, wording: str) -> str:
    caption: str = entry["relative_caption"]
    if wording == "caption":
        return caption
    if wording == "magiclens":
        return instruction("circo", concept=entry["shared_concept"], change=caption)
    raise InputError(f"wording {wording!r}: expected magiclens or caption")


def _query(where: str, entry: Entry) -> Query:
    query_id, reference = str(entry["id"]), str(entry["reference_img_id"])
    if "gt_img_ids" not in entry:
        return Query(query_id, reference, None, (), ())
    truths = listed(f"{where}: 'gt_img_ids'", entry["gt_img_ids"], int)
    aspects = listed(f"{where}: 'semantic_aspects'", entry["semantic_aspects"], str, at_least=0)
    return Query(
        query_id,
        reference,
        str(entry["target_img_id"]),
        tuple(str(truth) for truth in truths),
        tuple(aspects),
    )


def _used(query: Query) -> list[tuple[str, str]]:
    """Pictures, by the key of the annotation that names them."""
    targets = [] if query.target is None else [("target_img_id", query.target)]
    truths = [("gt_img_ids", truth) for truth in query.truths]
    return [("reference_img_id", query.reference), *targets, *truths]


def _listed_pictures(listing: Path, folder: Path) -> list[Picture]:
    images = fields(str(listing), read_json(listing), {"images": list})["images"]
    for at, image in enumerate(images):
        fields(f"{listing}, image {at}", image, {"id": int, "file_name": str})
    refuse_twice(f"{listing}: id", (image["id"] for image in images))
    return [Picture(str(image["id"]), folder / image["file_name"]) for image in images]


def _ranking(where: str, ranked: object) -> list[str]:
    if not isinstance(ranked, list):
        raise InputError(f"{where}: expected a list of image ids")
    keys = [_image_id(where, each) for each in ranked]
    refuse_twice(where, keys)
    return keys


def _image_id(where: str, value: object) -> str:
    if isinstance(value, str) and WRITTEN_ID.fullmatch(value):
        return str(int(value))
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{where}: {value!r} is not an image id")
    return str(value)

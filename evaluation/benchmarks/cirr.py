"""CIRR: composed retrieval over the pictures of NLVR2, whole and among six that look alike.

Reads `captions/cap.rc2.{val,test1,train}.json`, lists of `pairid, reference, caption,
img_set.members` and, but in test1, `target_hard`, the one picture that counts; and
`image_splits/split.rc2.{split}.json`, the gallery, names to paths. Test1 has no metrics.

recall: the whole gallery without the reference, R@1, 5, 10, 50. recall_subset: the set's members
without the reference, R_subset@1, 2, 3. Ready-made rankings are counted as they stand: one that is
shorter than k ends in misses, and a reference or a picture from outside the set takes up a rank.
Source: Liu et al., "Image Retrieval on Real-life Images with Pre-trained Vision-and-Language
Models", ICCV 2021; the file format is its test server's.
"""

import json
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
from evaluation.metrics import recall_at_k
from models.errors import InputError

VERSION = "rc2"
METRICS = {"recall": ("R", (1, 5, 10, 50)), "recall_subset": ("R_subset", (1, 2, 3))}  # by task
MEAN_OF = ("R@5", "R_subset@1")
ENTRY: Kinds = {"pairid": int, "reference": str, "caption": str, "img_set": dict}
TRUTH: Kinds = {"target_hard": str}
SPLITS: dict[str, Kinds] = {"val": ENTRY | TRUTH, "test1": ENTRY, "train": ENTRY | TRUTH}
PICTURES = (".", "img_raw", "cirr/img_raw")


@dataclass(frozen=True)
class Pair:
    """A query; without its target in the test split."""

    id: str
    reference: str
    caption: str
    members: tuple[str, ...]
    target: str | None


@dataclass(frozen=True)
class CirrBenchmark:
    folder: Path
    split: str
    annotations: Path
    pairs: tuple[Pair, ...]
    tasks: tuple[Task, ...]
    name: str = "cirr"

    def pictures(self) -> Sequence[Picture]:
        file = f"image_splits/split.{VERSION}.{self.split}.json"
        listing = first_there(self.folder, file, f"cirr/{file}")
        paths = _listed_paths(listing)
        refuse_unlisted(self.annotations, map(_used, self.pairs), listing, paths)
        folders = [self.folder / place for place in PICTURES]
        first = next(iter(paths.values()))
        folder = next((each for each in folders if (each / first).is_file()), folders[0])
        return whole([Picture(name, folder / path) for name, path in paths.items()])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        if self.split == "test1":
            return {}
        targets = [(str(pair.target),) for pair in self.pairs]
        found = {
            f"{name}@{k}": recall_at_k(rankings[task], targets, k)
            for task, (name, ks) in METRICS.items()
            if task in rankings
            for k in ks
        }
        if found.keys() >= set(MEAN_OF):
            found[f"mean({','.join(MEAN_OF)})"] = sum(found[name] for name in MEAN_OF) / 2
        return found

    def read_predictions(self, files: Sequence[Path]) -> Rankings:
        """The test server's two files, or one of them; which one it is says its `metric`."""
        read: dict[str, list[Ranking]] = {}
        for file in files:
            content = _prediction(file)
            task = content["metric"]
            if task in read:
                raise InputError(f"{file}: a second file whose 'metric' is {task!r}")
            read[task] = self._ranked(file, content)
        return read

    def _ranked(self, file: Path, content: Entry) -> list[Ranking]:
        ids = [pair.id for pair in self.pairs]
        ranked = {key: value for key, value in content.items() if key not in ("version", "metric")}
        found = zip(ids, answers(file, ranked, ids, self.annotations), strict=True)
        return [listed(f"{file}: query {each!r}", value, str, at_least=0) for each, value in found]

    def submission(self, rankings: Rankings) -> dict[str, str]:
        files = {}
        for task, (_, ks) in METRICS.items():
            if task in rankings:
                ranked = zip(self.pairs, rankings[task], strict=True)
                content = {pair.id: list(ranking[: max(ks)]) for pair, ranking in ranked}
                files[f"_{task}"] = json.dumps({"version": VERSION, "metric": task, **content})
        return files


def cirr_benchmark(data: Path, split: str | None = None) -> CirrBenchmark:
    chosen = chosen_split(split, tuple(SPLITS), data)
    file = f"captions/cap.{VERSION}.{chosen}.json"
    path = first_there(data, file, f"cirr/{file}")
    kinds = SPLITS[chosen]
    pairs = tuple(
        _pair(f"{path}, entry {at}", {key: entry[key] for key in kinds})
        for at, entry in enumerate(read_entries(path, kinds, key="pairid"))
    )
    return CirrBenchmark(data, chosen, path, pairs, _tasks(pairs))


def _pair(where: str, entry: Entry) -> Pair:
    img_set = fields(f"{where}: 'img_set'", entry["img_set"], {"members": list})
    members = listed(f"{where}: 'img_set' 'members'", img_set["members"], str, at_least=2)
    reference, target = entry["reference"], entry.get("target_hard")
    if target == reference:
        raise InputError(f"{where}: 'target_hard' is the reference, {target!r}")
    if target is not None and target not in members:
        raise InputError(f"{where}: 'target_hard' is {target!r}, which is not in 'members'")
    return Pair(str(entry["pairid"]), reference, entry["caption"], tuple(members), target)


def _tasks(pairs: Sequence[Pair]) -> tuple[Task, ...]:
    entire, subset = [], []
    for pair in pairs:
        relevant = frozenset() if pair.target is None else frozenset({pair.target})
        wordings, reference = ((pair.caption,),), pair.reference
        entire.append(Question(relevant, wordings, reference, ignored=frozenset({reference})))
        others = tuple(member for member in pair.members if member != reference)
        subset.append(Question(relevant, wordings, reference, among=others))
    return tuple(
        Task(name, tuple(questions), depth=max(METRICS[name][1]))
        for name, questions in (("recall", entire), ("recall_subset", subset))
    )


def _used(pair: Pair) -> list[tuple[str, str]]:
    """Pictures, by the key of the annotation that names them; the target is a member."""
    return [("reference", pair.reference), *(("members", member) for member in pair.members)]


def _listed_paths(listing: Path) -> dict[str, str]:
    paths = read_json(listing)
    if not isinstance(paths, dict) or not paths:
        raise InputError(f"{listing}: expected an object, names of pictures to their paths")
    return fields(str(listing), paths, dict.fromkeys(paths, str))


def _prediction(file: Path) -> Entry:
    content = fields(str(file), read_json(file), {"version": str, "metric": str})
    if content["version"] != VERSION:
        raise InputError(f"{file}: 'version' is {content['version']!r}, expected {VERSION!r}")
    if content["metric"] not in METRICS:
        raise InputError(
            f"{file}: 'metric' is {content['metric']!r}, expected {' or '.join(METRICS)}"
        )
    return content

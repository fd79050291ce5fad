"""FashionIQ: a garment like another one, but for what two people say of it.

Reads `captions/cap.{dress,shirt,toptee}.SPLIT.json`, lists of `candidate, captions, target`, and
`image_splits/split.*.SPLIT.json`. R@10 and R@50 by category; where all three are there, also their
means. The test split names no target: it is there to be submitted.

gallery: `split`, the pictures of the category's list, the candidate among them; or `union`, the
candidates and targets of the category's questions, where the candidate leaves the ranking, as VAL
has it (Chen, Gong & Bazzani, CVPR 2020).
captions: `joined` as they are, in MagicLens's way (Zhang et al., ICML 2024); or `averaged` over
both orders, in that of SEARLE (Baldrati et al., ICCV 2023) and LinCIR (Gu et al., CVPR 2024).
Source: Wu et al., "Fashion IQ: A New Dataset Towards Retrieving Images by Natural Language
Feedback", CVPR 2021.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from evaluation.annotations import Entry, Kinds, fields, listed, read_entries, read_json
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

CATEGORIES = ("dress", "shirt", "toptee")
SPLITS = ("val", "test", "train")
RECALL_AT = (10, 50)
ENTRY: Kinds = {"candidate": str, "captions": list}
AT_THE_ENDS = ".?, "  # of a caption that is to be averaged

Captions = tuple[str, str]
Asked = tuple[str, Captions]  # a candidate and its captions, which several queries may have
Place = tuple[str, int]  # of a query: its category, and its row


@dataclass(frozen=True)
class Query:
    candidate: str
    captions: Captions
    target: str | None

    @property
    def asked(self) -> Asked:
        return self.candidate, self.captions

    def __str__(self) -> str:
        return f"{self.candidate} with {self.captions[0]!r} and {self.captions[1]!r}"


@dataclass(frozen=True)
class FashionIQBenchmark:
    folder: Path
    split: str
    queries: Mapping[str, Sequence[Query]]  # by category
    tasks: tuple[Task, ...]
    name: str = "fashioniq"

    def pictures(self) -> Sequence[Picture]:
        names = {query.candidate: None for queries in self.queries.values() for query in queries}
        for task in self.tasks:
            gallery = task.gallery or _listed(_list_file(self.folder, task.name, self.split))
            names |= dict.fromkeys(gallery)
        folder = first_there(self.folder, "images", "image_data")
        return whole([Picture(name, _file(folder, name)) for name in names])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        found: dict[str, float] = {}
        for task in self.tasks:
            relevant = [question.relevant for question in task.questions]
            if task.name in rankings and all(relevant):
                counted = _without_ignored(task, rankings[task.name])
                found |= {
                    f"{task.name}/R@{k}": recall_at_k(counted, relevant, k) for k in RECALL_AT
                }
        if len(found) < len(CATEGORIES) * len(RECALL_AT):
            return found
        return found | {
            f"mean/R@{k}": sum(found[f"{category}/R@{k}"] for category in CATEGORIES)
            / len(CATEGORIES)
            for k in RECALL_AT
        }

    def read_predictions(self, files: Sequence[Path]) -> Rankings:
        """In the challenge's format: a caption file's entries, each with its `ranking`. A file for
        each category, or all in one; a category that no file has is left out."""
        answers: dict[Place, list[str]] = {}
        for file in files:
            entries = read_entries(file, ENTRY | {"ranking": list})
            queries = [_query(f"{file}, entry {at}", entry) for at, entry in enumerate(entries)]
            places = self._places(queries)
            for at, (entry, query) in enumerate(zip(entries, queries, strict=True)):
                where = f"{file}, entry {at}"
                place = self._place(where, query, places.get(query.asked, ()), answers)
                answers[place] = listed(f"{where}, 'ranking'", entry["ranking"], str, at_least=0)
        return self._by_category(", ".join(str(file) for file in files), answers)

    def submission(self, rankings: Rankings) -> dict[str, str]:
        return {
            f"_{category}": json.dumps(
                [
                    _prediction(query, ranking)
                    for query, ranking in zip(queries, rankings[category], strict=True)
                ]
            )
            for category, queries in self.queries.items()
            if category in rankings
        }

    def _places(self, queries: Sequence[Query]) -> dict[Asked, list[Place]]:
        """Where a file's queries may be: in one category, if they are exactly its queries."""
        asked = Counter(query.asked for query in queries)
        exactly = [
            category
            for category, known in self.queries.items()
            if Counter(query.asked for query in known) == asked
        ]
        places: dict[Asked, list[Place]] = {}
        for category in exactly or self.queries:
            for row, query in enumerate(self.queries[category]):
                places.setdefault(query.asked, []).append((category, row))
        return places

    def _place(
        self, where: str, query: Query, asking: Sequence[Place], answers: Mapping[Place, Ranking]
    ) -> Place:
        """Of those that ask the same: that of its target if it tells it, or else the next one."""
        same = [
            (category, row)
            for category, row in asking
            if query.target is None or self.queries[category][row].target in (None, query.target)
        ]
        if not same:
            raise InputError(f"{where}: {query}: not a query of the {self.split} split")
        free = [place for place in same if place not in answers]
        if not free:
            raise InputError(f"{where}: {query}: this query is there twice")
        return free[0]

    def _by_category(self, where: str, answers: Mapping[Place, list[str]]) -> Rankings:
        rankings: dict[str, list[list[str]]] = {category: [] for category, _ in answers}
        for category, ranked in rankings.items():
            for row, query in enumerate(self.queries[category]):
                if (category, row) not in answers:
                    raise InputError(f"{where}: {category}: no ranking for {query}")
                ranked.append(answers[category, row])
        return rankings


def fashioniq_benchmark(
    data: Path, split: str | None = None, *, gallery: str = "split", captions: str = "joined"
) -> FashionIQBenchmark:
    """Without the lists of pictures, rankings can be counted, but not made."""
    chosen = chosen_split(split, SPLITS, data)
    if chosen == "test" and gallery == "union":
        raise InputError("--option gallery=union: the test split names no targets")
    queries = {category: _queries(data, category, chosen) for category in CATEGORIES}
    tasks = []
    for category, asked in queries.items():
        questions = tuple(_question(query, WORDINGS[captions]) for query in asked)
        task = Task(category, questions, max(RECALL_AT))
        tasks.append(_over_union(task) if gallery == "union" else _over_list(task, data, chosen))
    return FashionIQBenchmark(data, chosen, queries, tuple(tasks))


def _over_list(task: Task, data: Path, split: str) -> Task:
    file = _list_file(data, task.name, split)
    if not file.exists():
        return task
    gallery = _listed(file)
    known = frozenset(gallery)
    for at, question in enumerate(task.questions):
        if not question.relevant <= known:
            where = f"{_captions_file(data, task.name, split)}, entry {at}"
            raise InputError(f"{where}: 'target' {min(question.relevant)!r} is not in {file}")
    return replace(task, gallery=gallery)


def _over_union(task: Task) -> Task:
    names = (name for each in task.questions for name in (str(each.picture), *each.relevant))
    questions = tuple(
        replace(each, ignored=frozenset({str(each.picture)})) for each in task.questions
    )
    return replace(task, questions=questions, gallery=tuple(dict.fromkeys(names)))


def _without_ignored(task: Task, rankings: Sequence[Ranking]) -> list[list[str]]:
    return [
        [name for name in ranking if name not in question.ignored]
        for question, ranking in zip(task.questions, rankings, strict=True)
    ]


def _joined(captions: Captions) -> tuple[tuple[str, ...], ...]:
    return ((" and ".join(captions),),)


def _averaged(captions: Captions) -> tuple[tuple[str, ...], ...]:
    first, second = (caption.strip(AT_THE_ENDS) for caption in captions)
    return ((f"{first} and {second}",), (f"{second} and {first}",))


WORDINGS: dict[str, Callable[[Captions], tuple[tuple[str, ...], ...]]] = {
    "joined": _joined,
    "averaged": _averaged,
}


def _question(query: Query, worded: Callable[[Captions], tuple[tuple[str, ...], ...]]) -> Question:
    relevant = frozenset() if query.target is None else frozenset({query.target})
    return Question(relevant, wordings=worded(query.captions), picture=query.candidate)


def _queries(data: Path, category: str, split: str) -> list[Query]:
    path = _captions_file(data, category, split)
    named = ENTRY if split == "test" else ENTRY | {"target": str}
    return [
        _query(f"{path}, entry {at}", entry) for at, entry in enumerate(read_entries(path, named))
    ]


def _query(where: str, entry: Entry) -> Query:
    captions = entry["captions"]
    if len(captions) != 2 or not all(isinstance(caption, str) for caption in captions):
        raise InputError(f"{where}: 'captions' is {captions}, expected two texts")
    if "target" in entry:
        fields(where, entry, {"target": str})
    return Query(entry["candidate"], (captions[0], captions[1]), entry.get("target"))


def _prediction(query: Query, ranking: Ranking) -> Entry:
    target = {} if query.target is None else {"target": query.target}
    asked = {"candidate": query.candidate, "captions": list(query.captions)}
    return target | asked | {"ranking": list(ranking[: max(RECALL_AT)])}


def _captions_file(data: Path, category: str, split: str) -> Path:
    return data / "captions" / f"cap.{category}.{split}.json"


def _list_file(data: Path, category: str, split: str) -> Path:
    return data / "image_splits" / f"split.{category}.{split}.json"


def _listed(file: Path) -> tuple[str, ...]:
    return tuple(listed(str(file), read_json(file), str))


def _file(folder: Path, name: str) -> Path:
    png = folder / f"{name}.png"
    return png if png.is_file() else folder / f"{name}.jpg"

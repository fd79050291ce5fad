"""Retrieval over a set of sample scenes, as `pictor scenes` writes it: every answer is known
exactly.

full: each scene by its full caption; short: by a shorter wording, which several scenes may have;
composed: each edit, a scene and an instruction whose target is in the set, the reference left out
of the ranking; image: scenes that are nearest by their own picture, which is the edits' references
against their targets without the words. `combinations`, as "cat/colour,boat/time", asks those edits
alone that concern one of them: of things and edits that a model was not trained on together.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluation.annotations import Kinds, fields
from evaluation.benchmark import Picture, Question, Rankings, Task, no_split, whole
from evaluation.metrics import recall_at_k
from evaluation.scenes import Thing, checked_combinations
from evaluation.scenes import combinations as combinations_of
from evaluation.tables import read_json_lines, read_table
from models.errors import InputError

RECALL_AT = (1, 5, 10)


@dataclass(frozen=True)
class ScenesBenchmark:
    folder: Path
    files: tuple[str, ...]
    tasks: tuple[Task, ...]
    kinds: tuple[str, ...]  # of the composed questions, in their order
    split: None = None
    name: str = "scenes"

    def pictures(self) -> Sequence[Picture]:
        return whole([Picture(file, self.folder / file) for file in self.files])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        found = {
            f"{task.name}/R@{k}": recall_at_k(rankings[task.name], _relevant(task.questions), k)
            for task in self.tasks
            for k in RECALL_AT
        }
        return found | self._by_kind(rankings)

    def _by_kind(self, rankings: Rankings) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for kind in sorted(set(self.kinds)):
            rows = [row for row, each in enumerate(self.kinds) if each == kind]
            (composed,) = [task for task in self.tasks if task.name == "composed"]
            relevant = _relevant([composed.questions[row] for row in rows])
            ranked = [rankings["composed"][row] for row in rows]
            metrics |= {f"composed.{kind}/R@{k}": recall_at_k(ranked, relevant, k) for k in (1, 10)}
        return metrics


def _relevant(questions: Sequence[Question]) -> list[frozenset[str]]:
    return [question.relevant for question in questions]


def scenes_benchmark(
    data: Path, split: str | None = None, *, combinations: str = ""
) -> ScenesBenchmark:
    """Reads `captions.tsv` and `edits.jsonl`, and for combinations `scenes.jsonl`; scenes have no
    splits."""
    no_split("scenes", split)
    wanted = checked_combinations(filter(None, combinations.split(",")))
    rows = list(read_table(data / "captions.tsv", ("file", "kind", "caption")))
    files = tuple(dict.fromkeys(row["file"] for row in rows))
    wordings: dict[str, dict[str, set[str]]] = {"full": {}, "short": {}}
    for row in rows:
        if row["kind"] not in wordings:
            raise InputError(f"{data / 'captions.tsv'}: unknown kind {row['kind']!r}")
        wordings[row["kind"]].setdefault(row["caption"], set()).add(row["file"])
    tasks = [
        Task(
            kind,
            tuple(Question(frozenset(found), wordings=((text,),)) for text, found in texts.items()),
            depth=max(RECALL_AT),
        )
        for kind, texts in wordings.items()
        if texts
    ]
    by_kind = _edits(data, frozenset(files), wanted)
    kinds = tuple(kind for kind, questions in by_kind.items() for _ in questions)
    together = tuple(question for questions in by_kind.values() for question in questions)
    if together:
        tasks.append(Task("composed", together, depth=max(RECALL_AT)))
        tasks.append(Task("image", _without_words(together), depth=max(RECALL_AT)))
    return ScenesBenchmark(data, files, tuple(tasks), kinds)


def _edits(data: Path, files: frozenset[str], wanted: frozenset[str]) -> dict[str, list[Question]]:
    things = _things(data) if wanted else {}
    by_kind: defaultdict[str, list[Question]] = defaultdict(list)
    for edit in read_json_lines(
        data / "edits.jsonl", ("reference", "instruction", "kind", "target")
    ):
        reference, target, kind = (str(edit[key]) for key in ("reference", "target", "kind"))
        if unknown := {reference, target} - files:
            raise InputError(f"{data / 'edits.jsonl'}: {unknown.pop()} is not in captions.tsv")
        if wanted and not wanted & combinations_of(things[reference], things[target], kind):
            continue
        question = Question(
            frozenset({target}),
            wordings=((str(edit["instruction"]),),),
            picture=reference,
            ignored=frozenset({reference}),
        )
        by_kind[kind].append(question)
    if wanted and not by_kind:
        raise InputError(f"{data / 'edits.jsonl'}: no edit of {', '.join(sorted(wanted))}")
    return by_kind


def _things(data: Path) -> dict[str, list[Thing]]:
    """What is in each scene, by its file."""
    path = data / "scenes.jsonl"
    kinds: Kinds = {"kind": str, "colour": str, "size": str, "count": int, "place": str}
    return {
        str(scene["file"]): [
            Thing(**{key: fields(f"{path}: {scene['file']}", thing, kinds)[key] for key in kinds})
            for thing in scene["things"]
        ]
        for scene in read_json_lines(path, ("file", "things"))
    }


def _without_words(edits: Sequence[Question]) -> tuple[Question, ...]:
    """Each reference once: any scene that an edit leads to is alike."""
    targets: defaultdict[str, set[str]] = defaultdict(set)
    for edit in edits:
        targets[str(edit.picture)] |= edit.relevant
    return tuple(
        Question(frozenset(found), picture=reference, ignored=frozenset({reference}))
        for reference, found in targets.items()
    )

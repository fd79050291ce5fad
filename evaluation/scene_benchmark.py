"""Retrieval over a set of sample scenes, as `pictor scenes` writes it: every answer is known
exactly.

full: each scene by its full caption; short: by a shorter wording, which several scenes may have;
composed: each edit, a scene and an instruction whose target is in the set, the reference left out
of the ranking.
"""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from evaluation.benchmark import Question, Task, check_files
from evaluation.tables import read_json_lines, read_table
from models.errors import InputError


@dataclass(frozen=True)
class ScenesBenchmark:
    folder: Path
    files: tuple[str, ...]
    tasks: tuple[Task, ...]
    split: None = None
    name: str = "scenes"


def scenes_benchmark(data: Path, split: str | None = None) -> ScenesBenchmark:
    """Reads `captions.tsv` and `edits.jsonl`; scenes have no splits."""
    if split is not None:
        raise InputError(f"--split {split}: the scenes benchmark has no splits")
    rows = list(read_table(data / "captions.tsv", ("file", "kind", "caption")))
    files = tuple(dict.fromkeys(row["file"] for row in rows))
    check_files(data, files)
    wordings: dict[str, dict[str, set[str]]] = {"full": {}, "short": {}}
    for row in rows:
        if row["kind"] not in wordings:
            raise InputError(f"{data / 'captions.tsv'}: unknown kind {row['kind']!r}")
        wordings[row["kind"]].setdefault(row["caption"], set()).add(row["file"])
    tasks = [
        Task(
            kind,
            tuple(Question(frozenset(found), texts=(text,)) for text, found in texts.items()),
            recall_at=(1, 5, 10),
        )
        for kind, texts in wordings.items()
        if texts
    ]
    return ScenesBenchmark(data, files, (*tasks, *_composed(data, frozenset(files))))


def _composed(data: Path, files: frozenset[str]) -> list[Task]:
    by_kind: defaultdict[str, list[Question]] = defaultdict(list)
    for edit in read_json_lines(
        data / "edits.jsonl", ("reference", "instruction", "kind", "target")
    ):
        if unknown := {str(edit["reference"]), str(edit["target"])} - files:
            raise InputError(f"{data / 'edits.jsonl'}: {unknown.pop()} is not in captions.tsv")
        target = frozenset({str(edit["target"])})
        question = Question(target, texts=(str(edit["instruction"]),), picture=edit["reference"])
        by_kind[str(edit["kind"])].append(question)
    if not by_kind:
        return []
    together = tuple(question for kind in by_kind for question in by_kind[kind])
    kinds = [Task(f"composed.{kind}", tuple(by_kind[kind]), (10,)) for kind in sorted(by_kind)]
    return [Task("composed", together, (1, 5, 10)), *kinds]

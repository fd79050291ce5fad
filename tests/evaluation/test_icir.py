"""i-CIR: an instance's own database, and its three means."""

from pathlib import Path

import numpy as np
import pytest

from evaluation.baselines import composer_or_baseline
from evaluation.benchmark import Question
from evaluation.benchmarks.icir import icir_benchmark
from evaluation.embedded import Embedding
from evaluation.runner import Contestant, evaluate
from models.composers.registry import Composers
from models.errors import InputError
from tests.fakes import ColourEncoder, picture

TINTIN = "icir/database/tintin"
CHAIR = "icir/database/chair"
DATABASE = [
    (f"{TINTIN}/blue/1.jpg", "in blue", "tintin"),
    (f"{TINTIN}/blue/2.jpg", "in blue", "tintin"),
    (f"{TINTIN}/toy/1.jpg", "as a toy", "tintin"),
    (f"{TINTIN}/hn/1.jpg", "", "tintin"),  # a hard negative
    (f"{CHAIR}/blue/1.jpg", "in blue", "chair"),
    (f"{CHAIR}/hn/1.jpg", "hn", "chair"),
]
QUERIES = [
    ("icir/query/tintin/1.jpg", "in blue", "tintin"),
    ("icir/query/tintin/1.jpg", "as a toy", "tintin"),
    ("icir/query/chair/1.jpg", "in blue", "chair"),
]
Rows = list[tuple[str, ...]]


def tables(
    data: Path, queries: Rows | None = None, database: Rows | None = None, below: str = "."
) -> Path:
    (data / below).mkdir(parents=True, exist_ok=True)
    for name, rows in (("query", queries or QUERIES), ("database", database or DATABASE)):
        lines = [",".join(row) + "\n" for row in rows]
        (data / below / f"{name}_files.csv").write_text("".join(lines))
    return data


def test_a_query_is_asked_of_its_instances_database(tmp_path: Path) -> None:
    (task,) = icir_benchmark(tables(tmp_path)).tasks
    first, toy, chair = task.questions
    gallery = tuple(row[0] for row in DATABASE[:4])
    assert first == Question(
        frozenset(gallery[:2]),
        wordings=(("in blue",),),
        picture="icir/query/tintin/1.jpg",
        among=gallery,
    )
    assert toy.relevant == {gallery[2]}
    assert toy.among is first.among  # a gallery of thousands is kept once
    # another instance in blue is not right
    assert chair.relevant == {f"{CHAIR}/blue/1.jpg"}
    assert chair.among == (f"{CHAIR}/blue/1.jpg", f"{CHAIR}/hn/1.jpg")
    assert (task.name, task.depth) == ("composed", None)


def test_three_means_are_counted(tmp_path: Path) -> None:
    benchmark = icir_benchmark(tables(tmp_path))
    blue_1, blue_2, toy, negative = (row[0] for row in DATABASE[:4])
    good, bad = (row[0] for row in DATABASE[4:])
    ranked = [[blue_1, negative, blue_2, toy], [negative, toy, blue_1, blue_2], [bad, good]]
    # by trapezoids. In blue: (1 + 1)/2 and (1/2 + 2/3)/2 = 7/12, each for half of the recall
    in_blue = (1 + 7 / 12) / 2
    # the toy and the chair, both second: (0/1 + 1/2)/2
    second = 1 / 4
    metrics = benchmark.metrics({"composed": ranked})
    assert metrics == {
        "mAP": pytest.approx((in_blue + second + second) / 3),
        "mmAP": pytest.approx(((in_blue + second) / 2 + second) / 2),
        "minmAP": pytest.approx((second + second) / 2),
    }
    assert benchmark.metrics({}) == {}
    with pytest.raises(InputError, match="2 rankings for 3 queries"):
        benchmark.metrics({"composed": ranked[:2]})


def test_what_is_found_at_once_counts_whole(tmp_path: Path) -> None:
    benchmark = icir_benchmark(tables(tmp_path))
    found = [sorted(question.relevant) for question in benchmark.tasks[0].questions]
    assert benchmark.metrics({"composed": found}) == {"mAP": 1, "mmAP": 1, "minmAP": 1}


def published(right: np.ndarray) -> float:
    """The official AP of one query over its whole ranking, restated."""
    places = np.flatnonzero(right)
    found = np.arange(len(places))
    before = np.where(places == 0, 1.0, found / np.maximum(places, 1))
    return float(np.sum(before + (found + 1) / (places + 1)) / 2 / (len(places) + 1e-5))


@pytest.mark.parametrize("seed", range(5))
def test_the_figures_are_those_of_the_official_code(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = ["a", "b", "c"]
    database: Rows = [
        (f"database/{i}/{at}.jpg", texts[at] if at < 3 else str(rng.choice([*texts, "hn"])), str(i))
        for i in range(4)
        for at in range(40)
    ]
    queries: Rows = [
        (f"query/{i}/{at}.jpg", text, str(i))
        for i in range(4)
        for at in range(i + 1)
        for text in texts
    ]
    benchmark = icir_benchmark(tables(tmp_path, queries, database))
    aps: dict[str, list[float]] = {}
    ranked = []
    for question, (_, _, instance) in zip(benchmark.tasks[0].questions, queries, strict=True):
        ranking = rng.permutation(np.array(question.among)).tolist()
        right = np.array([key in question.relevant for key in ranking])
        aps.setdefault(instance, []).append(published(right))
        ranked.append(ranking)
    metrics = benchmark.metrics({"composed": ranked})
    # but for the 1e-5 beside the number of right pictures
    every = [ap for each in aps.values() for ap in each]
    assert metrics["mAP"] == pytest.approx(np.mean(every), rel=1e-5)
    means = [np.mean(each) for each in aps.values()]
    assert metrics["mmAP"] == pytest.approx(np.mean(means), rel=1e-5)
    assert metrics["minmAP"] == pytest.approx(np.mean([min(e) for e in aps.values()]), rel=1e-5)


def painted(data: Path, *, without: str = "") -> None:
    for file, text, _ in [*DATABASE, *QUERIES]:
        place = data / file.removeprefix(without)
        place.parent.mkdir(parents=True, exist_ok=True)
        drawn = "blue" if "blue" in text and "query" not in file else "red"
        picture(drawn).save(place)


@pytest.mark.parametrize("below", [".", "annotations"])
@pytest.mark.parametrize("without", ["", "icir/"])
def test_pictures_are_found_below_the_data(tmp_path: Path, below: str, without: str) -> None:
    painted(tables(tmp_path, below=below), without=without)
    pictures = {each.key: each.file for each in icir_benchmark(tmp_path).pictures()}
    files = dict.fromkeys(row[0] for row in [*DATABASE, *QUERIES])
    assert pictures == {file: tmp_path / file.removeprefix(without) for file in files}
    pictures["icir/query/chair/1.jpg"].unlink()
    with pytest.raises(InputError, match=r"chair/1\.jpg: named by the benchmark, but not there"):
        icir_benchmark(tmp_path).pictures()


def test_a_model_is_asked_through_the_index(tmp_path: Path) -> None:
    data = tables(
        tmp_path / "data",
        queries=[("query/1.png", "blue", "it")],
        database=[("database/1.png", "red", "it"), ("database/2.png", "blue", "it")],
    )
    for file, drawn in (("query/1", "red"), ("database/1", "red"), ("database/2", "blue")):
        (data / file).parent.mkdir(exist_ok=True)
        picture(drawn).save(data / f"{file}.png")
    encoder = ColourEncoder()
    how = Embedding("colours", tmp_path / "cache", threads=1, announce=lambda line: None)
    for composer, ap in (("text", 1), ("image", 1 / 4)):
        from_ = Composers(encoder)
        contestant = Contestant(encoder, composer_or_baseline(composer, from_))
        result, _ = evaluate(icir_benchmark(data), contestant, how)
        assert result.counts == {"pictures": 3, "composed": 1}
        assert result.metrics["mAP"] == pytest.approx(ap)


def test_a_text_with_a_comma_is_quoted(tmp_path: Path) -> None:
    row = ("d/1.jpg", '"old, in blue"', "it")
    (task,) = icir_benchmark(tables(tmp_path, [("q/1.jpg", *row[1:])], [row])).tasks
    assert task.questions[0].wordings == (("old, in blue",),)


@pytest.mark.parametrize(
    ("queries", "database", "message"),
    [
        (
            [("q.jpg", "in blue")],
            None,
            r"query_files\.csv, line 1: 2 cells, expected picture, text",
        ),
        ([("q.jpg", "", "chair")], None, r"query_files\.csv, line 1: has no 'text'"),
        ([*QUERIES, ("", "a", "b")], None, r"query_files\.csv, line 4: has no 'picture'"),
        ([*QUERIES, QUERIES[0]], None, r"query_files\.csv, line 4: this query is there twice"),
        (
            [("q.jpg", "in red", "chair")],
            None,
            r"query_files\.csv, line 1: .*/database_files\.csv has no picture of 'chair' for",
        ),
        ([("q.jpg", "in blue", "bed")], None, "has no picture of 'bed' for 'in blue'"),
        (None, [*DATABASE, ("x.jpg", "a", "")], r"database_files\.csv, line 7: has no 'instance'"),
        (
            None,
            [*DATABASE, (DATABASE[0][0], "as a toy", "tintin")],
            r"database_files\.csv, line 7: '.*blue/1\.jpg' is there twice for 'tintin'",
        ),
    ],
)
def test_rows_that_do_not_fit_are_named(
    tmp_path: Path, queries: Rows | None, database: Rows | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        icir_benchmark(tables(tmp_path, queries, database))


def test_tables_that_are_not_there_or_empty_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has none of database_files\.csv, annotations/database"):
        icir_benchmark(tmp_path)
    tables(tmp_path)
    (tmp_path / "query_files.csv").write_text("")
    with pytest.raises(InputError, match=r"query_files\.csv: has no query"):
        icir_benchmark(tmp_path)
    (tmp_path / "query_files.csv").write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"query_files\.csv: cannot be read"):
        icir_benchmark(tmp_path)
    with pytest.raises(InputError, match="--split val: the icir benchmark has no splits"):
        icir_benchmark(tmp_path, "val")

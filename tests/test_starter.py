"""The bundled model keeps the promises of its card, measured over REST as a frontend would ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from safetensors import safe_open

from evaluation.benchmark import Benchmark
from evaluation.benchmarks.domains import domains_benchmark
from evaluation.benchmarks.scenes import scenes_benchmark
from evaluation.embedded import Embedding
from evaluation.runner import Contestant, evaluate
from evaluation.scenes import write_scenes
from evaluation.tables import read_json_lines, read_table
from index.collection import Collection
from index.job import JobOptions, build_collection
from index.sources import FolderSource, Root
from models.composers.registry import Composers
from models.device import choose_placement
from models.load import STARTER_FOLDER, Encoder, load_encoder
from models.machine import available_threads
from service.app import create_app
from service.settings import Settings

UNSEEN_SEED = 90210
MAX_BYTES = 24 * 1024 * 1024


@pytest.fixture(scope="module")
def starter() -> Encoder:
    return load_encoder("starter", choose_placement("cpu"), announce=print)


@contextmanager
def served(pictures: Path, out: Path, encoder: Encoder) -> Iterator[TestClient]:
    source = FolderSource(Root("pictures", pictures))
    options = JobOptions(threads=available_threads())
    build_collection(out, [source], encoder, model="starter", options=options)
    collection = Collection.open(out)
    app = create_app(collection, encoder, Settings(collection=out))
    with TestClient(app, base_url="http://localhost") as client:
        yield client
    collection.close()


def found(client: TestClient, query: dict[str, object]) -> list[str]:
    answer = client.post("/v1/search", json=query)
    assert answer.status_code == 200, answer.text
    return [hit["path"] for hit in answer.json()["hits"]]


def test_the_model_is_small_half_precision_and_has_a_card() -> None:
    files = list(STARTER_FOLDER.iterdir())
    assert sum(file.stat().st_size for file in files) <= MAX_BYTES
    with safe_open(STARTER_FOLDER / "open_clip_model.safetensors", "pt") as weights:
        kinds = {str(weights.get_tensor(name).dtype) for name in weights.keys()}  # noqa: SIM118
    assert kinds == {"torch.float16", "torch.int64"}
    card = (STARTER_FOLDER / "MODEL_CARD.md").read_text()
    for section in ("## Data", "## Recipe", "## Measured", "## What it is not for"):
        assert section in card


def test_three_kinds_of_query_are_answered_on_the_sample_scenes(
    tmp_path: Path, starter: Encoder
) -> None:
    write_scenes(tmp_path / "scenes", seed=UNSEEN_SEED, count=120)
    full = {
        row["caption"]: row["file"]
        for row in read_table(tmp_path / "scenes" / "captions.tsv", ("file", "kind", "caption"))
        if row["kind"] == "full"
    }
    edits = list(read_json_lines(tmp_path / "scenes" / "edits.jsonl", ("reference", "target")))
    with served(tmp_path / "scenes", tmp_path / "c", starter) as client:
        by_text = [found(client, {"text": c, "limit": 1}) == [f] for c, f in full.items()]
        assert sum(by_text) >= 0.85 * len(by_text)
        listed = client.post("/v1/search", json={"text": "a scene", "limit": 1000}).json()["hits"]
        ids = {hit["path"]: hit["id"] for hit in listed}
        reached = [
            edit["target"]
            in found(
                client,
                {
                    "image": {"id": ids[edit["reference"]]},
                    "text": edit["instruction"],
                    "limit": 10,
                },
            )
            for edit in edits[:60]
        ]
        assert sum(reached) >= 0.9 * len(reached)
        upload = (tmp_path / "scenes" / "scene-00007.png").read_bytes()
        answer = client.post("/v1/search/upload", files={"image": ("x.png", upload)})
        assert answer.json()["hits"][0]["path"] == "scene-00007.png"


def test_the_starter_composes_with_its_own_head(starter: Encoder) -> None:
    assert Composers(starter).default == "magiclens"


def test_one_picture_gives_one_vector_however_it_arrives(tmp_path: Path, starter: Encoder) -> None:
    write_scenes(tmp_path / "scenes", seed=UNSEEN_SEED, count=9)
    with served(tmp_path / "scenes", tmp_path / "c", starter) as client:
        for file in sorted((tmp_path / "scenes").glob("*.png")):
            sent = {"image": (file.name, file.read_bytes())}
            first = client.post("/v1/search/upload", files=sent).json()["hits"][0]
            assert first["path"] == file.name
            assert first["score"] >= 0.9999


@pytest.mark.slow
def test_scenes_of_an_unseen_seed_are_found_first_by_their_full_caption(
    tmp_path: Path, starter: Encoder
) -> None:
    write_scenes(tmp_path / "scenes", seed=UNSEEN_SEED, count=1000)
    benchmark = scenes_benchmark(tmp_path / "scenes")
    (full,) = [task for task in benchmark.tasks if task.name == "full"]
    with served(tmp_path / "scenes", tmp_path / "c", starter) as client:
        first = [found(client, {"text": q.wordings[0][0], "limit": 1})[0] for q in full.questions]
    hits = [file in q.relevant for file, q in zip(first, full.questions, strict=True)]
    assert len(hits) == 1000
    assert sum(hits) / len(hits) >= 0.90


@pytest.mark.slow
def test_flickr8k_dev_reaches_the_recall_that_the_starter_promises(
    tmp_path: Path, starter: Encoder, test_data: Path
) -> None:
    flickr = test_data / "flickr8k"
    rows = list(read_table(flickr / "captions.tsv", ("file", "split", "caption")))
    dev = [row for row in rows if row["split"] == "dev"]
    (tmp_path / "pictures").mkdir()
    for file in {row["file"] for row in dev}:
        (tmp_path / "pictures" / file).write_bytes((flickr / "images" / file).read_bytes())
    with served(tmp_path / "pictures", tmp_path / "c", starter) as client:
        hits = [row["file"] in found(client, {"text": row["caption"], "limit": 10}) for row in dev]
    assert len(hits) == 5000
    assert sum(hits) / len(hits) >= 0.29


@pytest.mark.slow
def test_photographs_of_ordinary_size_are_indexed_and_found_by_themselves(
    tmp_path: Path, starter: Encoder, test_data: Path
) -> None:
    with served(test_data / "photos", tmp_path / "c", starter) as client:
        assert client.get("/v1/collection").json()["items"] == 200
        for file in sorted((test_data / "photos").iterdir())[::10]:
            sent = {"image": (file.name, file.read_bytes())}
            first = client.post("/v1/search/upload", files=sent).json()["hits"][0]
            assert first["path"] == file.name and first["score"] >= 0.999


def measured(benchmark: Benchmark, encoder: Encoder, cache: Path) -> dict[str, dict[str, float]]:
    """The benchmark's metrics, by composer."""
    composers = Composers(encoder)
    how = Embedding("starter", cache, available_threads(), announce=print)
    return {
        name: evaluate(benchmark, Contestant(encoder, composers.named(name)), how)[0].metrics
        for name in ("magiclens", "sum", "slerp")
    }


@pytest.mark.slow
def test_edits_of_unseen_scenes_are_found_first_by_the_head(
    tmp_path: Path, starter: Encoder
) -> None:
    write_scenes(tmp_path / "scenes", seed=UNSEEN_SEED, count=1000)
    found = measured(scenes_benchmark(tmp_path / "scenes"), starter, tmp_path / "cache")
    head, *others = [found[name]["composed/R@1"] for name in ("magiclens", "sum", "slerp")]
    assert head >= 0.85
    assert head > max(*others, found["sum"]["image/R@1"])


@pytest.mark.slow
def test_the_head_converts_drawings_that_nothing_was_learned_from(
    tmp_path: Path, starter: Encoder, test_data: Path
) -> None:
    benchmark = domains_benchmark(test_data / "pacs", task="conversion")
    found = measured(benchmark, starter, tmp_path / "cache")
    head, *others = [found[name]["conversion/mean/mAP@50"] for name in found]
    halves = [found["sum"][f"conversion.{half}/mean/mAP@50"] for half in ("image", "text")]
    assert head >= 1.15 * max(*others, *halves)

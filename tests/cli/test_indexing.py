"""`pictor index` as a program sees it, and as one that goes on watching."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from cli.indexing import Watch
from cli.progress import JobProgressLines, MapProgressLines
from index.job import Progress, Report
from index.overview.making import Mapping
from models.errors import CollectionError
from tests.cli.outcomes import Pictor, mistake


def test_progress_for_programs_is_lines_of_json_on_standard_error(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    (photos / "bad.png").write_bytes(b"no picture")
    indexed = pictor("index", photos, "--out", tmp_path / "c", "--json", "--model", "starter")
    lines = [json.loads(line) for line in indexed.err.splitlines()]
    assert (lines[-1]["done"], lines[-1]["failed"], lines[-1]["found"]) == (4, 1, 4)
    assert lines[-1]["remaining_s"] == 0
    assert json.loads(indexed.out)["items"] == 3


def test_a_line_of_progress_has_the_rate_and_the_time_that_remains(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = iter([0.0, 0.5, 2.0, 2.0, 9.0])
    with JobProgressLines(clock=lambda: next(now)) as show:
        show(Progress(done=5, failed=0, found=None, embedded=0, seconds=0.5))
        show(Progress(done=20, failed=1, found=100, embedded=16, seconds=2.0))
    first, last = map(json.loads, capsys.readouterr().err.splitlines())
    assert first == last
    assert (first["per_second"], first["remaining_s"], first["failed"]) == (10, 8, 1)


def report(generation: int) -> Report:
    return Report(
        items=1,
        embedded=1,
        reused=0,
        imported=0,
        removed=0,
        failed=0,
        generation=generation,
        seconds=0,
    )


class EnoughError(Exception):
    pass


def test_watching_shows_what_changed_and_outlives_what_fails() -> None:
    away = CollectionError("another job is running")
    ends: Iterator[Report | Exception] = iter([report(1), away, report(2), report(2)])
    shown: list[int] = []
    waited: list[float] = []

    def run() -> Report:
        end = next(ends, EnoughError())
        if isinstance(end, Exception):
            raise end
        return end

    watch = Watch(run, lambda seen: shown.append(seen.generation), 30, waited.append)
    with pytest.raises(EnoughError):
        watch.follow(1)
    assert shown == [2]
    assert waited == [30] * 5


def test_a_first_job_that_was_killed_is_no_collection_of_a_model(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    (out / ".pictor-staging").mkdir(parents=True)
    (out / ".pictor-lock").touch()
    (out / "catalogue.sqlite").touch()
    assert pictor("index", photos, "--out", out).code == 0


def test_a_kind_of_index_is_asked_for_in_faiss_words_and_told_with_its_recall(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "c"
    assert pictor("index", photos, "--out", out, "--index", "HNSW8").code == 0
    assert "index: HNSW8 over 3 rows, recall@10 1.000 of pictures" in pictor("inspect", out).out
    refused = pictor("index", photos, "--out", out, "--index", "HNWS8")
    assert "'HNWS8'" in mistake(refused)


def test_fast_decoding_is_a_space_of_its_own_that_the_collection_remembers(
    pictor: Pictor, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "c"
    photos.mkdir()
    Image.linear_gradient("L").resize((2000, 1500)).convert("RGB").save(photos / "large.jpg")
    assert pictor("index", photos, "--out", out, "--fast-decode").code == 0
    shown = pictor("inspect", out).out
    assert "model: starter+fast-decode" in shown and "space: starter+fast-decode@" in shown
    same = json.loads(pictor("search", out, "--image", photos / "large.jpg", "--json").out)
    assert same["hits"][0]["score"] > 0.9999
    other = pictor("search", out, "--text", "grey", "--model", "starter")
    assert "starter@" in mistake(other)


def test_the_map_is_told_of_while_it_is_made(pictor: Pictor, photos: Path, tmp_path: Path) -> None:
    asked = ("index", photos, "--out", tmp_path / "c", "--json", "--model", "starter")
    made = pictor(*asked, "--map", "pca")
    lines = [json.loads(line) for line in made.err.splitlines()]
    placed = [line["placed"] for line in lines if line.get("map") == "pca"]
    assert (placed[0], placed[-1]) == (0, 3)
    assert json.loads(made.out)["map"] == "pca"
    assert json.loads(pictor(*asked, "--map", "none").out)["map"] == "none"
    assert "map: made by the server" in pictor("inspect", tmp_path / "c").out


def test_a_map_that_there_is_not_is_a_mistake(pictor: Pictor, photos: Path, tmp_path: Path) -> None:
    refused = pictor("index", photos, "--out", tmp_path / "c", "--map", "tsne")
    assert "pca, umap, none" in mistake(refused)
    assert not (tmp_path / "c").exists()


def test_a_line_of_the_maps_progress_comes_once_a_second_and_at_either_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = iter([0.0, 0.1, 0.5, 1.6, 1.7, 1.8, 1.9])
    show = MapProgressLines(clock=lambda: next(now))
    for placed in (0, 10, 20, 30, 40):
        show(Mapping("umap", placed, 40, seconds=placed / 10))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["placed"] for line in lines] == [0, 20, 40]
    assert lines[1] == {"map": "umap", "placed": 20, "items": 40, "seconds": 2.0}

"""A job on a Ray cluster makes the collection that this machine would make, whatever dies."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from index.engines.ray import RayEngine, connected
from index.job import Progress, build_collection
from models.errors import EngineError
from models.space import Space
from tests.fakes import ColourEncoder
from tests.index.album import failures, save, source
from tests.index.clusters import REPOSITORY, running
from tests.index.compared import assert_same, thumbnails
from tests.index.distant import (
    HANGING,
    KILLING,
    OPTIONS,
    MortalEye,
    MortalModel,
    SlowModel,
    Unshared,
    engine,
    load,
    run,
)

pytestmark = [
    # Ray's own, of settings that nobody made
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
PICTURES = 150


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    with running(nodes=2) as started:
        yield started


@pytest.fixture
def address(cluster: Any) -> str:  # noqa: ANN401
    return str(cluster.address)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for number in range(PICTURES):
        save(folder, f"{number % 7}/{number:03}.png", (number, 90, 200 - number))
    shutil.copy(folder / "0/000.png", folder / "copy.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (folder / "0/000.txt").write_text("the first one")
    return folder


@pytest.fixture
def whole(tmp_path: Path, photos: Path) -> Path:
    """What this machine makes of the photos."""
    run(tmp_path / "whole", photos, None)
    return tmp_path / "whole"


@pytest.mark.slow
def test_a_cluster_makes_the_collection_that_this_machine_makes(
    tmp_path: Path, photos: Path, whole: Path, address: str
) -> None:
    out, seen = tmp_path / "out", list[Progress]()
    report = run(out, photos, engine(address), seen.append)
    assert (report.items, report.embedded, report.failed) == (PICTURES, PICTURES, 1)
    assert [each.done for each in seen] == list(range(1, PICTURES + 3))
    assert_same(out, whole)


@pytest.mark.slow
def test_a_cluster_embeds_only_what_is_new_and_makes_what_is_missing(
    tmp_path: Path, photos: Path, whole: Path, address: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    (photos / "1/001.png").rename(photos / "renamed.png")
    (photos / "2/002.png").unlink()
    save(photos, "new.png", (250, 250, 250))
    shutil.rmtree(out / "thumbnails" / thumbnails(out).pop().split("/")[0])
    later = run(out, photos, engine(address))
    assert (later.embedded, later.removed) == (1, 1)
    run(whole, photos, None)
    assert_same(out, whole)


@pytest.mark.slow
def test_a_model_with_other_weights_on_the_workers_is_refused(
    tmp_path: Path, photos: Path, address: str
) -> None:
    other = (Space("colours", "f" * 16, 4),)
    machines = RayEngine(load, ColourEncoder(), other, OPTIONS, address)
    with pytest.raises(EngineError, match=r"colours@0123456789abcdef/4.*colours@f+/4"):
        run(tmp_path / "out", photos, machines)


@pytest.mark.slow
def test_a_worker_killed_in_mid_run_costs_nothing(
    tmp_path: Path, photos: Path, whole: Path, address: str
) -> None:
    out, embedding, reading = tmp_path / "out", tmp_path / "embedding", tmp_path / "reading"
    run(out, photos, engine(address, MortalModel(embedding), MortalEye(reading)))
    assert embedding.exists() and reading.exists()
    assert_same(out, whole)


@pytest.mark.slow
def test_a_picture_that_kills_its_workers_and_one_that_hangs_cost_themselves(
    tmp_path: Path, photos: Path, whole: Path, address: str
) -> None:
    out = tmp_path / "out"
    save(photos, "killing.png", KILLING)
    save(photos, "hanging.png", HANGING)
    run(out, photos, engine(address, eye=MortalEye()))
    assert sorted(failures(out))[1:] == [
        ("hanging.png", "decoding took longer than 5 s"),
        ("killing.png", "the workers that were to read it died, 3 times"),
    ]
    for name in ("killing.png", "hanging.png"):
        (photos / name).unlink()
    run(out, photos, None)
    assert_same(out, whole)


@pytest.mark.slow
@pytest.mark.timeout(400, method="signal")
def test_a_node_killed_in_mid_run_costs_nothing(tmp_path: Path, photos: Path, whole: Path) -> None:
    with running(nodes=2) as cluster:

        def kill_one(seen: Progress) -> None:
            if seen.done == PICTURES // 3:
                cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)

        out = tmp_path / "out"
        run(out, photos, engine(str(cluster.address), SlowModel()), kill_one)
        assert len(cluster.worker_nodes) == 1
    assert_same(out, whole)


@pytest.mark.slow
@pytest.mark.parametrize("killed_on_ray", [True, False])
def test_a_job_killed_with_one_engine_is_ended_by_the_other(
    tmp_path: Path, photos: Path, whole: Path, address: str, killed_on_ray: bool
) -> None:
    out = tmp_path / "out"
    job = [sys.executable, "-m", "tests.index.distant", str(out), str(photos)]
    killed = subprocess.run(
        [*job, address if killed_on_ray else "", "100"], cwd=REPOSITORY, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    report = run(out, photos, None if killed_on_ray else engine(address))
    assert report.reused > 0 and report.embedded <= PICTURES - 88  # of 100, less a checkpoint
    assert_same(out, whole)


@pytest.mark.slow
def test_a_folder_that_only_this_machine_sees_is_sent(
    tmp_path: Path, photos: Path, whole: Path, address: str
) -> None:
    out = tmp_path / "out"
    build_collection(
        out,
        [Unshared(source(photos))],
        ColourEncoder(),
        model="colours",
        options=OPTIONS,
        engine=engine(address),
    )
    assert_same(out, whole)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("127.0.0.1:1", "Ray at 127.0.0.1:1: nobody answers there"),
        ("nowhere", "expected HOST:PORT, or auto"),
        ("ray://127.0.0.1:10001", "a Ray client cannot carry it"),
    ],
)
def test_an_address_where_no_ray_is_is_refused_at_once(address: str, says: str) -> None:
    with pytest.raises(EngineError, match=says), connected(address, 1):
        pass


def test_a_cluster_of_another_version_is_refused(cluster: Any) -> None:  # noqa: ANN401
    script = """
import sys
import ray
from index.engines.ray import connected
from models.errors import EngineError
ray.__version__ = "1.0.0"
try:
    with connected(sys.argv[1], 1):
        pass
except EngineError as error:
    print(error)
"""
    told = subprocess.run(
        [sys.executable, "-c", script, str(cluster.address)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "Version mismatch" in told and "1.0.0" in told
    assert told.count("\n") == 1

"""`pictor index --engine ray`: a mistake is one plain line, and Ctrl-C leaves nothing behind."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.outcomes import Pictor, mistake
from tests.index.album import save
from tests.index.clusters import REPOSITORY, marked
from tests.index.compared import assert_same

ON_RAY = ("--engine", "ray", "--model", "starter", "--device", "cpu", "--threads", "2")

WITHOUT_RAY = """
import sys
sys.modules["ray"] = None
from cli.main import run
sys.exit(run(["index", *sys.argv[1:], "--engine", "ray"]))
"""


def test_without_the_extra_its_name_is_said(photos: Path, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY, photos, "--out", tmp_path / "c"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 2
    (line,) = ran.stderr.splitlines()
    assert "pip install 'pictor[ray]'" in line


def test_an_address_where_nobody_is_is_a_mistake(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    said = mistake(
        pictor("index", photos, "--out", tmp_path / "c", *ON_RAY, "--ray-address", "127.0.0.1:1")
    )
    assert said.startswith("pictor: Ray at 127.0.0.1:1: nobody answers there")


def test_an_address_without_the_engine_is_a_mistake(
    pictor: Pictor, photos: Path, tmp_path: Path
) -> None:
    said = mistake(pictor("index", photos, "--out", tmp_path / "c", "--ray-address", "auto"))
    assert said == "pictor: --ray-address is for --engine ray"


PICTURES = 1500  # so many are not done between a line of progress and Ctrl-C


def command(photos: Path, out: Path) -> list[str]:
    arguments = ["index", str(photos), "--out", str(out), "--json", *ON_RAY]
    return [sys.executable, "-m", "cli.main", *arguments]


@pytest.mark.slow
def test_a_ray_of_the_jobs_own_makes_the_same_collection_and_is_stopped_by_ctrl_c(
    pictor: Pictor, tmp_path: Path
) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    for number in range(PICTURES):
        save(photos, f"{number:04}.png", (number % 256, 50, 90 + number // 256))
    with marked():
        job = subprocess.Popen(
            command(photos, out), cwd=REPOSITORY, stderr=subprocess.PIPE, text=True
        )
        with job:
            assert job.stderr is not None
            assert json.loads(job.stderr.readline())["done"] >= 1
            job.send_signal(signal.SIGINT)
            said = job.stderr.read()
        assert job.returncode == 130
        assert "Traceback" not in said and said.splitlines()[-1] == "pictor: stopped"
    with marked():
        ended = subprocess.run(
            command(photos, out), cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
    assert json.loads(ended.stdout)["items"] == PICTURES
    assert all(json.loads(line) for line in ended.stderr.splitlines())  # and nothing of Ray's
    whole = tmp_path / "whole"
    assert pictor("index", photos, "--out", whole, "--model", "starter").code == 0
    assert_same(out, whole)

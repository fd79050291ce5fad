"""The command as a person types it, and something to type it about."""

from pathlib import Path

import pytest

from cli.main import run
from tests.cli.outcomes import Outcome, Pictor
from tests.fakes import picture


@pytest.fixture
def pictor(capsys: pytest.CaptureFixture[str]) -> Pictor:
    def type_in(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return type_in


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for colour in ("red", "green", "blue"):
        picture(colour, (64, 64)).save(folder / f"{colour}.png")
    return folder


@pytest.fixture
def collection(pictor: Pictor, photos: Path, tmp_path: Path) -> Path:
    assert pictor("index", photos, "--out", tmp_path / "collection").code == 0
    return tmp_path / "collection"

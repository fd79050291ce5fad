"""The README's commands run as written, its table of settings is complete, its files exist."""

import re
import shlex
import signal
import sys
from pathlib import Path

import pytest

from cli.main import run
from service.settings import Settings
from tests.fakes import picture
from tests.service.started import started

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def commands(word: str) -> list[list[str]]:
    """The lines of shell blocks that start with the word, without remarks."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.split()[:1] == [word]]


def settings_table() -> list[str]:
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.is_required() or field.default is None else field.default
        shown = f"`{default}`" if default not in ("", (), {}) else ""
        rows.append(f"| `PICTOR_{name.upper()}` | {shown} | {field.description} |")
    return rows


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert [words[1] for words in commands("make")] == ["demo", "test"]
    assert {"demo", "test", "check"} <= set(targets)


def test_the_table_names_every_setting_with_its_default_and_meaning() -> None:
    shown = [line for line in README.splitlines() if line.startswith("| `PICTOR_")]
    assert shown == settings_table()


@pytest.mark.parametrize("name", sorted(set(re.findall(r"[\w/-]+\.(?:py|png|md|toml)\b", README))))
def test_every_file_that_is_named_exists(name: str) -> None:
    assert (ROOT / name).is_file() or name.startswith("demo/")


@pytest.mark.slow
def test_every_pictor_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    photos = tmp_path / "Pictures"
    photos.mkdir()
    picture("red").save(photos / "red.jpg")
    monkeypatch.setenv("HOME", str(tmp_path))
    typed = [words for words in commands("pictor") if words[1] != "serve"]
    assert len(typed) >= 6
    # the demo comes first here: the searches above it in the README are of one's own photos
    for words in sorted(typed, key=lambda words: words[1] != "demo"):
        code = run([argument(word) for word in words[1:]])
        assert code == 0, (words, capsys.readouterr().err)


def argument(word: str) -> str:
    """As a shell and a machine that reaches a hub would have it; here the starter stands in."""
    if word.startswith(("ViT-", "hf-hub:")):
        return "starter"
    return str(Path(word).expanduser())


def test_the_served_collection_answers_until_it_is_interrupted(tmp_path: Path) -> None:
    picture("red").save(tmp_path / "red.jpg")
    collection = tmp_path / "my-collection"
    assert run(["index", str(tmp_path), "--out", str(collection), "--model", "starter"]) == 0
    (words,) = [words for words in commands("pictor") if words[1] == "serve"]
    command = [sys.executable, "-m", "cli.main", *words[1:], "--port", "0"]
    with started(command, folder=tmp_path) as server:
        assert server.stop(signal.SIGINT) == 0

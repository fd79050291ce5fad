import subprocess
import sys
from pathlib import Path

import pytest

from index.catalogue import NothingPublished
from index.export.backup import copy_collection
from index.kept_key import KEY_BYTES, kept_key
from tests.index.album import build, save

READ = """
import sys
from pathlib import Path
from index.kept_key import kept_key
sys.stdin.readline()
print(kept_key(Path(sys.argv[1]), "cursors").hex())
"""


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    save(tmp_path / "album", "red.png", "red")
    build(tmp_path / "collection", tmp_path / "album")
    return tmp_path / "collection"


def test_a_key_is_made_once_and_kept(collection: Path) -> None:
    key = kept_key(collection, "cursors")
    assert len(key) == KEY_BYTES
    assert kept_key(collection, "cursors") == key
    assert kept_key(collection, "others") != key


def test_processes_that_start_at_once_agree_on_the_key(collection: Path) -> None:
    command = [sys.executable, "-c", READ, str(collection)]
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("now\n")
        process.stdin.flush()
    found = {process.communicate(timeout=120)[0].strip() for process in started}
    assert found == {kept_key(collection, "cursors").hex()}


def test_a_key_outlives_a_job_and_goes_into_a_copy(collection: Path, tmp_path: Path) -> None:
    key = kept_key(collection, "cursors")
    save(tmp_path / "album", "blue.png", "blue")
    build(collection, tmp_path / "album")
    copy_collection(collection, tmp_path / "copy")
    assert kept_key(collection, "cursors") == kept_key(tmp_path / "copy", "cursors") == key


def test_there_is_no_key_without_a_collection(tmp_path: Path) -> None:
    with pytest.raises(NothingPublished):
        kept_key(tmp_path, "cursors")

"""The OpenAPI document taken at its word by a program that tries to break it.

Schemathesis asks every operation with examples, with the bounds of every field, with noise, and in
sequences that follow from each other, and runs its checks: no 500, and no status, media type,
header or body that the document does not describe. What it takes for a wrong type may be the right
text of a form, so that what is refused is left to tests/service/test_combinations.py.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from index.served import open_collection
from models.vectors import Embeddings
from service.access.keys import make_key
from service.access.keys_file import KeysFile
from service.app import create_app
from service.settings import Settings
from tests.fakes import COLOURS, ColourEncoder
from tests.service.conftest import PICTURES, Built, Placed, in_its_folder, index
from tests.service.listening import listening

EXAMPLES = 15  # of each operation and kind
LONGEST_S = 1800
MAX_BODY = 256 * 1024  # one that is tried adds a picture thousands of times
CONFIGURATION = """
[checks.positive_data_acceptance]
# what JSON Schema cannot say: that one of several fields is given, words in a text, signed cursors
expected-statuses = ["2xx", "400", "401", "403", "404", "409", "410", "413", "415", "422"]
"""


class Reader(ColourEncoder):
    """Takes any text, as models do."""

    def encode_texts(self, texts: Sequence[str]) -> Embeddings:
        known = [" ".join(w for w in t.lower().split() if w in COLOURS) for t in texts]
        return super().encode_texts([text or "white" for text in known])


@contextmanager
def served(folder: Path, keys: KeysFile, placed: Placed = in_its_folder) -> Iterator[str]:
    """The address of a server of a collection of its own, served from where it is placed."""
    built = Built(folder / "collection", folder / "pictures")
    built.pictures.mkdir()
    for name, data in PICTURES.items():
        (built.pictures / name).write_bytes(data)
    index(built, Reader())
    settings = Settings(
        collection=placed(built.folder),
        threads=2,
        keys_file=keys.path,
        max_request_bytes=MAX_BODY,
    )
    collection = open_collection(settings.collection)
    with listening(create_app(collection, Reader(), settings), lifespan="on") as port:
        yield f"http://127.0.0.1:{port}/openapi.json"
    collection.close()


def tried(
    address: str, folder: Path, *options: str, unseen: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    (folder / "schemathesis.toml").write_text(CONFIGURATION)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", "schemathesis.toml"]
    what = ["run", address, "--checks", "all", "--max-examples", str(EXAMPLES), "--no-color"]
    patience = ["--request-timeout", "120", "--max-response-time", "120", "--seed", "1"]
    unchecked = ",".join(["negative_data_rejection", *unseen])
    return subprocess.run(
        [*command, *what, *patience, "--exclude-checks", unchecked, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )


@pytest.mark.slow
def test_an_open_server_answers_as_its_document_says(tmp_path: Path) -> None:
    with served(tmp_path, KeysFile(tmp_path / "keys.json")) as address:
        # no key is asked for where there is none, so that none can be missed
        ran = tried(address, tmp_path, unseen=["ignored_auth"])
    assert ran.returncode == 0, ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("shown", [True, False])
def test_a_server_with_keys_answers_as_its_document_says(tmp_path: Path, shown: bool) -> None:
    keys = KeysFile(tmp_path / "keys.json")
    key, text = make_key("schemathesis", {"read", "write"})
    keys.add(key)
    with served(tmp_path, keys) as address:
        # without a key nobody is told which methods an address takes
        header, unseen = ["--header", f"X-API-Key: {text}"], ["unsupported_method"]
        ran = (
            tried(address, tmp_path, *header) if shown else tried(address, tmp_path, unseen=unseen)
        )
    assert ran.returncode == 0, ran.stdout

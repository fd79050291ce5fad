"""`pictor publish`, and what the other commands do with the address."""

import json
from pathlib import Path

import pytest

from tests.cli.outcomes import Pictor, mistake


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"milvus://{tmp_path}/lite.db/photos"


def test_what_is_published_is_searched_and_inspected_by_its_address(
    pictor: Pictor, collection: Path, address: str
) -> None:
    published = pictor("publish", collection, "--to", address)
    assert published.code == 0, published.err
    assert "3 pictures are generation 1" in published.err
    ask = ("--text", "red", "--filter", '{"field": "path", "prefix": "red"}', "--json")
    found = json.loads(pictor("search", address, *ask).out)
    assert [hit["path"] for hit in found["hits"]] == ["red.png"]
    assert found["hits"] == json.loads(pictor("search", collection, *ask).out)["hits"]
    told = json.loads(pictor("inspect", address, "--json").out)
    kept = json.loads(pictor("inspect", collection, "--json").out)
    assert (told["items"], told["generation"]) == (3, 1)
    assert [told[name] for name in ("sources", "failed", "spaces")] == [
        kept[name] for name in ("sources", "failed", "spaces")
    ]


def test_mistakes_are_one_plain_line(pictor: Pictor, collection: Path, address: str) -> None:
    assert "milvus://HOST:PORT/NAME" in mistake(pictor("publish", collection, "--to", "elsewhere"))
    index = ("--to", address, "--index", "BEST")
    assert "HNSW" in mistake(pictor("publish", collection, *index))
    assert "no collection there" in mistake(pictor("publish", collection.parent, "--to", address))
    assert "nothing was published there" in mistake(pictor("search", address, "--text", "red"))
    assert "--verify" in mistake(pictor("inspect", address, "--verify"))

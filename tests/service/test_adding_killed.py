"""What a server has answered for is there after kill -9."""

import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.collection import Collection
from index.items import item_id
from index.search import search
from index.verifying.verify import verify
from models.query import single
from tests.fakes import ColourEncoder, picture_bytes
from tests.index.album import build, save
from tests.index.live import addition
from tests.service.started import PATIENCE_S, started
from tests.service.test_serve import PROGRAM

BOUNDARY = "pictor-boundary"


@contextmanager
def running(collection: Path) -> Iterator[str]:
    """The address of a server, killed when the block is left."""
    with started([sys.executable, "-c", PROGRAM, str(collection)]) as server:
        yield server.address


def send(address: str, data: bytes, query: str = "") -> dict[str, Any]:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="x.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    request = urllib.request.Request(
        f"{address}/v1/images{query}",
        data=head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode(),
        headers={"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
    )
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def test_what_was_added_is_there_when_the_server_is_killed_right_after_its_answer(
    tmp_path: Path,
) -> None:
    save(tmp_path / "photos", "red.png", "red")
    build(tmp_path / "out", tmp_path / "photos")
    for number in range(3):
        colour = (10 + 80 * number, 200, 40)
        with running(tmp_path / "out") as address:
            answer = send(address, picture_bytes(colour))
        assert answer["added"] == 1
        collection = Collection.open(tmp_path / "out")
        with collection.snapshot() as snapshot:
            (space,) = snapshot.spaces
            query = single(space, addition(colour).embeddings[space], "image")
            assert search(snapshot, query).hits[0].id == item_id(picture_bytes(colour))
            assert snapshot.count == number + 2
        collection.close()
        assert verify(tmp_path / "out") == ()


def test_a_job_that_was_taken_is_ended_by_the_next_server(tmp_path: Path) -> None:
    save(tmp_path / "photos", "red.png", "red")
    build(tmp_path / "out", tmp_path / "photos")
    with running(tmp_path / "out") as address:
        job = send(address, picture_bytes("blue"), "?wait=false")
    deadline = time.monotonic() + PATIENCE_S
    with running(tmp_path / "out") as address:
        while job["status"] != "done" and time.monotonic() < deadline:
            with urllib.request.urlopen(f"{address}{job['url']}", timeout=PATIENCE_S) as response:
                job = json.load(response)
    assert (job["status"], job["failed"]) == ("done", 0)
    encoder = ColourEncoder()
    collection = Collection.open(tmp_path / "out")
    with collection.snapshot() as snapshot:
        query = single(encoder.space, encoder.encode_texts(["blue"])[0])
        assert search(snapshot, query).hits[0].id == item_id(picture_bytes("blue"))
    collection.close()
    assert verify(tmp_path / "out") == ()

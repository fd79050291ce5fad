"""A small collection of plain colours, served by an encoder whose answers can be worked out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from fastapi.testclient import TestClient

from index.items import item_id
from index.job import JobOptions, build_collection
from index.served import open_collection
from index.sources import FolderSource, Root
from models.composers.registry import Composers
from models.encoders import DualEncoder
from service.app import create_app
from service.settings import Settings
from tests.fakes import COLOURS, ColourEncoder, picture_bytes

ORANGE = (255, 128, 0)
PICTURES: dict[str, bytes] = {
    **{f"{name}.png": picture_bytes(name) for name in COLOURS},
    "orange.jpg": picture_bytes(ORANGE, format="JPEG"),
}
IDS = {Path(name).stem: item_id(data) for name, data in PICTURES.items()}


Placed = Callable[[Path], Path | str]


class Serve(Protocol):
    def __call__(
        self,
        encoder: DualEncoder | None = None,
        composers: Composers | None = None,
        **settings: Any,  # noqa: ANN401
    ) -> TestClient: ...


@dataclass(frozen=True)
class Built:
    """A collection that no test changes, and the pictures that it was built from."""

    folder: Path
    pictures: Path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    place = tmp_path_factory.mktemp("service")
    built = Built(place / "collection", place / "pictures")
    built.pictures.mkdir()
    for name, data in PICTURES.items():
        (built.pictures / name).write_bytes(data)
    index(built, ColourEncoder())
    return built


def index(built: Built, encoder: ColourEncoder) -> None:
    source = FolderSource(Root("pictures", built.pictures))
    options = JobOptions(threads=1)
    build_collection(built.folder, [source], encoder, model="colours", options=options)


def in_its_folder(folder: Path) -> Path | str:
    return folder


@contextmanager
def serving(built: Built, placed: Placed = in_its_folder) -> Iterator[Serve]:
    """Clients of servers with the given encoder and settings, started, of a folder's collection
    from where it is placed; they end with the block."""
    with ExitStack() as stack:

        def serve_with(
            encoder: DualEncoder | None = None,
            composers: Composers | None = None,
            **settings: Any,  # noqa: ANN401
        ) -> TestClient:
            folder = settings.pop("collection", built.folder)
            given = Settings(**{"collection": placed(folder), "threads": 1, **settings})
            collection = open_collection(given.collection, given.roots)
            stack.callback(collection.close)
            app = create_app(collection, encoder or ColourEncoder(), given, composers)
            client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield serve_with


@pytest.fixture
def serve(built: Built) -> Iterator[Serve]:
    with serving(built) as serve:
        yield serve


@pytest.fixture(scope="module")
def shared(built: Built) -> Iterator[TestClient]:
    """Of a server as it is by default, which the tests of a module share."""
    with serving(built) as serve:
        yield serve()


@pytest.fixture
def client(shared: TestClient) -> Iterator[TestClient]:
    """The same, with nothing that another test has set."""
    headers = shared.headers.copy()
    yield shared
    shared.headers = headers
    shared.cookies.clear()

"""The contract's servers over Milvus: each folder that a test serves is published first."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.served import open_collection
from models.composers.registry import Composers
from models.encoders import DualEncoder
from service.app import create_app
from service.settings import Settings
from tests.fakes import ColourEncoder
from tests.milvus.published import Lite
from tests.service.conftest import Built, Serve, built, client

__all__ = ["built", "client"]


@pytest.fixture(scope="session")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Lite:
    return Lite(tmp_path_factory.mktemp("milvus") / "lite.db")


@contextmanager
def serving(built: Built, lite: Lite) -> Iterator[Serve]:
    with ExitStack() as stack:

        def serve_with(
            encoder: DualEncoder | None = None,
            composers: Composers | None = None,
            **settings: Any,  # noqa: ANN401
        ) -> TestClient:
            folder = Path(settings.pop("collection", built.folder))
            given = Settings(**{"collection": lite.address(folder), "threads": 1, **settings})
            collection = open_collection(given.collection, given.roots)
            stack.callback(collection.close)
            app = create_app(collection, encoder or ColourEncoder(), given, composers)
            client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
            return stack.enter_context(client)

        yield serve_with


@pytest.fixture
def serve(built: Built, lite: Lite) -> Iterator[Serve]:
    """A client of a server with the given encoder and settings, over Milvus."""
    with serving(built, lite) as serve:
        yield serve


@pytest.fixture(scope="module")
def shared(built: Built, lite: Lite) -> Iterator[TestClient]:
    with serving(built, lite) as serve:
        yield serve()

"""The contract's servers over Milvus: each folder that a test serves is published first."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.milvus.published import Lite
from tests.service.conftest import Built, Serve, built, client, serving

__all__ = ["built", "client"]


@pytest.fixture(scope="session")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Lite:
    return Lite(tmp_path_factory.mktemp("milvus") / "lite.db")


@pytest.fixture
def serve(built: Built, lite: Lite) -> Iterator[Serve]:
    """A client of a server with the given encoder and settings, over Milvus."""
    with serving(built, lite.address) as serve:
        yield serve


@pytest.fixture(scope="module")
def shared(built: Built, lite: Lite) -> Iterator[TestClient]:
    with serving(built, lite.address) as serve:
        yield serve()

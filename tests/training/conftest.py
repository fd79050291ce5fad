"""What tests of several files begin with."""

from collections.abc import Iterator

import pytest

from tests.training.chat_server import Endpoint, Waits, running_endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with running_endpoint() as one:
        yield one


@pytest.fixture
def waits() -> Waits:
    return Waits()

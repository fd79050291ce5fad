"""The contract of tests/service/test_embeddings.py, over Milvus."""

import pytest

from tests.service.test_embeddings import *  # noqa: F403

pytestmark = pytest.mark.slow

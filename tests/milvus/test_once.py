"""The contract of tests/service/test_once.py, over Milvus."""

import pytest

from tests.service.test_once import *  # noqa: F403

pytestmark = pytest.mark.slow

"""The contract of tests/service/test_combinations.py, over Milvus."""

import pytest

from tests.service.test_combinations import *  # noqa: F403

pytestmark = pytest.mark.slow

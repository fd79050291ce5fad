"""The contract of tests/service/test_callers.py, over Milvus."""

import pytest

from tests.service.test_callers import *  # noqa: F403

pytestmark = pytest.mark.slow

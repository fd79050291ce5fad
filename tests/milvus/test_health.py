"""The contract of tests/service/test_health.py, over Milvus."""

import pytest

from tests.service.test_health import *  # noqa: F403

pytestmark = pytest.mark.slow

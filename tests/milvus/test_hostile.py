"""The contract of tests/service/test_hostile.py, over Milvus."""

import pytest

from tests.service.test_hostile import *  # noqa: F403

pytestmark = pytest.mark.slow

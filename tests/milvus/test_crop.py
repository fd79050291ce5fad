"""The contract of tests/service/test_crop.py, over Milvus."""

import pytest

from tests.service.test_crop import *  # noqa: F403

pytestmark = pytest.mark.slow

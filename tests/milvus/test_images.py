"""The contract of tests/service/test_images.py, over Milvus."""

import pytest

from tests.service.test_images import *  # noqa: F403

pytestmark = pytest.mark.slow

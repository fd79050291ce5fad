"""The contract of tests/service/test_heatmaps.py, over Milvus."""

import pytest

from tests.service.test_heatmaps import *  # noqa: F403

pytestmark = pytest.mark.slow

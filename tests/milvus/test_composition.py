"""The contract of tests/service/test_composition.py, over Milvus."""

import pytest

from tests.service.test_composition import *  # noqa: F403

pytestmark = pytest.mark.slow

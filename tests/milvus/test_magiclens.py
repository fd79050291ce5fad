"""The contract of tests/service/test_magiclens.py, over Milvus."""

import pytest

from tests.service.test_magiclens import *  # noqa: F403

pytestmark = pytest.mark.slow

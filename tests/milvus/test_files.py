"""The contract of tests/service/test_files.py, over Milvus."""

import pytest

from tests.service.test_files import *  # noqa: F403

pytestmark = pytest.mark.slow

"""The contract of tests/service/test_kept_pictures.py, over Milvus."""

import pytest

from tests.service.test_kept_pictures import *  # noqa: F403

pytestmark = pytest.mark.slow

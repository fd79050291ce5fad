"""The contract of tests/service/test_forms.py, over Milvus."""

import pytest

from tests.service.test_forms import *  # noqa: F403

pytestmark = pytest.mark.slow

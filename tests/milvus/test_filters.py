"""The contract of tests/service/test_filters.py, over Milvus."""

from tests.service.test_filters import *  # noqa: F403

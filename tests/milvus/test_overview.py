"""The contract of tests/service/test_overview.py, over Milvus."""

from tests.service.test_overview import *  # noqa: F403

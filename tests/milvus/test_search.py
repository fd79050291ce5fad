"""The contract of tests/service/test_search.py, over Milvus."""

from tests.service.test_search import *  # noqa: F403

"""The contract of tests/service/test_pages.py, over Milvus."""

from tests.service.test_pages import *  # noqa: F403

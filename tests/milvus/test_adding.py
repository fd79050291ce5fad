"""The contract of tests/service/test_adding.py, over Milvus; without what is a folder's own."""

import pytest

from tests.service.test_adding import *  # noqa: F403

# SQLite's lock and a job's publishing; tests/milvus/test_publishing.py has what they are in Milvus
del test_a_collection_that_cannot_be_written_says_so_and_loses_nothing  # noqa: F821
del test_a_server_goes_on_when_a_job_publishes_another_model_and_changes_nothing_more  # noqa: F821

pytestmark = pytest.mark.slow

"""The OpenAPI document taken at its word, of a server over Milvus."""

from pathlib import Path

import pytest

from service.access.keys_file import KeysFile
from tests.milvus.published import Lite
from tests.service.test_schemathesis import served, tried


@pytest.mark.slow
def test_an_open_server_over_milvus_answers_as_its_document_says(
    tmp_path: Path, lite: Lite
) -> None:
    with served(tmp_path, KeysFile(tmp_path / "keys.json"), lite.address) as address:
        ran = tried(address, tmp_path, unseen=["ignored_auth"])
    assert ran.returncode == 0, ran.stdout

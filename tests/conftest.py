"""Fixtures that several rooms' tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real pictures; tests that need it skip, saying so, without it."""
    folder = os.environ.get("PICTOR_TEST_DATA")
    if not folder:
        pytest.skip("PICTOR_TEST_DATA does not name a folder of real pictures")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"PICTOR_TEST_DATA: {path} is not a folder")
    return path.resolve()


@pytest.fixture(scope="session")
def magiclens_reference() -> Path:
    """Outputs of the published MagicLens code; PICTOR_MAGICLENS_REFERENCE names others."""
    kept = Path(__file__).parent / "data" / "magiclens"
    return Path(os.environ.get("PICTOR_MAGICLENS_REFERENCE") or kept)

"""The page in a real browser, against a real `pictor serve` over the sample collection."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.album import make_album, serving
from tests.page.browser import PATIENCE_MS, Visitor, browser_path, launched
from tests.page.photos import write_photographs
from tests.service.started import REPOSITORY

PICTOR = [sys.executable, "-m", "cli.main"]
NO_BROWSER = "no browser is installed: apt-get install chromium, or name one by PICTOR_TEST_BROWSER"


def pytest_configure() -> None:
    expect.set_options(timeout=PATIENCE_MS)  # cores may have other work


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots", action="store_true", help="write the page's states into docs/screenshots"
    )


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample collection, as `pictor demo` makes it; no test changes it."""
    folder = tmp_path_factory.mktemp("page") / "demo"
    command = [*PICTOR, "demo", "--no-serve", "--out", str(folder)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return folder / "collection"


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of several shapes; one picture has a caption, a place and a copy."""
    folder = tmp_path_factory.mktemp("photographs")
    write_photographs(folder / "pictures")
    command = [*PICTOR, "index", str(folder / "pictures"), "--out", str(folder / "collection")]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    return folder / "collection"


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection with all that can be filtered by; tests that change it take a copy."""
    return make_album(tmp_path_factory.mktemp("album"))


@pytest.fixture(scope="session")
def browser_file() -> str:
    """Asked for before a server is started that only a browser would visit."""
    path = browser_path()
    if path is None and os.environ.get("PICTOR_TEST_NEEDS_BROWSER"):
        pytest.fail(NO_BROWSER)
    if path is None:
        pytest.skip(NO_BROWSER)
    return path


# of a file's tests, not of the session: while Playwright runs, its event loop is in the way of
# other tests' own
@pytest.fixture(scope="module")
def browser(browser_file: str) -> Iterator[Browser]:
    with launched(browser_file) as browser:
        yield browser


@pytest.fixture(scope="session")
def demo_address(browser_file: str, demo: Path) -> Iterator[str]:
    with serving(demo) as server:
        yield server.address


@pytest.fixture(scope="session")
def address(demo_address: str) -> str:
    """Whose page is visited: the sample collection's, unless a file of tests names another."""
    return demo_address


@pytest.fixture(scope="session")
def photographs_address(browser_file: str, photographs: Path) -> Iterator[str]:
    with serving(photographs) as server:
        yield server.address


@pytest.fixture(scope="session")
def album_address(browser_file: str, album: Path) -> Iterator[str]:
    with serving(album) as server:
        yield server.address


@pytest.fixture
def visitor(browser: Browser, address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, address)
    yield visitor
    visitor.leave()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """The page as it is first seen; the test fails on whatever goes wrong in it."""
    return visitor.open()

"""The page's states as pictures in docs/screenshots, taken anew by: pytest tests/page --screenshots

Light and dark, desktop and phone. They show the sample collection, and are kept small.
"""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.page.browser import Visitor
from tests.page.doing import PHONE
from tests.page.visits import SHOWN, State
from tests.service.started import REPOSITORY

FOLDER = REPOSITORY / "docs" / "screenshots"
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1080, "height": 680}},
    "phone": PHONE,
}
COLOURS = 240
MOST_BYTES = 3_000_000


@pytest.fixture(scope="session")  # before a server is started for nothing
def wanted(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--screenshots", default=False):
        pytest.skip("screenshots are taken with --screenshots")


@pytest.mark.usefixtures("wanted")
@pytest.mark.parametrize("state", SHOWN, ids=lambda state: state.__name__)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_state_is_shown(visitor: Visitor, state: State, screen: str, scheme: str) -> None:
    visitor.forgive(r"status of 50[03]")
    options = {**SCREENS[screen], "color_scheme": scheme, "reduced_motion": "reduce"}
    page = visitor.open(**options)
    state(page)
    settle(page)
    name = f"{state.__name__.replace('_', '-')}-{screen}-{scheme}.png"
    FOLDER.mkdir(exist_ok=True)
    write_small(page.screenshot(), FOLDER / name)


def test_the_screenshots_are_there_and_small() -> None:
    expected = {
        f"{state.__name__.replace('_', '-')}-{screen}-{scheme}.png"
        for state in SHOWN
        for screen in SCREENS
        for scheme in ("light", "dark")
    }
    assert {path.name for path in FOLDER.glob("*.png")} == expected
    assert sum(path.stat().st_size for path in FOLDER.glob("*.png")) < MOST_BYTES


def settle(page: Page) -> None:
    """All pictures on the screen are there."""
    page.wait_for_load_state("networkidle")
    for image in page.locator("img:visible").all():
        image.evaluate("it => it.decode().catch(() => {})")


def write_small(png: bytes, path: Path) -> None:
    with Image.open(io.BytesIO(png)) as opened:
        small = opened.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE)
    small.save(path, optimize=True)

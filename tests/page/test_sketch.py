"""Sketch: drawn by pointer, by touch and by keys; taken back; searched with, as a PNG file."""

import base64
import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.page.browser import PATIENCE_MS, Visitor
from tests.page.doing import becomes

pytestmark = pytest.mark.slow

SIDE = 768
INK = (28, 27, 26)
RED = (208, 52, 44)
WHITE = (255, 255, 255)
PIXEL = """([x, y]) => [...document.querySelector(".sketch-sheet").getContext("2d")
  .getImageData(x * 768, y * 768, 1, 1).data].slice(0, 3)"""

OPEN = """async () => {
  const { openSketch } = await import("/static/sketch.js");
  openSketch().then((file) => (window.drawn = file));
}"""
RESULT = """() => new Promise((resolve) => {
  const wait = setInterval(() => {
    if (!window.drawn) return;
    clearInterval(wait);
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.readAsDataURL(window.drawn);
  }, 10);
})"""


@pytest.fixture
def address(album_address: str) -> str:
    return album_address


def sheet(page: Page) -> Locator:
    return page.locator(".sketch-sheet")


def open_sheet(page: Page) -> None:
    page.get_by_role("button", name="Draw a picture").click()
    expect(sheet(page)).to_be_focused()


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    box = sheet(page).bounding_box()
    assert box
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def draw(page: Page, *points: tuple[float, float]) -> None:
    page.mouse.move(*place(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*place(page, *point), steps=5)
    page.mouse.up()


def has_colours(page: Page, colours: dict[tuple[float, float], tuple[int, int, int]]) -> None:
    """Waits until the sheet is so coloured in these places."""

    def look() -> list[tuple[int, ...]]:
        return [tuple(page.evaluate(PIXEL, [*place])) for place in colours]

    becomes(page, look, [*colours.values()])


def test_a_drawing_is_searched_with(visitor: Visitor) -> None:
    page = visitor.open()
    open_sheet(page)
    expect(page.get_by_role("button", name="Search with it")).to_be_disabled()
    page.get_by_label("Very broad").check()
    draw(page, (0.2, 0.5), (0.8, 0.5))
    page.get_by_role("button", name="Search with it").click()
    # browsers write a PNG file when they have nothing better to do
    expect(sheet(page)).to_have_count(0, timeout=PATIENCE_MS)
    expect(page).to_have_url(re.compile("picture="))
    expect(page.locator("#hits:not([aria-busy]) .tile")).to_have_count(7)


def test_a_drawing_is_a_png_file(visitor: Visitor) -> None:
    page = visitor.open()
    page.evaluate(OPEN)
    page.get_by_label("Red", exact=True).check()
    page.get_by_label("Very broad").check()
    draw(page, (0.2, 0.5), (0.8, 0.5))
    page.get_by_role("button", name="Search with it").click()
    data = base64.b64decode(page.evaluate(RESULT).partition(",")[2])
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("PNG", (SIDE, SIDE))
        drawn = picture.convert("RGB")
    assert drawn.getpixel((SIDE // 2, SIDE // 2)) == RED
    assert drawn.getpixel((SIDE // 2, SIDE // 8)) == WHITE


def test_strokes_are_taken_back_erased_and_cleared(visitor: Visitor) -> None:
    page = visitor.open()
    open_sheet(page)
    page.get_by_label("Very broad").check()
    draw(page, (0.2, 0.3), (0.8, 0.3))
    draw(page, (0.2, 0.7), (0.8, 0.7))
    page.get_by_role("button", name="Undo").click()
    has_colours(page, {(0.5, 0.3): INK, (0.5, 0.7): WHITE})
    page.get_by_role("button", name="Redo").click()
    has_colours(page, {(0.5, 0.3): INK, (0.5, 0.7): INK})
    page.get_by_role("button", name="Eraser").click()
    draw(page, (0.2, 0.3), (0.8, 0.3))
    has_colours(page, {(0.5, 0.3): WHITE, (0.5, 0.7): INK})
    page.get_by_role("button", name="Clear").click()
    has_colours(page, {(0.5, 0.7): WHITE})
    expect(page.get_by_role("button", name="Search with it")).to_be_disabled()
    page.get_by_role("button", name="Undo").click()
    has_colours(page, {(0.5, 0.7): INK})


def test_the_sheet_is_filled_behind_what_is_drawn(visitor: Visitor) -> None:
    page = visitor.open()
    open_sheet(page)
    page.get_by_label("Very broad").check()
    draw(page, (0.2, 0.3), (0.8, 0.3))
    page.get_by_label("Red", exact=True).check()
    page.get_by_role("button", name="Fill").click()
    has_colours(page, {(0.5, 0.3): INK, (0.5, 0.9): RED})


def test_it_is_drawn_with_keys_alone(visitor: Visitor) -> None:
    page = visitor.open()
    page.get_by_role("button", name="Draw a picture").focus()
    page.keyboard.press("Enter")
    expect(sheet(page)).to_be_focused()
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    across, down = 0.5 + 96 / SIDE, 0.5 + 96 / SIDE
    has_colours(page, {(across, 0.5): INK, (across, down): WHITE})
    page.keyboard.press("Control+z")
    has_colours(page, {(across, 0.5): WHITE})
    page.keyboard.press("Control+Shift+z")
    has_colours(page, {(across, 0.5): INK})
    page.get_by_role("button", name="Search with it").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#hits:not([aria-busy]) .tile")).to_have_count(7)


def test_escape_leaves_without_a_search(visitor: Visitor) -> None:
    page = visitor.open()
    before = page.url
    open_sheet(page)
    draw(page, (0.2, 0.5), (0.8, 0.5))
    page.keyboard.press("Escape")
    expect(sheet(page)).to_have_count(0)
    expect(page.get_by_role("button", name="Draw a picture")).to_be_focused()
    assert page.url == before


def test_a_finger_draws_on_a_phone(visitor: Visitor) -> None:
    page = visitor.open(viewport={"width": 390, "height": 780}, has_touch=True)
    page.get_by_role("button", name="Draw a picture").tap()
    page.get_by_label("Very broad").check()
    page.touchscreen.tap(*place(page, 0.5, 0.5))
    has_colours(page, {(0.5, 0.5): INK})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

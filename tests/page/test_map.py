"""The map: moved by drag, wheel, pinch, keys and buttons; pictures from near, many from afar."""

import json
import re
from collections import deque
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.page.album import PHOTOS
from tests.page.browser import Visitor
from tests.page.doing import becomes, eventually

pytestmark = pytest.mark.slow

# how many of the canvas's pixels are not empty
COVERED = """() => {
  const canvas = document.querySelector(".map-canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let covered = 0;
  for (let i = 3; i < data.length; i += 4) covered += data[i] > 0;
  return covered;
}"""
# a fingerprint of what is drawn
PLACES = """() => {
  const canvas = document.querySelector(".map-canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let mark = 7;
  for (let i = 3; i < data.length; i += 4) mark = (mark * 31 + (data[i] > 0) + 1) % 1000000007;
  return mark;
}"""
PINCH = """(by) => {
  const canvas = document.querySelector(".map-canvas");
  canvas.setPointerCapture = () => {};  // which only real pointers have
  const tell = (type, pointerId, clientX) => canvas.dispatchEvent(
    new PointerEvent(type, { pointerId, clientX, clientY: 400, pointerType: "touch" }));
  for (const id of [1, 2]) tell("pointerdown", id, id === 1 ? 600 : 680);
  for (let step = 1; step <= 8; step += 1) {
    tell("pointermove", 1, 600 - (by * step) / 8);
    tell("pointermove", 2, 680 + (by * step) / 8);
  }
  for (const id of [1, 2]) tell("pointerup", id, 0);
}"""
MANY = 100_000


@pytest.fixture
def visitor(browser: Browser, album_address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, album_address)
    visitor.forgive("willReadFrequently")  # it is these tests that read the canvas
    yield visitor
    visitor.leave()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    page = visitor.open(reduced_motion="reduce")
    # the map shows the same small pictures, which are then there already
    expect(page.locator(".tile img:not(.coming)")).to_have_count(len(PHOTOS))
    open_map(page)
    return page


def open_map(page: Page) -> None:
    page.get_by_role("button", name="Map", exact=True).click()
    expect(canvas(page)).to_be_focused()
    expect(page.locator(".map-told")).to_have_text(re.compile(r"^[\d,]+ pictures$"))
    eventually(page, lambda: covered(page))


def canvas(page: Page) -> Locator:
    return page.locator(".map-canvas")


def covered(page: Page) -> int:
    pixels: int = page.evaluate(COVERED)
    return pixels


def grows(page: Page) -> None:
    """Waits until the pictures on the map are large."""
    eventually(page, lambda: covered(page), lambda pixels: pixels > 3000)


def rests(page: Page) -> int:
    """The fingerprint, once nothing more is drawn: pictures come one by one."""
    looks: deque[int] = deque(maxlen=6)

    def look() -> set[int]:
        looks.append(places(page))
        return set(looks)

    eventually(page, look, lambda seen: len(looks) == looks.maxlen and len(seen) == 1)
    return looks[-1]


def opens_a_picture(page: Page) -> None:
    expect(page).to_have_url(re.compile(r"open=[0-9a-f]{32}"))
    expect(page.locator("#detail")).to_be_visible()


def test_all_pictures_are_there_and_shown(page: Page) -> None:
    expect(page.locator(".map-told")).to_have_text(f"{len(PHOTOS)} pictures")
    grows(page)


def click_a_picture(page: Page) -> None:
    grows(page)
    over = page.locator(".map-canvas.map-over")
    # the pointer itself says where there is something to open
    for x, y in ((x, y) for y in range(60, 760, 24) for x in range(40, 1240, 24)):
        page.mouse.move(x, y)
        if over.count():
            page.mouse.click(x, y)
            return


def test_a_picture_is_opened_by_a_click_and_left_for_the_map(page: Page) -> None:
    click_a_picture(page)
    opens_a_picture(page)
    page.keyboard.press("Escape")
    expect(page.locator("#detail")).not_to_be_visible()
    expect(canvas(page)).to_be_visible()


def test_what_is_asked_from_the_map_shows_its_answer(page: Page) -> None:
    click_a_picture(page)
    opens_a_picture(page)
    page.locator("#detail").get_by_role("button", name="More like this", exact=True).click()
    expect(canvas(page)).not_to_be_visible()
    expect(page.locator("#hits:not([aria-busy]) .tile")).to_have_count(len(PHOTOS) - 1)


def test_a_picture_is_opened_with_keys_alone(visitor: Visitor) -> None:
    page = visitor.open(reduced_motion="reduce")
    page.get_by_role("button", name="Map", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".map-told")).to_have_text(f"{len(PHOTOS)} pictures")
    grows(page)
    page.keyboard.press("+")
    for key in ("ArrowLeft", "ArrowUp", *["ArrowRight", "ArrowDown"] * 6):
        page.keyboard.press("Enter")
        # the page's own word: of page.url one is told later
        if "open=" in page.evaluate("() => location.hash"):
            break
        page.keyboard.press(key)
    opens_a_picture(page)


def test_the_picture_in_the_middle_is_read_out(page: Page) -> None:
    grows(page)
    page.keyboard.press("-")
    said = page.locator(".map-room [role=status]")
    expect(said).to_have_text(re.compile("^(In the middle: (a|the) |No picture)"))


@pytest.mark.parametrize("how", ["wheel", "keys", "buttons", "pinch"])
def test_one_comes_closer_and_goes_back(page: Page, how: str) -> None:
    grows(page)
    page.mouse.move(640, 400)
    first = rests(page)

    def go(sign: int) -> None:
        if how == "wheel":
            page.mouse.wheel(0, -300 * sign)
        elif how == "keys":
            page.keyboard.press("+" if sign > 0 else "-")
        elif how == "buttons":
            page.get_by_role("button", name="Closer" if sign > 0 else "Farther").click()
        else:
            page.evaluate(PINCH, 30 * sign)

    go(1)
    changes(page, first)
    near = rests(page)
    go(-1)
    changes(page, near)
    page.get_by_role("button", name="Show all").click()
    becomes(page, lambda: places(page), first)


def places(page: Page) -> int:
    mark: int = page.evaluate(PLACES)
    return mark


def changes(page: Page, before: int) -> None:
    eventually(page, lambda: places(page), lambda now: now != before)


@pytest.mark.parametrize("how", ["drag", "keys"])
def test_the_map_is_moved(page: Page, how: str) -> None:
    grows(page)
    before = rests(page)
    if how == "drag":
        page.mouse.move(640, 40)
        page.mouse.down()
        page.mouse.move(740, 120, steps=5)
        page.mouse.up()
    else:
        page.keyboard.press("ArrowLeft")
    changes(page, before)
    expect(page).not_to_have_url(re.compile("open="))


def test_escape_and_the_button_lead_back(page: Page) -> None:
    page.keyboard.press("Escape")
    expect(canvas(page)).not_to_be_visible()
    expect(page.get_by_role("button", name="Map", exact=True)).to_be_focused()
    open_map(page)
    page.get_by_role("button", name="Close the map").click()
    expect(canvas(page)).not_to_be_visible()


def test_of_many_pictures_only_those_in_sight_are_asked_for(visitor: Visitor) -> None:
    """An overview of 100,000 points in a line from corner to corner."""
    asked: list[tuple[float, ...]] = []
    page = visitor.open(reduced_motion="reduce")
    visitor.forgive("404")  # they have no thumbnails
    page.route("**/v1/overview?*", lambda route: overview(route, asked))
    page.get_by_role("button", name="Map", exact=True).click()
    expect(page.locator(".map-told")).to_have_text("100,000 pictures")
    eventually(page, lambda: covered(page), lambda pixels: pixels > 500)
    for _ in range(5):
        page.keyboard.press("+")
    finest = eventually(page, lambda: [box for box in asked if box[2] - box[0] <= 0.25])
    # the middle of the map is in sight, its corners are not
    assert all(box[0] <= 0.75 and box[2] >= 0.25 for box in finest)
    assert len(asked) == len(set(asked))


def overview(route: Route, asked: list[tuple[float, ...]]) -> None:
    query = parse_qs(urlsplit(route.request.url).query)
    left, top, right, bottom = (float(each) for each in query["box"][0].split(","))
    asked.append((left, top, right, bottom))
    low, high = max(left, top), min(right, bottom)
    inside = max(0, round((high - low) * MANY))
    shown = min(inside, int(query["limit"][0]))
    points = [point(low + (high - low) * i / shown, inside // shown) for i in range(shown)]
    route.fulfill(
        json={"generation": 1, "method": "pca", "items": MANY, "inside": inside}
        | {"points": points, "warnings": []}
    )


def point(place: float, count: int) -> dict[str, Any]:
    return {"id": f"{round(place * 1e9):032x}", "x": place, "y": place, "count": count}


def test_a_server_that_fails_is_said_and_tried_again(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("500")
    said = "the server failed; its log says why"
    refusals = [{"status": 500, "code": "internal_error", "detail": said}]

    def answer(route: Route) -> None:
        if not refusals:
            return route.fallback()
        body = json.dumps(refusals.pop())
        return route.fulfill(status=500, body=body, content_type="application/problem+json")

    page.route("**/v1/overview?*", answer)
    page.get_by_role("button", name="Map", exact=True).click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Something went wrong")
    expect(alert).to_contain_text("The server failed; its log says why")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".map-told")).to_have_text(f"{len(PHOTOS)} pictures")
    expect(alert).to_have_count(0)

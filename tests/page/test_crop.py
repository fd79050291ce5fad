"""A box around what is meant, by pointer, by finger and by keys."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.browser import Visitor
from tests.page.doing import PHONE, answered, ask, body_of, eventually, hash_value, tile, tokens

pytestmark = pytest.mark.slow

TOUCH = """([selector, from, to]) => {
  const target = document.querySelector(selector);
  const tell = (type, [x, y]) => target.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, pointerType: "touch", clientX: x, clientY: y, bubbles: true, cancelable: true,
  }));
  target.setPointerCapture = () => {};  // there is no real finger to hold on to
  tell("pointerdown", from);
  tell("pointermove", to);
  tell("pointerup", to);
}"""


def box_of(page: Page) -> list[float]:
    """The box in the address, once there is one."""
    written = eventually(page, lambda: hash_value(page.url, "crop"))
    return [float(each) for each in written.replace("%2C", ",").split(",")]


def opened(page: Page) -> Locator:
    answered(page)
    tile(page).locator("a").click()
    frame = page.get_by_role("dialog").locator(".frame")
    expect(frame).to_be_visible()
    return frame


def at(frame: Locator, across: float, down: float) -> tuple[float, float]:
    box = frame.bounding_box()
    assert box is not None
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def test_a_box_is_dragged_by_pointer(page: Page) -> None:
    frame = opened(page)
    page.mouse.move(*at(frame, 0.2, 0.3))
    page.mouse.down()
    page.mouse.move(*at(frame, 0.5, 0.5))
    page.mouse.move(*at(frame, 0.6, 0.8))
    page.mouse.up()
    with page.expect_request("**/v1/search") as sent:
        page.get_by_role("button", name="Search with this part").click()
    assert body_of(sent.value)["crop"] == pytest.approx([0.2, 0.3, 0.6, 0.8], abs=0.01)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert box_of(page) == pytest.approx([0.2, 0.3, 0.6, 0.8], abs=0.01)
    whole = page.get_by_role("button", name="Part of a picture. Choose another part")
    expect(whole).to_be_visible()


def test_a_corner_is_dragged_by_pointer(page: Page) -> None:
    frame = opened(page)
    page.get_by_role("button", name="Choose a part").click()
    page.mouse.move(*at(page.get_by_role("button", name="Corner top left"), 0.5, 0.5))
    page.mouse.down()
    page.mouse.move(*at(frame, 0.5, 0.5))
    page.mouse.up()
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Search with this part").click()
    left, top, right, bottom = box_of(page)
    assert 0.45 < left < 0.52 and 0.45 < top < 0.52
    assert (right, bottom) == (0.8, 0.8)


def test_a_box_is_moved_and_sized_by_keys(page: Page) -> None:
    opened(page)
    page.get_by_role("button", name="Choose a part").press("Enter")
    box = page.get_by_role("group", name=re.compile("Chosen part"))
    expect(box).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    page.get_by_role("button", name="Corner bottom right").focus()
    page.keyboard.press("Shift+ArrowLeft")
    box.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert box_of(page) == [0.21, 0.3, 0.71, 0.9]


def test_escape_takes_the_box_away_before_it_closes_the_view(page: Page) -> None:
    opened(page)
    page.get_by_role("button", name="Choose a part").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("group", name=re.compile("Chosen part"))).to_be_hidden()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_finger_draws_once_a_part_is_being_chosen(visitor: Visitor) -> None:
    page = visitor.open(**PHONE)
    frame = opened(page)
    path = [".detail .frame", [*at(frame, 0.1, 0.1)], [*at(frame, 0.7, 0.6)]]
    page.evaluate(TOUCH, path)
    expect(page.get_by_role("button", name="Search with this part")).to_be_hidden()  # it scrolls
    page.get_by_role("button", name="Choose a part").tap()
    page.evaluate(TOUCH, [path[0], [*at(frame, 0.1, 0.1)], [*at(frame, 0.7, 0.6)]])
    page.get_by_role("button", name="Search with this part").tap()
    assert box_of(page) == pytest.approx([0.1, 0.1, 0.7, 0.6], abs=0.02)


def test_another_part_of_the_querys_own_picture(page: Page) -> None:
    ask(page, "a red house")
    tile(page).locator("a").focus()
    page.keyboard.press("m")
    page.get_by_role("button", name="This picture. Choose a part of it").click()
    dialog = page.get_by_role("dialog", name="Which part do you mean?")
    expect(dialog).to_be_visible()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert box_of(page) == [0.19, 0.2, 0.79, 0.8]
    page.get_by_role("button", name="Part of a picture. Choose another part").click()
    dialog.get_by_role("button", name="The whole picture").click()
    expect(page).not_to_have_url(re.compile("crop="))
    page.get_by_role("button", name="This picture. Choose a part of it").click()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(tokens(page)).to_have_count(1)

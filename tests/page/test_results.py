"""The pictures found: a justified grid, moved through by keys, with deeds at hand."""

import math
import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.browser import Visitor
from tests.page.doing import (
    answered,
    ask,
    bar,
    body_of,
    eventually,
    focused_tile,
    has_focus,
    hash_value,
    ids,
    tile,
    tokens,
)

TILES = """() => [...document.querySelectorAll(".tile")].map((tile) => {
  const { left, right, top, height, width } = tile.getBoundingClientRect();
  const { naturalWidth, naturalHeight } = tile.querySelector("img");
  return { left, right, top, height, width, shape: naturalWidth / naturalHeight };
})"""
PLACE = 1500  # px below the top
GRID = "() => document.querySelector('#hits').getBoundingClientRect().width"


@pytest.fixture
def shapes(visitor: Visitor, photographs_address: str) -> Page:
    """Pictures of several shapes, all loaded."""
    page = visitor.open(at=photographs_address)
    answered(page)
    ask(page, "a picture")
    for image in page.locator(".tile img").all():
        image.evaluate("it => it.decode()")
    return page


def test_pictures_keep_their_shape(shapes: Page) -> None:
    for each in shapes.evaluate(TILES):
        assert each["width"] / each["height"] == pytest.approx(each["shape"], rel=0.02)


def test_rows_are_filled_from_edge_to_edge(shapes: Page) -> None:
    width = shapes.evaluate(GRID)
    rows: dict[int, list[dict[str, float]]] = {}
    for each in shapes.evaluate(TILES):
        rows.setdefault(round(each["top"]), []).append(each)
    full = [rows[top] for top in sorted(rows)][:-1]
    assert len(full) >= 2
    for row in full:
        assert max(each["right"] for each in row) - min(each["left"] for each in row) == (
            pytest.approx(width, abs=1)
        )
        assert len({round(each["height"]) for each in row}) == 1


def test_a_change_of_width_fills_the_rows_again(shapes: Page) -> None:
    shapes.set_viewport_size({"width": 700, "height": 800})
    expect(tile(shapes)).to_be_visible()

    def right() -> float:
        return max((each["right"] for each in shapes.evaluate(TILES)), default=math.inf)

    eventually(shapes, right, lambda edge: edge <= 700)


def test_arrows_move_in_two_dimensions(page: Page) -> None:
    ask(page, "a red house")
    bar(page).press("ArrowDown")
    has_focus(page, 0)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    has_focus(page, 2)
    page.keyboard.press("ArrowDown")
    below = moved_from(page, 2)
    places = page.evaluate(TILES)
    assert places[below]["top"] > places[2]["top"]
    assert places[below]["left"] == pytest.approx(places[2]["left"], abs=places[2]["width"])
    page.keyboard.press("ArrowUp")
    has_focus(page, 2)
    page.keyboard.press("Home")
    has_focus(page, 0)
    page.keyboard.press("End")
    end = moved_from(page, 0)
    page.keyboard.press("ArrowRight")
    assert page.evaluate(TILES)[moved_from(page, end)]["top"] > places[2]["top"]


def moved_from(page: Page, before: int) -> int:
    """The picture that has the focus, once it is another one."""
    after = eventually(page, lambda: focused_tile(page), lambda at: at not in {None, before})
    assert after is not None
    return after


def test_arrows_follow_the_direction_of_reading(page: Page) -> None:
    page.evaluate("() => (document.documentElement.dir = 'rtl')")
    ask(page, "a red house")
    bar(page).press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    has_focus(page, 1)
    places = page.evaluate(TILES)
    assert places[1]["left"] < places[0]["left"]


def test_one_tab_leads_into_the_pictures_and_one_out_of_them(page: Page) -> None:
    ask(page, "a red house")
    page.get_by_role("button", name="Share").focus()
    page.keyboard.press("Tab")
    has_focus(page, 0)
    for name in ("More like this", "More like this, but…", "Not this"):
        page.keyboard.press("Tab")
        expect(tile(page).get_by_role("button", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator(".tile :focus")).to_have_count(0)


def test_enter_opens_and_escape_comes_back(page: Page) -> None:
    ask(page, "a red house")
    bar(page).press("ArrowDown")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    has_focus(page, 1)
    page.keyboard.press("Escape")
    expect(bar(page)).to_be_focused()


def test_a_slash_leads_to_the_bar_from_anywhere(page: Page) -> None:
    ask(page, "a red house")
    tile(page, 3).locator("a").focus()
    page.keyboard.press("/")
    expect(bar(page)).to_be_focused()
    expect(bar(page)).to_have_value("a red house")


def test_the_keys_are_listed(page: Page) -> None:
    answered(page)
    tile(page).locator("a").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("by", ["key", "pointer"])
def test_more_like_this(page: Page, by: str) -> None:
    ask(page, "a red house")
    first = ids(page)[0]
    act(page, "m", "More like this", by)
    expect(page).to_have_url(re.compile(f"image={first}"))
    answered(page)
    assert first not in ids(page)  # the picture itself is no answer


@pytest.mark.parametrize("by", ["key", "pointer"])
def test_more_like_this_but(page: Page, by: str) -> None:
    ask(page, "a red house")
    first = ids(page)[0]
    act(page, "b", "More like this, but…", by)
    expect(bar(page)).to_be_focused()
    expect(bar(page)).to_have_attribute("placeholder", re.compile("different"))
    assert hash_value(page.url, "image") == ""  # nothing has been asked yet
    page.keyboard.type("at night")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"text=at\\+night&image={first}"))


def test_what_was_only_proposed_is_left_by_escape(page: Page) -> None:
    ask(page, "a red house")
    act(page, "b", "More like this, but…", "key")
    page.keyboard.press("Escape")
    expect(bar(page)).to_have_value("a red house")
    expect(tokens(page)).to_have_count(0)


@pytest.mark.parametrize("by", ["key", "pointer"])
def test_not_this(page: Page, by: str) -> None:
    ask(page, "a red house")
    first = ids(page)[0]
    with page.expect_request("**/v1/search") as sent:
        act(page, "x", "Not this", by)
    assert body_of(sent.value)["exclude"] == [{"image": {"id": first}}]
    answered(page)
    expect(tokens(page)).to_have_count(1)
    assert ids(page)[0] != first
    page.get_by_role("button", name="Allow pictures like this again").click()
    expect(tokens(page)).to_have_count(0)


def act(page: Page, key: str, name: str, by: str) -> None:
    if by == "key":
        tile(page).locator("a").focus()
        page.keyboard.press(key)
    else:
        tile(page).hover()
        tile(page).get_by_role("button", name=name, exact=True).click()


def test_scores_are_shown_when_they_are_asked_for(page: Page) -> None:
    ask(page, "a red house")
    expect(tile(page).locator(".score")).to_be_hidden()
    page.get_by_role("button", name="Scores").click()
    expect(tile(page).locator(".score")).to_be_visible()
    expect(tile(page).locator(".score")).to_have_text(re.compile(r"^0\.\d{3}$"))


def test_more_come_as_one_scrolls(page: Page) -> None:
    ask(page, "a red house")
    status = page.get_by_role("status").first
    page.mouse.move(600, 500)

    def scrolled_on() -> str:
        page.mouse.wheel(0, 4000)
        return status.inner_text()

    eventually(page, scrolled_on, lambda said: "600 pictures" in said)
    page.evaluate("() => scrollTo(0, document.documentElement.scrollHeight)")
    expect(tile(page, 599)).to_be_visible()
    eventually(page, page.locator(".tile").count, lambda count: count < 80)


def test_the_way_back_leads_to_the_same_place(page: Page) -> None:
    ask(page, "a red house")
    page.mouse.move(600, 500)
    page.mouse.wheel(0, PLACE)
    eventually(page, lambda: scrolled(page), lambda top: top == pytest.approx(PLACE, abs=2))
    expect(tile(page, 45)).to_be_attached()
    ask(page, "a blue cat")
    page.go_back()
    expect(bar(page)).to_have_value("a red house")
    expect(tile(page, 30)).to_be_attached()
    eventually(page, lambda: scrolled(page), lambda top: top == pytest.approx(PLACE, abs=2))


def scrolled(page: Page) -> float:
    top: float = page.evaluate("() => scrollY")
    return top

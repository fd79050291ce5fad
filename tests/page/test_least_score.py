"""The least score: chosen by pointer and by keys, in the address, and what is nearest below it."""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.page.album import PHOTOS
from tests.page.browser import Visitor
from tests.page.doing import becomes, eventually

pytestmark = pytest.mark.slow

WORDS = "water"


@pytest.fixture
def page(browser: Browser, album_address: str) -> Iterator[Page]:
    visitor = Visitor(browser, album_address)
    yield visitor.open()
    visitor.leave()


def visit(page: Page, least: float | None = None, filters: object = None) -> None:
    hash_ = f"text={WORDS}" + ("" if least is None else f"&min-score={least}")
    hash_ += f"&filter={quote(json.dumps(filters))}" if filters else ""
    page.evaluate("hash => { location.hash = hash }", hash_)


def scores(page: Page) -> list[float]:
    """Of all pictures for the words, as the server has them."""
    body = {"text": WORDS, "limit": len(PHOTOS)}
    answer = page.request.post(f"{origin(page)}/v1/search", data=body).json()
    return [hit["score"] for hit in answer["hits"]]


def origin(page: Page) -> str:
    parts = urlsplit(page.url)
    return f"{parts.scheme}://{parts.netloc}"


def in_address(page: Page) -> str | None:
    found = parse_qs(urlsplit(page.url).fragment).get("min-score")
    return found[0] if found else None


def slider(page: Page) -> Locator:
    return page.get_by_role("slider", name="Least score")


def finds(page: Page, count: int) -> None:
    expect(page.locator("#hits:not([aria-busy]) .tile")).to_have_count(count)


def card(page: Page) -> Locator:
    return page.locator(".state-card")


def open_panel(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    expect(page.locator(".filters-status")).to_contain_text("fit")


def test_it_is_there_only_while_something_is_looked_for(page: Page) -> None:
    open_panel(page)
    expect(slider(page)).to_have_count(0)
    visit(page)
    expect(slider(page)).to_be_visible()
    held = scores(page)
    expect(page.locator(".filters-found")).to_have_text(
        f"Found so far: {held[0]:.2f} to {held[-1]:.2f}"
    )


def test_it_is_chosen_by_keys_and_taken_back_as_a_chip(page: Page) -> None:
    visit(page)
    finds(page, len(PHOTOS))
    open_panel(page)
    slider(page).focus()
    page.keyboard.press("End")
    expect(card(page)).to_contain_text("No picture has a score of 1.00 or more")
    becomes(page, lambda: in_address(page), "1")
    expect(slider(page)).to_have_attribute("aria-valuetext", "1.00 or more")
    page.keyboard.press("Home")
    expect(slider(page)).to_have_attribute("aria-valuetext", "Any score")
    finds(page, len(PHOTOS))
    becomes(page, lambda: in_address(page), None)
    page.keyboard.press("End")
    page.get_by_role("button", name="Remove filter: Score 1.00 or more").focus()
    page.keyboard.press("Enter")
    finds(page, len(PHOTOS))
    expect(page.locator(".filters-chip")).to_have_count(0)


def test_it_is_chosen_by_pointer(page: Page) -> None:
    visit(page)
    finds(page, len(PHOTOS))
    open_panel(page)
    box = slider(page).bounding_box()
    assert box
    slider(page).click(position={"x": box["width"] * 0.9, "y": box["height"] / 2})
    expect(card(page)).to_contain_text("No picture has a score of")
    least = eventually(page, lambda: in_address(page))
    assert least and 0.85 < float(least) < 1
    page.go_back()
    finds(page, len(PHOTOS))
    expect(slider(page)).to_have_attribute("aria-valuetext", "Any score")


def test_an_address_says_it_and_lower_scores_are_left_out(page: Page) -> None:
    held = scores(page)
    least = round((held[1] + held[2]) / 2, 4)
    expected = sum(score >= least for score in held)
    assert 0 < expected < len(PHOTOS)
    visit(page, least)
    finds(page, expected)
    expect(page.locator(".filters-label")).to_have_text(f"{least:.2f} or more")
    expect(page).to_have_title(re.compile(re.escape(f"of a score of {least} or more")))


def test_what_is_nearest_below_it_is_shown(page: Page) -> None:
    best = scores(page)[0]
    visit(page, 0.99)
    expect(card(page)).to_contain_text(f"The best that there is has {best:.2f}.")
    expect(page.locator(".state-strip img")).to_have_count(len(PHOTOS))
    page.get_by_role("button", name="Any score").focus()
    page.keyboard.press("Enter")
    finds(page, len(PHOTOS))
    page.go_back()
    page.get_by_role("button", name="Show the nearest pictures").click()
    finds(page, len(PHOTOS))
    expect(page.locator(".filters-chip")).to_have_count(0)


def test_the_best_score_is_offered_where_there_is_one_above_none(page: Page) -> None:
    held = scores(page)
    least = int(held[0] * 100) / 100
    assert least > 0
    visit(page, 0.99)
    page.locator(".state-offers").get_by_role("button", name=f"{least:.2f} or more").click()
    finds(page, sum(score >= least for score in held))
    becomes(page, lambda: in_address(page), str(least))


def test_with_a_filter_the_nearest_are_those_that_it_leaves(page: Page) -> None:
    visit(page, 0.99, {"field": "path", "prefix": "lisbon/"})
    expect(card(page)).to_contain_text("None of those that the filters leave")
    expect(page.locator(".state-strip img")).to_have_count(3)
    page.get_by_role("button", name="Clear all").click()
    finds(page, len(PHOTOS))
    expect(page).to_have_url(re.compile("#text=water$"))


def test_where_the_filter_leaves_none_it_is_the_filter_that_may_go(page: Page) -> None:
    visit(page, 0.99, {"field": "path", "prefix": "nowhere/"})
    offer = page.get_by_role("button", name="Without the filter")
    expect(offer).to_be_visible()
    offer.click()
    finds(page, len(PHOTOS))

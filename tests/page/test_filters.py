"""Filters: by date, folder, camera, tag and size; as chips, with counts; by pointer and by keys."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.page.album import CANON, PHOTOS, PIXEL
from tests.page.browser import Visitor
from tests.page.doing import becomes

ROUND_TRIP = """async (filters) => {
  const { choiceOf, filterOf } = await import("/static/filters-choice.js");
  return filters.map((filter) => filterOf(choiceOf(filter)));
}"""


@pytest.fixture
def page(browser: Browser, album_address: str) -> Iterator[Page]:
    visitor = Visitor(browser, album_address)
    page = visitor.open()
    yield page
    visitor.leave()


def open_panel(page: Page) -> None:
    page.get_by_role("button", name="Filters").click()
    expect(page.locator(".filters-status")).to_contain_text("fit")


def visit(page: Page, filters: object) -> None:
    page.evaluate("hash => { location.hash = hash }", f"filter={quote(json.dumps(filters))}")


def chips(page: Page) -> list[str]:
    return page.locator(".filters-chip").all_inner_texts()


def has_counts(page: Page) -> None:
    """Waits until all counts are of what is chosen: what they stand beside is drawn with them."""
    expect(page.locator(".filters-panel:not([aria-busy])")).to_be_visible()


def tick(page: Page, box: Locator) -> None:
    has_counts(page)
    box.click()
    expect(box).to_be_checked()


def has_chips(page: Page, *labels: str) -> None:
    expect(page.locator(".filters-label")).to_have_text(list(labels))


def filter_in(page: Page) -> Any:  # noqa: ANN401
    found = parse_qs(urlsplit(page.url).fragment).get("filter")
    return json.loads(found[0]) if found else None


def finds(page: Page, count: int) -> None:
    expect(page.locator("#hits:not([aria-busy]) .tile")).to_have_count(count)


def bar(page: Page, label: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{label}: "))


def group(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name=name, exact=True)


def folder(page: Page, name: str) -> Locator:
    return page.get_by_role("treeitem", name=re.compile(f"^{name}, "))


def test_counts_are_those_of_the_collection(page: Page) -> None:
    open_panel(page)
    expect(bar(page, "2019")).to_have_attribute("aria-label", "2019: 3 pictures")
    expect(bar(page, "2020")).to_have_attribute("aria-label", "2020: 0 pictures")
    expect(bar(page, "2022")).to_have_attribute("aria-label", "2022: 3 pictures")
    expect(folder(page, "norway")).to_have_attribute("aria-label", "norway, 3")
    expect(folder(page, "sea")).to_have_attribute("aria-label", "sea, 1")
    expect(group(page, "Camera").locator("label")).to_have_text([f"{CANON}3", f"{PIXEL}3"])
    expect(group(page, "Tags").locator("label")).to_have_text(["street3", "water3", "family2"])
    expect(group(page, "Size").locator("label")).to_contain_text(
        ["Small under 640 px5", "Medium 640 to 1,599 px1", "Large 1,600 to 3,999 px1", "Very large"]
    )


def test_a_year_is_clicked_and_all_counts_follow(page: Page) -> None:
    open_panel(page)
    bar(page, "2022").click()
    has_chips(page, "2022")
    chosen = {"field": "taken_at", "gte": "2022", "lte": "2022"}
    becomes(page, lambda: filter_in(page), chosen)
    finds(page, 3)
    expect(page.locator(".filters-status")).to_have_text("3 pictures in this collection fit.")
    expect(group(page, "Camera").locator("label")).to_have_text([f"{PIXEL}2", f"{CANON}1"])
    expect(folder(page, "norway")).to_have_count(0)
    # a group's own choice leaves its other values to be chosen
    expect(bar(page, "2019")).to_have_attribute("aria-label", "2019: 3 pictures")


def test_months_of_a_year_are_brushed_by_pointer(page: Page) -> None:
    open_panel(page)
    bar(page, "2022").click()
    finds(page, 3)
    has_counts(page)
    for name, go in (("May 2022", page.mouse.down), ("November 2022", page.mouse.up)):
        box = bar(page, name).bounding_box()
        assert box
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
        go()
    has_chips(page, "May 2022 \u2013 November 2022")
    finds(page, 3)
    has_counts(page)
    bar(page, "November 2022").click()
    has_chips(page, "November 2022")
    finds(page, 1)
    has_counts(page)
    bar(page, "November 2022").click()
    expect(page.locator(".filters-chip")).to_have_count(0)


def test_years_are_brushed_by_keyboard(page: Page) -> None:
    open_panel(page)
    bar(page, "2019").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    has_chips(page, "2020 \u2013 2022")
    finds(page, 3)
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    has_chips(page, "2019")
    expect(bar(page, "2019")).to_have_attribute("aria-pressed", "true")
    expect(bar(page, "2019")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.locator(".filters-chip")).to_have_count(0)


def test_folders_are_a_tree_for_the_keyboard(page: Page) -> None:
    open_panel(page)
    folder(page, "lisbon").focus()
    page.keyboard.press("ArrowDown")
    expect(folder(page, "norway")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(folder(page, "norway")).to_have_attribute("aria-expanded", "true")
    expect(folder(page, "fjord")).to_have_attribute("aria-level", "2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    has_chips(page, "norway/fjord/")
    finds(page, 2)
    expect(folder(page, "fjord")).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(folder(page, "norway")).to_be_focused()


def test_folders_are_opened_and_chosen_by_pointer(page: Page) -> None:
    open_panel(page)
    folder(page, "norway").locator(".filters-twist").first.click()
    folder(page, "town").locator(".filters-folder").click()
    has_counts(page)
    folder(page, "sea").locator(".filters-folder").click()
    has_chips(page, "norway/town/", "sea/")
    finds(page, 2)
    town, sea = ({"field": "path", "prefix": prefix} for prefix in ("norway/town/", "sea/"))
    becomes(page, lambda: filter_in(page), {"or": [town, sea]})


def test_any_of_the_cameras_and_all_of_the_tags(page: Page) -> None:
    open_panel(page)
    tick(page, group(page, "Camera").get_by_label(CANON))
    tick(page, group(page, "Camera").get_by_label(PIXEL))
    finds(page, sum(photo.camera is not None for photo in PHOTOS))
    has_counts(page)
    group(page, "Tags").get_by_label("street").focus()
    page.keyboard.press("Space")
    finds(page, 3)
    expect(group(page, "Tags").get_by_label("street")).to_be_focused()
    tick(page, group(page, "Tags").get_by_label("family"))
    finds(page, 1)
    has_chips(page, CANON, PIXEL, "street", "family")


def test_sizes_are_by_the_longer_side(page: Page) -> None:
    open_panel(page)
    tick(page, group(page, "Size").get_by_label("Medium"))
    finds(page, 1)
    tick(page, group(page, "Size").get_by_label("Large", exact=False).first)
    finds(page, 2)
    has_chips(page, "Medium", "Large")


def test_chips_are_removed_one_by_one_and_all_at_once(page: Page) -> None:
    visit(
        page,
        {"and": [{"field": "camera", "in": [CANON, PIXEL]}, {"field": "tags", "eq": "street"}]},
    )
    has_chips(page, CANON, PIXEL, "street")
    finds(page, 3)
    page.get_by_role("button", name=f"Remove filter: Camera {PIXEL}").click()
    has_chips(page, CANON, "street")
    finds(page, 1)
    page.get_by_role("button", name="Clear all").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".filters-chip")).to_have_count(0)
    becomes(page, lambda: filter_in(page), None)


def test_the_panel_shows_what_an_address_says(page: Page) -> None:
    visit(
        page,
        {
            "and": [
                {"field": "taken_at", "gte": "2019-07", "lte": "2019-07"},
                {"field": "path", "prefix": "norway/fjord/"},
                {"field": "tags", "eq": "water"},
            ]
        },
    )
    finds(page, 2)
    open_panel(page)
    expect(folder(page, "fjord")).to_have_attribute("aria-selected", "true")
    expect(bar(page, "July 2019")).to_have_attribute("aria-pressed", "true")
    expect(group(page, "Tags").get_by_label("water")).to_be_checked()
    page.go_back()
    expect(page.locator(".filters-chip")).to_have_count(0)
    expect(group(page, "Tags").get_by_label("water")).not_to_be_checked()


def test_a_filter_that_has_no_control_is_shown_and_kept(page: Page) -> None:
    other = {"not": {"field": "path", "prefix": "sea/"}}
    visit(page, other)
    finds(page, 6)
    has_chips(page, "not path begins with sea/")
    open_panel(page)
    tick(page, group(page, "Tags").get_by_label("water"))
    finds(page, 2)
    both = {"and": [{"field": "tags", "eq": "water"}, other]}
    becomes(page, lambda: filter_in(page), both)


def test_filters_come_back_as_they_went(page: Page) -> None:
    dates = {"field": "taken_at", "gte": "2019", "lte": "2021-03"}
    exact = {"field": "taken_at", "gte": "2019-07-02", "lte": "2019-07-02"}
    folders = {"or": [{"field": "path", "prefix": "a/"}, {"field": "path", "prefix": "b/c/"}]}
    medium = page.evaluate(
        'async () => (await import("/static/filters-choice.js")).SIZES[1].filter'
    )
    filters = [
        None,
        dates,
        {"and": [dates, folders, {"field": "camera", "in": ["x", "y"]}, medium]},
        medium,
        {"or": [medium, {"field": "width", "gte": 9}]},
        {"and": [exact, {"field": "tags", "eq": 3}]},
        {"and": [{"field": "tags", "eq": "a"}, {"or": []}, {"and": [dates, dates]}]},
        {"or": [{"field": "path", "prefix": "a/"}, 3]},
    ]
    # what is chosen comes first, what has no control last
    filters[5], swapped = {"and": [{"field": "tags", "eq": 3}, exact]}, filters[5]
    assert page.evaluate(ROUND_TRIP, filters) == filters
    assert page.evaluate(ROUND_TRIP, [swapped]) == [filters[5]]

"""One picture in full view."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.browser import Visitor
from tests.page.doing import (
    answered,
    ask,
    eventually,
    has_focus,
    hash_value,
    ids,
    tile,
    tokens,
)
from tests.page.photos import CAMERA, CAPTION


@pytest.fixture
def known(visitor: Visitor, photographs_address: str) -> Page:
    """The full view of a picture of which all is known."""
    page = visitor.open(at=photographs_address)
    answered(page)
    page.get_by_role("link", name=CAPTION).click()
    expect(view(page)).to_be_visible()
    return page


def view(page: Page) -> Locator:
    return page.get_by_role("dialog")


def opened(page: Page, place: int = 0) -> Locator:
    tile(page, place).locator("a").click()
    expect(view(page)).to_be_visible()
    return view(page)


def fact(page: Page, name: str) -> Locator:
    return view(page).locator(f'dt:text-is("{name}") + dd')


def test_all_that_is_known_is_told(known: Page) -> None:
    expect(view(known)).to_have_accessible_name(CAPTION)
    expect(fact(known, "Camera")).to_have_text(CAMERA)
    expect(fact(known, "Taken")).to_have_text(re.compile(r"July 14, 2023, 18:30"))
    expect(fact(known, "Place")).to_have_text("48.85822° N, 2.29450° E")
    expect(fact(known, "Size")).to_have_text(re.compile(r"^640 . 400, JPEG, "))
    expect(fact(known, "File")).to_contain_text("photo-00.jpg")


def test_the_picture_is_there_at_full_size(known: Page) -> None:
    image = view(known).locator("img.whole")
    assert image.evaluate("it => it.decode().then(() => it.naturalWidth)") == 640
    box = image.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(640 / 400, rel=0.01)


def test_copies_and_neighbours_are_told_apart(known: Page) -> None:
    same = view(known).locator("section", has_text="Nearly the same")
    expect(same.get_by_role("link")).to_have_count(1)
    expect(same.get_by_role("link")).to_have_attribute("title", re.compile("photo-00.jpg"))
    near = view(known).locator("section", has_text="Close to it")
    assert near.get_by_role("link").count() > 5


def test_a_neighbour_is_opened_and_back_leads_to_where_it_was_opened(known: Page) -> None:
    first = hash_value(known.url, "open")
    view(known).locator("section", has_text="Close to it").get_by_role("link").first.click()
    expect(known).not_to_have_url(re.compile(first))
    known.go_back()
    expect(view(known)).to_have_accessible_name(CAPTION)
    known.go_back()
    expect(view(known)).to_have_count(0)


def test_closing_leads_back_past_all_that_was_opened(known: Page) -> None:
    view(known).locator("section", has_text="Close to it").get_by_role("link").first.click()
    expect(view(known)).not_to_have_accessible_name(CAPTION)
    view(known).get_by_role("button", name="Close").click()
    expect(view(known)).to_have_count(0)
    expect(known).not_to_have_url(re.compile("open="))


def test_arrows_and_buttons_turn_to_the_next_picture(page: Page) -> None:
    ask(page, "a red house")
    found = ids(page)
    opened(page)
    expect(view(page).get_by_role("button", name="Previous picture")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(f"open={found[1]}"))
    shows(page, found[1])
    view(page).get_by_role("button", name="Next picture").click()
    expect(page).to_have_url(re.compile(f"open={found[2]}"))
    shows(page, found[2])
    page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile(f"open={found[1]}"))
    page.keyboard.press("Escape")
    expect(view(page)).to_have_count(0)
    has_focus(page, 1)


def test_arrows_turn_again_and_again(page: Page) -> None:
    ask(page, "a red house")
    found = ids(page)
    opened(page)
    for item in (found[1], found[2], found[3]):
        page.keyboard.press("ArrowRight")
        shows(page, item)
    for item in (found[2], found[1], found[0]):
        page.keyboard.press("ArrowLeft")
        shows(page, item)


def shows(page: Page, item: str) -> None:
    """Waits until the view is this picture's, buttons and all: they are made anew for each."""
    expect(view(page).locator("img.whole")).to_have_attribute("src", re.compile(item))


# the head of an item's answer has come, its body never does: until it is given up
HELD = """
const given = window.fetch;
window.fetch = async (address, options) => {
  const answer = await given(address, options);
  if (/images.[0-9a-f]{32}$/.test(address)) {
    answer.json = () => new Promise((_, giveUp) =>
      options.signal.addEventListener("abort", () => giveUp(options.signal.reason)));
    document.documentElement.dataset.held = "";
  }
  return answer;
};
"installed";
"""


def test_a_picture_that_was_closed_before_it_came_stays_closed(page: Page) -> None:
    ask(page, "a red house")
    opened(page)
    page.evaluate(HELD)
    page.keyboard.press("ArrowRight")
    expect(page.locator("html")).to_have_attribute("data-held", "")
    page.keyboard.press("Escape")
    expect(view(page)).to_have_count(0)
    page.evaluate("new Promise(requestAnimationFrame)")
    assert view(page).count() == 0


def test_an_address_opens_the_picture(visitor: Visitor) -> None:
    page = visitor.open()
    ask(page, "a red house")
    opened(page)
    other = visitor.open(page.url.removeprefix(visitor.address))
    expect(view(other)).to_be_visible()
    view(other).get_by_role("button", name="Close").click()
    expect(view(other)).to_have_count(0)
    answered(other)


def test_a_picture_that_is_not_there_is_said_not_to_be(visitor: Visitor) -> None:
    visitor.forgive("404")
    page = visitor.open(f"/#open={'0' * 32}")
    expect(view(page).get_by_role("alert")).to_contain_text(re.compile("0000"))
    page.keyboard.press("Escape")
    expect(view(page)).to_have_count(0)


def test_all_deeds_can_be_done_from_the_full_view(page: Page) -> None:
    ask(page, "a red house")
    first = ids(page)[0]
    opened(page).get_by_role("button", name="More like this", exact=True).click()
    expect(page).to_have_url(re.compile(f"image={first}"))
    expect(view(page)).to_have_count(0)
    page.go_back()
    expect(view(page)).to_be_visible()
    view(page).get_by_role("button", name="Not this").click()
    expect(view(page)).to_have_count(0)
    expect(tokens(page)).to_have_count(1)
    page.go_back()
    view(page).get_by_role("button", name="More like this, but…").click()
    expect(view(page)).to_have_count(0)
    page.keyboard.type("at night")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"text=at\\+night&image={first}"))


def test_a_view_has_no_answer_to_why_where_nothing_was_said(page: Page) -> None:
    answered(page)
    expect(opened(page).get_by_role("button", name="Why this one?")).to_have_count(0)


def test_why_this_one_is_answered_by_a_map_of_the_words(page: Page) -> None:
    ask(page, "a red house")
    why = opened(page).get_by_role("button", name="Why this one?")
    with page.expect_response("**/heatmap?*") as told:
        why.click()
    assert told.value.headers["content-type"] == "image/png"
    heat = page.get_by_role("img", name="Where “a red house” is seen")
    picture = view(page).locator("img.whole")
    eventually(
        page,
        lambda: (heat.bounding_box(), picture.bounding_box()),
        lambda boxes: boxes[0] == boxes[1],
    )
    why.press("Enter")
    expect(heat).to_have_count(0)
    expect(why).to_have_attribute("aria-pressed", "false")


def test_a_model_without_maps_says_so(visitor: Visitor) -> None:
    visitor.forgive("status of 409")
    page = visitor.open()
    problem = {"status": 409, "code": "no_heatmap", "detail": "this model gives no heat maps"}
    page.route("**/heatmap?*", lambda route: route.fulfill(status=409, json=problem))
    ask(page, "a red house")
    why = opened(page).get_by_role("button", name="Why this one?")
    why.click()
    expect(view(page).get_by_text("This model cannot say")).to_be_visible()
    expect(why).to_have_attribute("aria-pressed", "false")

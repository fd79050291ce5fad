"""Several steps in turn: undone, branched, and shared."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.browser import Visitor
from tests.page.doing import answered, ask, bar, eventually, tile

pytestmark = pytest.mark.slow

# all that the button says from now on: that the link is copied stands there for a moment only
HEAR = """() => {
  const label = document.querySelector("#share span");
  window.heard = [];
  new MutationObserver(() => heard.push(label.textContent)).observe(label, { childList: true });
}"""


def steps(page: Page) -> Locator:
    return page.get_by_role("navigation", name="Steps").locator("ol > li > .step")


def like_the_first(page: Page) -> None:
    tile(page).locator("a").focus()
    page.keyboard.press("m")
    expect(page).to_have_url(re.compile("image="))
    answered(page)


def walk(page: Page) -> None:
    """A text, a picture that it found, and what should change about it."""
    ask(page, "a red house")
    like_the_first(page)
    ask(page, "at night")
    expect(steps(page)).to_have_count(3)


def test_steps_are_shown_as_what_they_are(page: Page) -> None:
    walk(page)
    expect(steps(page)).to_have_text(["a red house", "", "+at night"])
    expect(steps(page).nth(2)).to_have_attribute("aria-current", "step")
    expect(steps(page).nth(2)).to_have_accessible_name("this picture at night")


def test_a_step_is_undone_by_key_and_by_pointer(page: Page) -> None:
    walk(page)
    page.keyboard.press("Escape")  # from the bar to the pictures
    page.keyboard.press("Control+z")
    expect(steps(page).nth(1)).to_have_attribute("aria-current", "step")
    page.get_by_role("button", name="Undo the last step").click()
    expect(bar(page)).to_have_value("a red house")
    expect(steps(page)).to_have_count(3)  # what was undone can be gone to again
    expect(page.get_by_role("button", name="Undo the last step")).to_be_disabled()


def test_a_trail_branches_where_one_goes_on_differently(page: Page) -> None:
    walk(page)
    steps(page).nth(1).click()
    answered(page)
    ask(page, "in winter")
    expect(steps(page)).to_have_text(["a red house", "", "+in winter"])
    page.get_by_role("button", name="One other way from here").click()
    way = page.get_by_role("list", name="One other way from here").get_by_role("button")
    expect(way).to_have_text("+at night")
    way.click()
    expect(steps(page)).to_have_text(["a red house", "", "+at night"])


def test_the_same_step_twice_is_no_new_branch(page: Page) -> None:
    walk(page)
    steps(page).nth(1).click()
    answered(page)
    ask(page, "at night")
    expect(steps(page)).to_have_count(3)
    expect(page.get_by_role("button", name=re.compile("way from here"))).to_have_count(0)


def test_a_trail_is_shared_by_its_address(visitor: Visitor) -> None:
    page = visitor.open(permissions=["clipboard-read", "clipboard-write"])
    walk(page)
    page.evaluate(HEAR)
    page.get_by_role("button", name="Share").click()
    eventually(page, lambda: page.evaluate("() => heard"), lambda heard: "Link copied" in heard)
    address = page.evaluate("() => navigator.clipboard.readText()")
    other = visitor.open(address.removeprefix(visitor.address))
    answered(other)
    expect(steps(other)).to_have_text(["a red house", "", "+at night"])
    steps(other).nth(0).click()
    expect(bar(other)).to_have_value("a red house")


def test_back_leads_through_the_steps(page: Page) -> None:
    walk(page)
    page.go_back()
    expect(steps(page).nth(1)).to_have_attribute("aria-current", "step")
    page.go_forward()
    expect(steps(page).nth(2)).to_have_attribute("aria-current", "step")

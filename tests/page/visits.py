"""The states that the page can be in, and how a visitor comes to each."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from tests.page.doing import answered, ask, tile, tokens

State = Callable[[Page], None]


def first_visit(page: Page) -> None:
    answered(page)


def results(page: Page) -> None:
    ask(page, "a red house")
    page.get_by_role("button", name="Scores").click()
    tile(page).locator("a").focus()


def composed(page: Page) -> None:
    ask(page, "a red house")
    tile(page).locator("a").focus()
    page.keyboard.press("m")
    expect(tokens(page)).to_have_count(1)
    ask(page, "at night -trees")
    tile(page, 1).locator("a").focus()
    page.keyboard.press("x")
    expect(tokens(page)).to_have_count(4)
    answered(page)


def filters(page: Page) -> None:
    ask(page, "a red house")
    page.get_by_role("button", name="Filters").click()
    expect(page.get_by_role("group", name="Tags", exact=True)).to_be_visible()
    expect(page.locator(".filters-status")).to_contain_text("fit")


def detail(page: Page) -> None:
    ask(page, "a red house")
    tile(page).locator("a").click()
    expect(page.get_by_role("dialog").get_by_text("Close to it")).to_be_visible()


def heat(page: Page) -> None:
    detail(page)
    page.get_by_role("button", name="Why this one?").click()
    expect(page.get_by_role("img", name="Where “a red house” is seen")).to_be_visible()


def crop(page: Page) -> None:
    detail(page)
    page.get_by_role("button", name="Choose a part").click()
    expect(page.get_by_role("group", name=re.compile("Chosen part"))).to_be_visible()


def part(page: Page) -> None:
    ask(page, "a red house")
    tile(page).locator("a").focus()
    page.keyboard.press("m")
    page.get_by_role("button", name="This picture. Choose a part of it").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def keys(page: Page) -> None:
    answered(page)
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def sketch(page: Page) -> None:
    page.get_by_role("button", name="Draw a picture").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def collection_map(page: Page) -> None:
    page.get_by_role("button", name="Map").click()
    expect(page.locator("#map :is(button, canvas)").first).to_be_visible()
    expect(page.locator(".map-told")).to_have_text(re.compile("pictures$"))
    page.wait_for_load_state("networkidle")


def adding(page: Page) -> None:
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.locator("#adding").get_by_role("heading").first).to_be_visible()


def refused(page: Page, status: int, code: str) -> None:
    def refuse(route: Route) -> None:
        content = {"status": status, "code": code, "detail": "not just now", "request_id": "r1"}
        route.fulfill(status=status, json=content, headers={"Retry-After": "30"})

    page.route("**/v1/search", refuse)
    page.get_by_role("textbox").first.fill("a red house")
    page.keyboard.press("Enter")
    expect(page.locator("#state").get_by_role("heading")).to_be_visible()


def overloaded(page: Page) -> None:
    refused(page, 503, "overloaded")


def mismatch(page: Page) -> None:
    refused(page, 503, "space_mismatch")


def failed(page: Page) -> None:
    refused(page, 500, "internal_error")


def starting(page: Page) -> None:
    refused(page, 503, "not_ready")


def nothing_found(page: Page) -> None:
    page.goto('/#text=red&filter={"field":"bytes","lt":1}')
    expect(page.locator("#state").get_by_role("heading")).to_be_visible()


def too_low(page: Page) -> None:
    page.goto("/#text=red&min-score=0.99")
    expect(page.locator(".state-strip img").first).to_be_visible()


STATES: list[State] = [
    *(first_visit, results, composed, filters, detail, heat, crop, part, keys, sketch),
    *(collection_map, adding, overloaded, mismatch, failed, starting, nothing_found, too_low),
]

# those that look different enough to be shown
SHOWN: list[State] = [
    *(first_visit, results, composed, filters, detail, heat, crop, sketch, collection_map, adding),
    *(overloaded, mismatch, nothing_found),
]

"""Answers that go wrong, and what the page shows of them."""

import json
from urllib.parse import quote

from playwright.sync_api import Locator, Page, Route, expect

from tests.page.album import PHOTOS
from tests.page.doing import body_of

SEARCH = "**/v1/search"
PROBLEM = "application/problem+json"
CARD = ".state-card"


class Troubled:
    """Answers the page's searches with problems, as long as there are any left."""

    def __init__(self, page: Page, *problems: tuple[int, str, str, str | None]) -> None:
        self.left = list(problems)
        self.texts: list[str] = []  # that were asked for
        page.route(SEARCH, self._answer)

    def _answer(self, route: Route) -> None:
        self.texts.append(body_of(route.request)["text"])
        if not self.left:
            return route.fallback()
        status, code, detail, retry = self.left.pop(0)
        headers = {"Content-Type": PROBLEM} | ({"Retry-After": retry} if retry else {})
        content = {"status": status, "code": code, "detail": detail, "request_id": "4f1c"}
        return route.fulfill(status=status, headers=headers, body=json.dumps(content))


def visit(page: Page, text: str = "water", filters: object = None) -> None:
    hash_ = f"text={quote(text)}" + (f"&filter={quote(json.dumps(filters))}" if filters else "")
    page.evaluate("hash => { location.hash = hash }", hash_)


def card(page: Page) -> Locator:
    return page.locator(CARD)


def finds(page: Page, count: int = len(PHOTOS)) -> None:
    expect(page.locator("#hits:not([aria-busy]) .tile")).to_have_count(count)
    expect(card(page)).to_have_count(0)

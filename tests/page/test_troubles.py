"""What the page says and does when a server does not answer, not yet, or not as it should."""

import itertools
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.album import serving
from tests.page.browser import Visitor
from tests.page.doing import eventually
from tests.page.troubles import SEARCH, Troubled, card, finds, visit

pytestmark = pytest.mark.slow


@pytest.fixture
def address(album_address: str) -> str:
    return album_address


def test_a_slow_answer_is_waited_for_or_not(visitor: Visitor) -> None:
    page = visitor.open()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(SEARCH, hold)
    visit(page)
    expect(card(page)).to_contain_text("Still looking")
    held.pop().fallback()
    finds(page)
    visit(page, "street")
    expect(card(page)).to_contain_text("Still looking")
    page.get_by_role("button", name="Stop waiting").click()
    expect(card(page)).to_have_count(0)


def test_without_a_connection_it_goes_on_once_there_is_one(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("ERR_INTERNET_DISCONNECTED")
    expect(page.locator(".welcome-page h1")).to_be_visible()
    page.context.set_offline(True)
    visit(page)
    expect(card(page)).to_contain_text("You are offline")
    page.context.set_offline(False)
    finds(page)


def test_a_server_that_does_not_answer_is_asked_now_and_then(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("ERR_FAILED")
    down = [True]
    page.route("**/*", lambda route: route.abort() if down else route.fallback())
    visit(page)
    expect(card(page)).to_contain_text("The server does not answer")
    down.clear()
    finds(page)  # by itself


def test_an_overloaded_server_is_asked_again_when_it_says(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("503")
    busy = (503, "overloaded", "as many requests wait as may", "2")
    troubled = Troubled(page, *[busy] * 30)  # as many as it takes to see what is said of it
    visit(page)
    said = re.compile(r"Many are searching just now.*^[12]$", re.DOTALL | re.MULTILINE)
    eventually(page, lambda: " ".join(card(page).all_inner_texts()), said.search)
    troubled.left = troubled.left[-1:]
    before = len(troubled.texts)
    finds(page)
    assert len(troubled.texts) == before + 2


def test_waiting_can_be_cut_short(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("503")
    Troubled(page, (503, "overloaded", "as many requests wait as may", "60"))
    visit(page)
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^\d\d$"))
    page.get_by_role("button", name="Try now").focus()
    page.keyboard.press("Enter")
    finds(page)


def test_another_question_ends_the_waiting_of_the_one_before(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("503")
    troubled = Troubled(page, *[(503, "overloaded", "as many requests wait as may", "2")] * 30)
    visit(page)
    expect(page.get_by_role("timer")).to_be_visible()
    troubled.left.clear()
    visit(page, "street")
    finds(page)
    with pytest.raises(AssertionError):
        expect(page.locator("#hits[aria-busy]")).to_have_count(1, timeout=3_000)
    assert troubled.texts[0] == "water"
    assert [text for text in troubled.texts if text != "water"] == troubled.texts[-1:] == ["street"]


def test_a_server_that_counts_requests_is_minded(
    browser: Browser, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real one, which takes thirty a minute."""
    monkeypatch.setenv("PICTOR_REQUESTS_PER_MINUTE", "30")
    with serving(album) as server:
        visitor = Visitor(browser, server.address)
        visitor.forgive("429")
        page = visitor.open()
        expect(page.locator(".welcome-page h1")).to_be_visible()
        numbers = itertools.count()
        said = "A little too fast"
        eventually(page, lambda: told_at_once(page, next(numbers)), lambda told: said in told)
        finds(page)  # by itself
        visitor.leave()


def test_a_server_that_gets_ready_is_waited_for(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("503")
    told: list[bool] = []
    answers: list[int] = []

    def ready(route: Route) -> None:
        answers.append(200 if told and answers else 503)
        route.fulfill(status=answers[-1], body="{}")

    page.route("**/readyz", ready)
    Troubled(page, (503, "not_ready", "not ready: texts", "1"))
    visit(page)
    expect(card(page)).to_contain_text("Not ready just now")
    expect(card(page)).to_contain_text("Not ready: texts")
    told.append(True)
    finds(page)


def test_another_models_collection_is_explained(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("503")
    Troubled(page, (503, "space_mismatch", "the collection is of another model", "1"))
    visit(page)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("model does not fit the collection")
    expect(alert).to_contain_text("The collection is of another model")
    page.get_by_role("button", name="Try again").click()
    finds(page)


def test_a_failure_says_what_and_where_to_look(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("500")
    Troubled(page, (500, "internal_error", "the server failed; its log says why", None))
    visit(page)
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Something went wrong")
    expect(alert).to_contain_text("4f1c")
    page.get_by_role("button", name="Try again").focus()
    page.keyboard.press("Enter")
    finds(page)


def told_at_once(page: Page, number: int) -> str:
    """What stands there once something new is answered or refused; it may be gone soon after."""
    visit(page, f"water {number}")
    expect(page.locator("#hits:not([aria-busy])")).to_be_attached()
    return " ".join(card(page).all_inner_texts())


@contextmanager
def crowd(address: str) -> Iterator[None]:
    """Others who ask without pause, each for something new."""
    over = threading.Event()

    def go_on_asking(name: int) -> None:
        for number in itertools.count():
            if over.is_set():
                return
            body = json.dumps({"text": f"{name} {number}"}).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{address}/v1/search", body, headers)
            try:
                urllib.request.urlopen(request).close()
            except urllib.error.HTTPError as refused:  # 503, mostly
                refused.close()

    with ThreadPoolExecutor(8) as pool:
        asking = [pool.submit(go_on_asking, name) for name in range(8)]
        try:
            yield
        finally:
            over.set()
    for each in asking:
        each.result()


def test_a_server_that_is_really_overloaded_is_asked_again(
    browser: Browser, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request may wait beside the one that runs."""
    monkeypatch.setenv("PICTOR_MAX_QUEUE", "1")
    with serving(album) as server:
        visitor = Visitor(browser, server.address)
        visitor.forgive("503")
        page = visitor.open()
        expect(page.locator(".welcome-page h1")).to_be_visible()
        with crowd(server.address):
            numbers = itertools.count()  # one may be let in by chance
            said = "Many are searching just now"
            eventually(page, lambda: told_at_once(page, next(numbers)), lambda told: said in told)
        finds(page)  # by itself
        visitor.leave()

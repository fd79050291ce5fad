"""What is shown in place of pictures: the welcome, nothing found, and what may be the matter."""

import itertools
import json
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.page.album import CANON, PHOTOS, PICTOR, serving
from tests.page.browser import Visitor
from tests.page.doing import ask, becomes, body_of, eventually
from tests.service.started import REPOSITORY

pytestmark = pytest.mark.slow

SEARCH = "**/v1/search"
PROBLEM = "application/problem+json"
CARD = ".state-card"


@pytest.fixture
def visitor(browser: Browser, album_address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, album_address)
    yield visitor
    visitor.leave()


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


def test_the_first_visit_offers_what_this_collection_answers(visitor: Visitor) -> None:
    page = visitor.open()
    expect(page.locator(".welcome-page h1")).to_be_visible()
    expect(page.locator(".welcome-lead")).to_contain_text("Among 7 pictures.")
    texts = page.locator(".welcome-text").all_inner_texts()
    assert texts
    assert set(texts) <= {photo.caption for photo in PHOTOS}
    page.get_by_role("button", name=texts[0], exact=True).click()
    expect(page).to_have_url(re.compile("text="))
    finds(page)
    page.go_back()
    page.locator(".welcome-picture").first.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("image=[0-9a-f]{32}"))
    finds(page, len(PHOTOS) - 1)  # all but itself


def test_where_nothing_is_said_of_the_pictures_common_words_are_tried(
    browser: Browser, demo: Path, tmp_path: Path
) -> None:
    """Of some of the sample pictures, without what is said beside them."""
    (tmp_path / "pictures").mkdir()
    for picture in sorted((demo.parent / "pictures").glob("*.png"))[:40]:
        shutil.copy(picture, tmp_path / "pictures")
    command = [*PICTOR, "index", str(tmp_path / "pictures"), "--out", str(tmp_path / "c")]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    with serving(tmp_path / "c") as server:
        visitor = Visitor(browser, server.address)
        page = visitor.open()

        def welcomed() -> int:
            expect(page.locator(".welcome-page h1")).to_be_visible()
            count = page.locator(".welcome-text").count()
            if not count:  # the server was slow and not waited for: another visit finds it warm
                page.reload()
            return count

        becomes(page, welcomed, 5)
        expect(page.locator(".welcome-picture")).to_have_count(16)
        page.locator(".welcome-text").first.click()
        expect(page.locator("#hits:not([aria-busy]) .tile").first).to_be_visible()
        visitor.leave()


def test_the_sample_collection_tells_what_it_shows_and_is_filtered_by_it(
    browser: Browser, address: str
) -> None:
    visitor = Visitor(browser, address)
    page = visitor.open()
    expect(page.locator(".welcome-text")).to_have_count(5)
    page.get_by_role("button", name="Filters").click()
    tags = page.get_by_role("group", name="Tags", exact=True)
    tags.get_by_role("button", name=re.compile("more$")).click()
    tags.get_by_role("searchbox").fill("balloon")
    tags.get_by_label("balloon").click()
    expect(tags.get_by_label("balloon")).to_be_checked()
    expect(page.locator(".filters-label")).to_have_text(["balloon"])
    expect(page.locator("#hits:not([aria-busy]) .tile").first).to_be_visible()
    names = page.locator("#hits .tile img").evaluate_all("all => all.map((each) => each.alt)")
    assert names and not any(name.endswith(".png") for name in names)
    visitor.leave()


def test_an_example_of_a_change_is_a_picture_and_a_tag(visitor: Visitor) -> None:
    page = visitor.open()
    change = page.locator(".welcome-change").first
    expect(change).to_have_text("+with street")
    change.click()
    expect(page).to_have_url(re.compile("text=with\\+street.*image=|image=.*text=with\\+street"))
    finds(page, len(PHOTOS) - 1)


def test_an_empty_collection_asks_for_pictures(browser: Browser, tmp_path: Path) -> None:
    collection = tmp_path / "empty"
    command = [*PICTOR, "index", "--out", str(collection)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    with serving(collection) as server:
        visitor = Visitor(browser, server.address)
        page = visitor.open()
        expect(page.locator(".welcome-page h1")).to_have_text("A place for your pictures.")
        page.get_by_role("button", name="Add pictures").first.click()
        expect(page.get_by_label("Choose pictures")).to_be_focused()
        visitor.leave()


def test_nothing_found_shows_what_is_nearest(visitor: Visitor) -> None:
    page = visitor.open()
    lisbon = {"field": "path", "prefix": "lisbon/"}
    visit(page, filters={"and": [lisbon, {"field": "tags", "eq": "water"}]})
    expect(card(page)).to_contain_text("No picture fits all of this")
    expect(page.locator(".state-offers button")).to_have_text(
        [
            "Without Folder: lisbon/3 pictures",
            "Without Tag: water3 pictures",
            "Without any filter7 pictures",
        ]
    )
    expect(page.locator(".state-strip img")).to_have_count(3)
    page.get_by_role("button", name="Without Tag: water").focus()
    page.keyboard.press("Enter")
    finds(page, 3)
    expect(page.locator(".filters-label")).to_have_text(["lisbon/"])
    page.go_back()
    page.get_by_role("button", name="Show the nearest pictures").click()
    finds(page, 3)


def test_what_leads_nowhere_is_not_offered(visitor: Visitor) -> None:
    page = visitor.open()
    nowhere = {"field": "path", "prefix": "nowhere/"}
    visit(page, filters={"and": [nowhere, {"field": "camera", "eq": CANON}]})
    expect(page.locator(".state-offers button")).to_have_text(
        ["Without Folder: nowhere/3 pictures", "Without any filter7 pictures"]
    )


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


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
@pytest.mark.parametrize("width", [320, 390, 1920])
def test_no_state_is_wider_than_the_screen(visitor: Visitor, width: int, direction: str) -> None:
    page = visitor.open(viewport={"width": width, "height": 800})
    visitor.forgive("50[03]")
    page.evaluate("direction => { document.documentElement.dir = direction }", direction)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    expect(page.locator(".welcome-page h1")).to_be_visible()
    assert page.evaluate(fits)
    for code in ("overloaded", "space_mismatch", "internal_error"):
        status = 500 if code == "internal_error" else 503
        Troubled(page, (status, code, "because " * 40 + "w" * 300, "60"))
        visit(page, code)
        expect(card(page)).to_be_visible()
        assert page.evaluate(fits), code
        page.unroute(SEARCH)


def test_nothing_moves_for_those_who_want_less_motion(visitor: Visitor) -> None:
    page = visitor.open(reduced_motion="reduce")
    page.route(SEARCH, lambda route: None)
    visit(page)
    expect(card(page)).to_contain_text("Still looking")
    moving = "document.getAnimations().filter((it) => it.playState === 'running').length"
    becomes(page, lambda: page.evaluate(moving), 0)


def test_states_are_read_out(visitor: Visitor) -> None:
    page = visitor.open()
    ask(page, "water")
    visit(page, filters={"field": "camera", "eq": "none"})
    said = page.locator("body > [role=status]")
    expect(said).to_contain_text("No picture fits all of this")


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

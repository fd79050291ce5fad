"""What is shown in place of pictures: the welcome, and nothing found."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.page.album import CANON, PHOTOS, PICTOR, serving
from tests.page.browser import Visitor
from tests.page.doing import ask, becomes
from tests.page.troubles import SEARCH, Troubled, card, finds, visit
from tests.service.started import REPOSITORY

pytestmark = pytest.mark.slow


@pytest.fixture
def address(album_address: str) -> str:
    return album_address


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
    browser: Browser, demo_address: str
) -> None:
    visitor = Visitor(browser, demo_address)
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

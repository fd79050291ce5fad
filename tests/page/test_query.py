"""One bar for three kinds of query; the address holds all of it."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from index.items import item_id
from tests.page.browser import Visitor
from tests.page.doing import (
    answered,
    ask,
    bar,
    body_of,
    give,
    ids,
    shows_picture,
    tile,
    tokens,
)

MINUS = "\N{MINUS SIGN}"
DROP_WORDS = """() => {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File(["words"], "words.txt", { type: "text/plain" }));
  const given = { bubbles: true, cancelable: true, dataTransfer };
  document.body.dispatchEvent(new DragEvent("drop", given));
}"""


DRAG_HERE = """(link) => {
  const dataTransfer = new DataTransfer();
  dataTransfer.setData("text/uri-list", link.href);
  const given = { bubbles: true, cancelable: true, dataTransfer };
  document.querySelector("#search").dispatchEvent(new DragEvent("drop", given));
}"""


@pytest.fixture(scope="session")
def picture(demo: Path) -> Path:
    """One of the sample pictures, as a file of the visitor's own."""
    return min((demo.parent / "pictures").glob("*.png"))


def test_words_find_pictures(page: Page) -> None:
    answered(page)
    ask(page, "a red house")
    expect(page).to_have_url(re.compile(r"#text=a\+red\+house$"))
    expect(page.get_by_role("status").first).to_contain_text("by text")
    expect(page).to_have_title(re.compile("a red house"))


def test_words_are_asked_for_by_pointer_too(page: Page) -> None:
    bar(page).click()
    bar(page).fill("a red house")
    page.get_by_role("button", name="Search", exact=True).click()
    answered(page)
    expect(page).to_have_url(re.compile("text=a"))


@pytest.mark.parametrize("by", ["paste", "drop"])
def test_a_picture_can_be_given(page: Page, picture: Path, by: str) -> None:
    answered(page)
    give(page, picture, by=by)
    shows_picture(page)
    expect(tokens(page)).to_have_count(1)
    expect(page.get_by_role("status").first).to_contain_text("like this picture")


@pytest.mark.parametrize("name", ["Choose a picture to search by", "Photograph what to look for"])
def test_a_picture_can_be_chosen(page: Page, picture: Path, name: str) -> None:
    page.get_by_label(name).set_input_files(picture)
    shows_picture(page)


def test_a_photograph_is_taken_by_the_camera_that_looks_outwards(page: Page) -> None:
    shot = page.get_by_label("Photograph what to look for")
    assert shot.get_attribute("capture") == "environment"


def test_the_picture_that_was_given_finds_itself(page: Page, picture: Path) -> None:
    give(page, picture, by="paste")
    shows_picture(page)
    assert ids(page, 1) == [item_id(picture.read_bytes())]


def test_a_picture_that_was_found_is_dragged_into_the_bar(page: Page) -> None:
    answered(page)
    (first,) = ids(page, 1)
    tile(page).locator("a").evaluate(DRAG_HERE)
    expect(page).to_have_url(re.compile(f"#image={first}"))
    expect(tokens(page)).to_have_count(1)


def test_what_is_no_picture_is_said_to_be_none(page: Page, tmp_path: Path) -> None:
    answered(page)
    page.evaluate(DROP_WORDS)
    expect(page.get_by_role("status").first).to_have_text("That is not a picture.")


def test_a_picture_and_words_are_shown_as_what_they_are(page: Page, picture: Path) -> None:
    give(page, picture, by="paste")
    shows_picture(page)
    ask(page, "at night")
    expect(tokens(page)).to_have_count(2)
    expect(tokens(page).nth(1)).to_have_text("+at night")
    expect(page.get_by_role("status").first).to_contain_text("by picture and text")
    expect(bar(page)).to_have_value("")


def test_a_second_instruction_follows_the_first(page: Page, picture: Path) -> None:
    give(page, picture, by="paste")
    shows_picture(page)
    ask(page, "at night")
    ask(page, "in winter")
    expect(tokens(page)).to_have_text(["", "+at night", "+in winter"])
    expect(page).to_have_url(re.compile(r"text=at\+night&text=in\+winter"))


def test_an_instruction_is_taken_back_to_be_said_differently(page: Page, picture: Path) -> None:
    give(page, picture, by="paste")
    shows_picture(page)
    ask(page, "at night")
    bar(page).press("Backspace")
    expect(bar(page)).to_have_value("at night")
    ask(page, "at sunset")
    expect(tokens(page)).to_have_text(["", "+at sunset"])


def test_each_part_can_be_removed(page: Page, picture: Path) -> None:
    give(page, picture, by="paste")
    shows_picture(page)
    ask(page, "at night")
    page.get_by_role("button", name="Remove “at night”").click()
    expect(tokens(page)).to_have_count(1)
    page.get_by_role("button", name="Remove the picture").click()
    expect(page).to_have_url(re.compile("#$"))
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_a_word_after_a_minus_sign_is_kept_away(page: Page) -> None:
    answered(page)  # the welcome has asked what it needs
    with page.expect_request("**/v1/search") as sent:
        ask(page, 'a house -trees -"blue sky"')
    body = body_of(sent.value)
    assert body["text"] == "a house"
    assert body["exclude"] == [{"text": "trees"}, {"text": "blue sky"}]
    expect(tokens(page)).to_have_text([f"{MINUS}trees", f"{MINUS}blue sky"])


def test_back_and_forward_go_through_what_was_asked(page: Page) -> None:
    ask(page, "a red house")
    red = ids(page)
    ask(page, "a blue cat")
    blue = ids(page)
    page.go_back()
    expect(bar(page)).to_have_value("a red house")
    answered(page)
    assert ids(page) == red
    page.go_forward()
    expect(bar(page)).to_have_value("a blue cat")
    answered(page)
    assert ids(page) == blue
    page.go_back()
    page.go_back()
    expect(bar(page)).to_have_value("")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_an_address_leads_another_visitor_to_the_same(visitor: Visitor, picture: Path) -> None:
    page = visitor.open()
    give(page, picture, by="paste")
    shows_picture(page)
    ask(page, "at night -trees")
    other = visitor.open(page.url.removeprefix(visitor.address))
    answered(other)
    assert ids(other) == ids(page)
    expect(tokens(other)).to_have_text(["", "+at night", f"{MINUS}trees"])
    assert (
        tokens(other).locator("img").evaluate("it => it.decode().then(() => it.naturalWidth)") > 0
    )


def test_the_name_leads_back_to_the_beginning(page: Page) -> None:
    ask(page, "a red house")
    page.get_by_role("link", name="Pictor, start again").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(bar(page)).to_have_value("")
    page.go_back()
    expect(bar(page)).to_have_value("a red house")


def test_a_composer_can_be_chosen(page: Page) -> None:
    answered(page)
    tile(page).locator("a").focus()
    page.keyboard.press("m")
    expect(tokens(page)).to_have_count(1)
    ask(page, "at night")
    choice = page.get_by_label("Composed by")
    expect(choice).to_be_visible()
    with page.expect_request("**/v1/search") as sent:
        choice.select_option("slerp")
    assert body_of(sent.value)["composer"] == {"name": "slerp"}
    expect(page).to_have_url(re.compile("[#&]composer=slerp(&|$)"))


ROUND_TRIP = """async () => {
  const { makeQuery, paramsOf, queryOf } = await import("/static/query.js");
  const { read, written } = await import("/static/address.js");
  const { goOn, goTo, startTrail } = await import("/static/trail.js");
  const id = "0123456789abcdef".repeat(2);
  const query = makeQuery({
    texts: ["a & b=c#d", "ü %20 +"], picture: { id }, crop: [0.1, 0.25, 0.9, 1], composer: "sum",
    exclude: [{ text: "-x" }, { id }], filter: { and: [{ field: "path", prefix: "a/b&c" }] },
  });
  const words = makeQuery({ texts: ["only words"] });
  const trail = goOn(goTo(goOn(startTrail(words), query), 0), makeQuery({ texts: ["others"] }));
  const address = { trail, open: id };
  return [
    JSON.stringify(queryOf(paramsOf(query))) === JSON.stringify(query) && Object.isFrozen(query),
    JSON.stringify(read(written(address))) === JSON.stringify(address),
    trail.steps.map(({ parent }) => parent),
  ];
}"""


def test_queries_and_trails_come_back_from_their_address_as_they_were(page: Page) -> None:
    assert page.evaluate(ROUND_TRIP) == [True, True, [-1, 0, 0]]

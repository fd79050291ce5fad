"""Adding pictures: files and folders, a line for each, searchable at once; keys; busy servers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.page.album import PHOTOS, copy_of, make_key, serving
from tests.page.browser import Visitor
from tests.page.doing import bar

pytestmark = pytest.mark.slow

BROKEN = b"\xff\xd8\xff\xe0 no picture at all"
PROBLEM = "application/problem+json"

# entries as a browser gives them for a dropped folder: some at a time, then none
WALK = """async () => {
  const { filesOf } = await import("/static/adding-files.js");
  const file = (fullPath, type) => ({
    isDirectory: false, fullPath, name: fullPath.split("/").at(-1),
    file: (done) => done(new File(["x"], fullPath.split("/").at(-1), { type })),
  });
  const folder = (fullPath, batches) => ({
    isDirectory: true, fullPath, name: fullPath.split("/").at(-1),
    createReader() {
      const rest = [...batches, []];
      return { readEntries: (done) => done(rest.shift()) };
    },
  });
  const jpeg = (fullPath) => file(fullPath, "image/jpeg");
  const many = Array.from({ length: 100 }, (_, i) => jpeg(`/trip/sea/${100 + i}.jpg`));
  const sea = folder("/trip/sea", [many, [file("/trip/sea/last.png", "image/png")]]);
  const trip = folder("/trip", [
    [file("/trip/b.HEIC", ""), jpeg("/trip/.hidden.jpg"), file("/trip/notes.txt", "text/plain")],
    [sea, file("/trip/a.svg", "image/svg+xml")],
  ]);
  const [names, skipped] = [[], []];
  for await (const { name } of filesOf([trip], (name) => skipped.push(name))) names.push(name);
  return { names, skipped };
}"""
DROP = """() => {
  const transfer = new DataTransfer();
  for (const name of ["one.png", "two.png"]) {
    transfer.items.add(new File([name], name, { type: "image/png" }));
  }
  document.querySelector(".adding-sheet").dispatchEvent(
    new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def address(
    browser_file: str, album: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Of a server whose collection these tests may fill."""
    with serving(copy_of(album, tmp_path_factory.mktemp("adding"))) as server:
        yield server.address


def open_panel(page: Page) -> None:
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_label("Choose pictures")).to_be_focused()


def lines(page: Page) -> Locator:
    return page.get_by_role("list", name="Pictures that are added").locator("li")


def line(page: Page, name: str) -> Locator:
    return lines(page).filter(has_text=name)


def choose(page: Page, *files: Path) -> None:
    page.get_by_label("Choose pictures").set_input_files(list(files))


def painted(folder: Path, name: str, colour: tuple[int, int, int]) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), colour).save(file)
    return file


def finds_by_name(page: Page, name: str) -> None:
    """Searches among what was added under this name."""
    hash_ = f'text=a picture&filter={{"field":"path","prefix":"{name}"}}'
    page.evaluate("hash => { location.hash = hash }", hash_)
    expect(page.locator("#hits:not([aria-busy]) .tile")).to_have_count(1)


def test_each_file_has_a_line_that_says_what_became_of_it(
    visitor: Visitor, tmp_path: Path, album: Path
) -> None:
    page = visitor.open()
    visitor.forgive("422")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(BROKEN)
    known = album.parent / "pictures" / PHOTOS[0].path
    open_panel(page)
    choose(page, painted(tmp_path, "fresh.png", (3, 200, 90)), broken, known)
    expect(lines(page)).to_have_count(3)
    expect(line(page, "fresh.png").locator(".adding-state")).to_have_text("Added")
    expect(line(page, "fresh.png").locator("img")).to_be_visible()
    expect(line(page, known.name).locator(".adding-state")).to_have_text("Was here already")
    failed = line(page, "broken.jpg").locator(".adding-state")
    expect(failed).to_have_text(re.compile("picture|image|JPEG", re.IGNORECASE))
    expect(page.locator(".adding-row .adding-said")).to_have_text(
        "1 picture added · 1 already here · 1 not taken"
    )
    finds_by_name(page, "fresh.png")


def test_a_folder_is_added_with_its_folders(visitor: Visitor, tmp_path: Path) -> None:
    painted(tmp_path, "trip/beach/one.png", (200, 4, 91))
    painted(tmp_path, "trip/two.png", (201, 40, 92))
    (tmp_path / "trip" / "notes.txt").write_text("no picture")
    page = visitor.open()
    open_panel(page)
    page.get_by_label("Choose a folder").set_input_files(tmp_path / "trip")
    expect(line(page, "trip/beach/one.png").locator(".adding-state")).to_have_text("Added")
    expect(line(page, "trip/two.png").locator(".adding-state")).to_have_text("Added")
    said = page.locator(".adding-row .adding-said")
    expect(said).to_have_text("2 pictures added · 1 other file passed over")
    finds_by_name(page, "trip/beach/")


def test_a_dropped_folder_is_walked_to_its_ends(visitor: Visitor) -> None:
    walked = visitor.open().evaluate(WALK)
    assert walked["names"] == [
        "trip/b.HEIC",
        *(f"trip/sea/{100 + i}.jpg" for i in range(100)),
        "trip/sea/last.png",
    ]
    assert walked["skipped"] == ["trip/a.svg", "trip/notes.txt"]


def test_what_is_dropped_on_the_panel_is_added_not_searched_by(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("422")
    open_panel(page)
    before = page.url
    page.evaluate(DROP)
    expect(lines(page)).to_have_count(2)
    expect(page.locator(".adding-row .adding-said")).to_have_text("2 not taken")
    assert page.url == before


def test_several_files_dropped_anywhere_are_added(visitor: Visitor) -> None:
    page = visitor.open()
    visitor.forgive("422")
    expect(page.locator(".welcome-page h1")).to_be_visible()
    page.evaluate(DROP.replace(".adding-sheet", "main"))
    expect(lines(page)).to_have_count(2)
    expect(page.locator(".adding-row .adding-said")).to_have_text("2 not taken")


def test_counts_of_filters_follow(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open()
    page.get_by_role("button", name="Filters").click()
    said = page.locator(".filters-status")
    expect(said).to_contain_text("fit")
    before = said.inner_text()
    open_panel(page)
    choose(page, painted(tmp_path, "counted.png", (77, 7, 177)))
    expect(said).not_to_have_text(before)


def test_a_busy_server_is_asked_again_when_it_says(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open()
    visitor.forgive("503")
    waits = ["2", "1"]
    told: list[bool] = []

    def answer(route: Route) -> None:
        # busy for as long, too, as it takes to see what is said of it
        if route.request.method != "POST" or (told and not waits):
            return route.fallback()
        body = {"status": 503, "code": "collection_busy", "detail": "others are writing"}
        headers = {"Retry-After": waits.pop(0) if waits else "2", "Content-Type": PROBLEM}
        return route.fulfill(status=503, body=json.dumps(body), headers=headers)

    page.route("**/v1/images", answer)
    open_panel(page)
    choose(page, painted(tmp_path, "later.png", (90, 9, 250)))
    state = line(page, "later.png").locator(".adding-state")
    expect(state).to_have_text(re.compile(r"The server is busy; again in \d s"))
    told.append(True)
    expect(state).to_have_text("Added")
    assert not waits


def test_one_is_left_out_and_the_rest_go_on(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open()
    held: list[Route] = []

    def hold(route: Route) -> None:
        return route.fallback() if held else held.append(route)

    page.route("**/v1/images", hold)
    open_panel(page)
    choose(page, painted(tmp_path, "held.png", (1, 2, 3)), painted(tmp_path, "free.png", (9, 9, 3)))
    expect(line(page, "free.png").locator(".adding-state")).to_have_text("Added")
    leave = page.get_by_role("button", name="Leave out held.png")
    leave.focus()
    page.keyboard.press("Enter")
    expect(line(page, "held.png").locator(".adding-state")).to_have_text("Left out")
    said = page.locator(".adding-row .adding-said")
    expect(said).to_have_text("1 picture added · 1 left out")


def test_the_panel_is_used_with_keys_and_leaves_a_note_while_it_works(
    visitor: Visitor, tmp_path: Path
) -> None:
    page = visitor.open()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/images", hold)
    page.get_by_role("button", name="Add", exact=True).focus()
    page.keyboard.press("Enter")
    choose(page, painted(tmp_path, "slow.png", (7, 7, 70)))
    expect(lines(page)).to_have_count(1)
    page.keyboard.press("Escape")
    note = page.get_by_role("button", name="Adding 0 of 1")
    expect(note).to_be_focused()
    bar(page).fill("water")  # one goes on searching meanwhile
    page.keyboard.press("Enter")
    expect(page.locator("#hits:not([aria-busy]) .tile").first).to_be_visible()
    note.click()
    page.get_by_role("button", name="Stop").click()
    expect(line(page, "slow.png").locator(".adding-state")).to_have_text("Left out")


def test_a_full_disk_stops_all_and_says_so_once(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.open()
    visitor.forgive("507")
    refusals = [1]

    def answer(route: Route) -> None:
        if route.request.method != "POST" or not refusals:
            return route.fallback()
        body = {"status": 507, "code": "no_room", "detail": "the collection's disk is full"}
        return route.fulfill(status=507, body=json.dumps(body), content_type=PROBLEM)

    page.route("**/v1/images", answer)
    open_panel(page)
    choose(page, *(painted(tmp_path, f"full-{i}.png", (i, 70, 200 - i)) for i in range(5)))
    alert = page.locator(".adding-problem")
    expect(alert).to_contain_text("The collection's disk is full")
    expect(page.locator(".adding-row .adding-said")).to_have_text("0 of 5 pictures")
    refusals.clear()
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator(".adding-row .adding-said")).to_have_text("5 pictures added")
    expect(alert).not_to_be_visible()


def test_a_key_that_may_write_is_asked_for_and_kept_by_the_session_alone(
    browser: Browser, album: Path, tmp_path: Path
) -> None:
    collection = copy_of(album, tmp_path)
    reading = make_key(collection, "reader", "read")
    writing = make_key(collection, "writer", "read", "write")
    with serving(collection) as server:
        visitor = Visitor(browser, server.address)
        visitor.forgive("40[13]")
        page = visitor.open()
        show_key(page, reading)
        expect(page.locator(".welcome-page h1")).to_be_visible()
        open_panel(page)
        choose(page, painted(tmp_path, "mine.png", (250, 1, 1)))
        expect(page.locator("#key")).to_contain_text("may write")
        page.keyboard.press("Escape")
        expect(page.locator(".adding-problem")).to_contain_text("A key that may write is needed")
        page.locator(".adding-problem").get_by_role("button", name="Try again").click()
        show_key(page, writing)
        expect(line(page, "mine.png").locator(".adding-state")).to_have_text("Added")
        kept = page.evaluate(
            "() => JSON.stringify([localStorage, sessionStorage, document.cookie])"
        )
        assert kept == '[{},{},""]'
        visitor.leave()


def show_key(page: Page, key: str) -> None:
    expect(page.locator("#key")).to_be_visible()
    page.get_by_label("Your key").fill(key)
    page.keyboard.press("Enter")
    expect(page.locator("#key")).not_to_be_visible()

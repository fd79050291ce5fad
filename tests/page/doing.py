"""What visitors do again and again, and what they look at."""

import base64
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from playwright.sync_api import Locator, Page, Request, expect

from tests.page.browser import PATIENCE_MS

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}

PASTE = """([encoded, type]) => {
  const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], "picture.png", { type: "image/png" }));
  const given = type === "paste" ? { clipboardData: transfer } : { dataTransfer: transfer };
  const Kind = type === "paste" ? ClipboardEvent : DragEvent;
  const event = new Kind(type, { bubbles: true, cancelable: true, ...given });
  document.activeElement.dispatchEvent(event);
}"""


LOOK_AGAIN_MS = 50
Seen = TypeVar("Seen")


def eventually(
    page: Page, look: Callable[[], Seen], holds: Callable[[Seen], object] = bool
) -> Seen:
    """What `look` sees, once it holds: the page goes on meanwhile, however busy the machine is."""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not holds(seen := look()):
        assert time.monotonic() < end, f"last seen: {seen!r}"
        page.wait_for_timeout(LOOK_AGAIN_MS)
    return seen


def becomes(page: Page, look: Callable[[], object], value: object) -> None:
    """Waits until `look` sees just this."""
    eventually(page, look, lambda seen: seen == value)


def ask(page: Page, text: str) -> None:
    """Types into the bar and asks, with keys alone."""
    page.keyboard.press("/") if not bar(page).evaluate(
        "it => it === document.activeElement"
    ) else None
    bar(page).fill(text)
    page.keyboard.press("Enter")
    answered(page)


def answered(page: Page) -> None:
    """Waits until the pictures of the query that is asked are there."""
    expect(page.locator("#hits:not([aria-busy]) .tile").first).to_be_visible()


def bar(page: Page) -> Locator:
    return page.get_by_role("textbox", name="What the picture shows")


def tokens(page: Page) -> Locator:
    return page.locator("#tokens .token")


def tile(page: Page, place: int = 0) -> Locator:
    return page.locator(f'.tile[data-at="{place}"]')


def has_focus(page: Page, place: int) -> None:
    """Waits until the picture in this place has the focus."""
    expect(tile(page, place).locator("a")).to_be_focused()


def focused_tile(page: Page) -> int | None:
    """The place of the picture that has the focus, or None where none has."""
    place: str | None = page.evaluate(
        "() => document.activeElement.closest('.tile')?.dataset.at ?? null"
    )
    return None if place is None else int(place)


def ids(page: Page, count: int = 5) -> list[str]:
    """The ids of the first pictures found."""
    links = page.locator(".tile .open").all()[:count]
    return [hash_value(link.get_attribute("href") or "", "open") for link in links]


def hash_value(address: str, name: str) -> str:
    found = re.search(rf"[#&]{name}=([^&]*)", address)
    return found[1] if found else ""


def give(page: Page, file: Path, *, by: str) -> None:
    """Pastes a picture, or drops it, as the browser tells a page of either."""
    encoded = base64.b64encode(file.read_bytes()).decode()
    page.evaluate(PASTE, [encoded, by])


def shows_picture(page: Page) -> None:
    """Waits until the bar holds a picture of this device that the server has taken."""
    expect(page).to_have_url(re.compile(r"[#&]picture="))
    answered(page)


def body_of(request: Request) -> dict[str, Any]:
    """The JSON that was sent."""
    body: dict[str, Any] | None = request.post_data_json
    assert body is not None
    return body

"""Debian's Chromium, driven by Playwright, and what makes a test of the page fail on its own.

Every page that `Visitor` opens is watched: an error or warning on its console, an exception, a
request to anywhere but the server that it came from, and whatever the content security policy
refuses.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--enable-precise-memory-info",
    "--js-flags=--expose-gc",
]
DESKTOP = {"width": 1280, "height": 800}
PATIENCE_MS = 30_000
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.effectiveDirective} refuses ${event.blockedURI}`));
"""


def browser_path() -> str | None:
    """The browser that PICTOR_TEST_BROWSER names, or the one that is installed."""
    return os.environ.get("PICTOR_TEST_BROWSER") or next(
        filter(None, map(shutil.which, NAMES)), None
    )


@contextmanager
def launched(path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


class Visitor:
    """One who looks at a server's page, in contexts of their own, and notes what is wrong."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._forgiven: list[str] = []
        self.address = address
        self.complaints: list[str] = []

    def open(
        self,
        path: str = "/",
        *,
        at: str | None = None,
        script: str = "",
        **options: Any,  # noqa: ANN401
    ) -> Page:
        """A page of its own context, watched from its first request on; `script` runs before it."""
        address = at or self.address
        given = {"viewport": DESKTOP, "base_url": address, **options}
        context = self._browser.new_context(**given)
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(TELL_VIOLATIONS + script)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on("request", lambda request: self._see(request, address))
        page.goto(path)
        return page

    def forgive(self, pattern: str) -> None:
        """What a test brings about on purpose, as a regular expression."""
        self._forgiven.append(pattern)

    def leave(self) -> None:
        for context in self._contexts:
            context.close()
        wrong = [each for each in self.complaints if not self._is_forgiven(each)]
        assert not wrong, "\n".join(wrong)

    def _is_forgiven(self, complaint: str) -> bool:
        return any(re.search(pattern, complaint) for pattern in self._forgiven)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.type}: {message.text} {message.location.get('url')}")

    def _see(self, request: Request, address: str) -> None:
        if not request.url.startswith((f"{address}/", "blob:", "data:")):
            self.complaints.append(f"a request off the origin: {request.url}")

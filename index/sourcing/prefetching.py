"""Pictures from the web, fetched ahead of whoever reads them, as many at once as a fetcher allows.

The transfer of a picture begins soon after its content is asked for. Up to AHEAD pictures and
MAX_HELD_BYTES are under way or held until they are read; beyond that, a picture is fetched when it
is read, so that nothing ever waits for a reader. Content that is dropped unread is not fetched.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from index.found import Content
from index.sourcing.fetching import Fetcher, UrlContent
from models.decode import DecodeLimits
from models.errors import ImageTooLargeError

AHEAD = 512  # more than a job looks ahead, or what it comes to next would not be among them
MAX_HELD_BYTES = 512 * 1024 * 1024
MAX_BYTES = DecodeLimits().max_bytes


class Prefetcher:
    def __init__(
        self, fetcher: Fetcher, ahead: int = AHEAD, held_bytes: int = MAX_HELD_BYTES
    ) -> None:
        self._fetcher = fetcher
        self._ahead = ahead
        self._max_held_bytes = held_bytes
        self._pool = ThreadPoolExecutor(fetcher.limits.connections, "pictor-fetch")
        self._counting = threading.Lock()
        self._pending = 0
        self._held_bytes = 0

    def close(self) -> None:
        """What has been asked for may still be read."""
        self._pool.shutdown(wait=False)

    def content(self, url: str) -> Content:
        content = UrlContent(self._fetcher, url)
        with self._counting:
            if self._pending >= self._ahead or self._held_bytes >= self._max_held_bytes:
                return content
            self._pending += 1
        return _Prefetched(content, self._pool.submit(self._fetch, content), self)

    def give_back(self, coming: Future[bytes]) -> None:
        """A transfer that is over, and whose bytes nobody will ask for again."""
        held = 0 if coming.cancelled() or coming.exception() else len(coming.result())
        with self._counting:
            self._pending -= 1
            self._held_bytes -= held

    def _fetch(self, content: UrlContent) -> bytes:
        data = content.read(MAX_BYTES)
        with self._counting:
            self._held_bytes += len(data)
        return data


class _Prefetched:
    def __init__(self, content: UrlContent, coming: Future[bytes], prefetcher: Prefetcher) -> None:
        self._content = content
        self._coming: Future[bytes] | None = coming
        self._prefetcher = prefetcher
        self._taking = threading.Lock()

    def read(self, max_bytes: int) -> bytes:
        with self._taking:
            coming, self._coming = self._coming, None  # its bytes are held no longer than that
        if coming is None:
            return self._content.read(max_bytes)
        try:
            data = coming.result()
        finally:
            coming.add_done_callback(self._prefetcher.give_back)  # at once, where it is done
        if len(data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        return data

    def __del__(self) -> None:
        if self._coming is not None:
            self._coming.cancel()
            self._coming.add_done_callback(self._prefetcher.give_back)

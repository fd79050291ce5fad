"""Pictures from the web, fetched ahead of whoever reads them, as many at once as a fetcher allows.

While a place is free, the transfer of a picture begins when its content is asked for, and its place
is free again once it has been read; without one, it begins when it is read. So whatever a reader
does, nothing waits for it, and no more pictures are held than there are places.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

from index.fetching import Fetcher, UrlContent
from index.found import Content
from models.decode import DecodeLimits
from models.errors import ImageTooLargeError

MAX_BYTES = DecodeLimits().max_bytes


class Prefetcher:
    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        places = fetcher.limits.connections
        self._places = threading.Semaphore(places)
        self._pool = ThreadPoolExecutor(places, "pictor-fetch")

    def close(self) -> None:
        """What has begun goes on, and may be read."""
        self._pool.shutdown(wait=False)

    def content(self, url: str) -> Content:
        content = UrlContent(self._fetcher, url)
        if not self._places.acquire(blocking=False):
            return content
        return _Prefetched(content, self._pool.submit(content.read, MAX_BYTES), self._places)


class _Prefetched:
    def __init__(
        self, content: UrlContent, coming: Future[bytes], places: threading.Semaphore
    ) -> None:
        self._content = content
        self._coming: Future[bytes] | None = coming
        self._places = places
        self._taking = threading.Lock()

    def read(self, max_bytes: int) -> bytes:
        with self._taking:
            coming, self._coming = self._coming, None  # its bytes are held no longer than that
        if coming is None:
            return self._content.read(max_bytes)
        try:
            data = coming.result()
        finally:
            self._places.release()
        if len(data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
        return data

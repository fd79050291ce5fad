"""Pictures that a request names by their address: fetched with care, or not at all.

Off unless the settings say so. Whoever may search could otherwise have this server ask the network
that it is in for them, so that only public hosts are asked, or those that the settings name: the
address is looked up once, checked, and connected to as it was checked, at every redirect too. Size
and time are bounded. What is refused is not explained: where a name leads in this network is not
for callers to know.

Raises FetchingOffError, AddressRefusedError, FetchFailedError, or ImageTooLargeError.
"""

from index.sourcing.addresses import Guard, RefusedAddressError, parse_location
from index.sourcing.fetching import Fetcher, FetchLimits
from models.errors import ImageError, ImageTooLargeError
from service.errors import AddressRefusedError, FetchFailedError, FetchingOffError
from service.model.workers import Workers
from service.settings import Settings
from service.telemetry.measures import Measures

AT_ONCE = 8
REDIRECTS = 3


class WebPictures:
    def __init__(self, fetcher: Fetcher | None, *, max_bytes: int, workers: Workers) -> None:
        """Without a fetcher nothing is fetched."""
        self._fetcher = fetcher
        self._max_bytes = max_bytes
        self._workers = workers

    @classmethod
    def of(cls, settings: Settings, measures: Measures | None = None) -> "WebPictures":
        # no second attempt: the caller waits, and may ask again
        limits = FetchLimits(settings.fetch_timeout_s, 1, REDIRECTS, AT_ONCE)
        guard = Guard(frozenset(settings.fetch_hosts))
        return cls(
            Fetcher(guard, limits) if settings.fetch_urls else None,
            max_bytes=settings.max_request_bytes,
            workers=Workers(
                "fetching", threads=AT_ONCE, max_queue=settings.max_queue, measures=measures
            ),
        )

    def stop(self) -> None:
        self._workers.stop()

    async def fetch(self, url: str) -> bytes:
        if self._fetcher is None:
            raise FetchingOffError("this server fetches no pictures (PICTOR_FETCH_URLS)")
        try:
            parse_location(url)
        except RefusedAddressError as error:
            raise AddressRefusedError(str(error)) from error
        try:
            return await self._workers.run(self._fetcher.fetch, url, self._max_bytes)
        except RefusedAddressError as error:
            raise AddressRefusedError("this server does not fetch from there") from error
        except ImageTooLargeError:
            raise
        except ImageError as error:
            raise FetchFailedError(f"the picture could not be fetched: {error}") from error

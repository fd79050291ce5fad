"""Pictures to be added: their facts, thumbnail and pixels, each made in a process of its own.

As many processes as threads, forked at the start; a picture that hangs or crashes one, or takes
more memory than it may, is refused with ImageError, and another process takes that one's place.
Raises ImageTooLargeError over the limits of a file, OverloadedError when too many pictures wait.
"""

from index.items import item_id
from index.jobs.decoders import DecoderLimits, Decoders
from index.jobs.reading import Decoded, Missing, PictureDecoder
from models.decode import DecodeLimits
from models.encoders import ImageEncoder
from models.errors import ImageTooLargeError
from models.machine import available_threads
from service.errors import UnavailableError
from service.model.workers import Workers
from service.settings import Settings
from service.telemetry.measures import Measures


class Preparing:
    def __init__(
        self, encoder: ImageEncoder, settings: Settings, measures: Measures | None = None
    ) -> None:
        self._limits = DecodeLimits(settings.max_request_bytes, settings.max_pixels)
        self._decode = PictureDecoder(encoder, self._limits)
        self._timeout_s = settings.decode_timeout_s
        self._count = settings.threads or available_threads()
        self._workers = Workers(
            "preparing", threads=self._count, max_queue=settings.max_queue, measures=measures
        )
        self._decoders: Decoders[Missing, Decoded] | None = None

    def start(self) -> None:
        limits = DecoderLimits(time_s=self._timeout_s)
        self._decoders = Decoders(self._decode, count=self._count, limits=limits)

    def stop(self) -> None:
        if self._decoders is not None:
            self._decoders.close()
        self._workers.stop()

    async def prepare(self, data: bytes) -> Decoded:
        """All that the collection keeps of a picture file but its vectors, and its pixels."""
        if self._decoders is None:
            raise UnavailableError("preparing: not started")
        return await self._workers.run(self._prepared, data, self._decoders)

    def _prepared(self, data: bytes, decoders: Decoders[Missing, Decoded]) -> Decoded:
        if len(data) > self._limits.max_bytes:
            raise ImageTooLargeError(f"over {self._limits.max_bytes} bytes")
        return decoders.decode(Missing(item_id(data), data, vector=True, thumbnail=True))

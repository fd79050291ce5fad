"""Sent picture files to pixels for the model, each in a process that a hang or a crash costs alone.

As many processes as threads, forked at the start; a picture that takes one longer than its time, or
more memory than it may, is refused with ImageError, and another process takes that one's place.
Raises OverloadedError when too many pictures wait, ImageTooLargeError over the limits of a file.
"""

from index.decoders import DecoderLimits, Decoders
from models.crop import Crop
from models.decode import DecodeLimits, decode
from models.encoders import ImageEncoder
from models.preprocess import Pixels
from service.errors import UnavailableError
from service.measures import Measures
from service.workers import Workers

Job = tuple[bytes, Crop | None]


class Decoding:
    def __init__(  # noqa: PLR0913
        self,
        encoder: ImageEncoder,
        limits: DecodeLimits,
        *,
        count: int,
        max_queue: int,
        timeout_s: float,
        measures: Measures | None = None,
    ) -> None:
        self._encoder = encoder
        self._limits = limits
        self._count = count
        self._timeout_s = timeout_s
        self._workers = Workers("decoding", threads=count, max_queue=max_queue, measures=measures)
        self._decoders: Decoders[Job, Pixels] | None = None

    def start(self) -> None:
        limits = DecoderLimits(time_s=self._timeout_s)
        self._decoders = Decoders(self._prepare, count=self._count, limits=limits)

    def stop(self) -> None:
        if self._decoders is not None:
            self._decoders.close()
        self._workers.stop()

    async def pixels(self, data: bytes, crop: Crop | None = None) -> Pixels:
        """Of one picture file's bytes, or of its crop."""
        if self._decoders is None:
            raise UnavailableError("decoding: not started")
        return await self._workers.run(self._decoders.decode, (data, crop))

    def _prepare(self, job: Job) -> Pixels:
        data, crop = job
        if crop is None:
            return self._encoder.prepare(self._encoder.decode(data, self._limits))
        # of a picture that was read at a fraction of its size a crop would have little left
        return self._encoder.prepare(crop.of(decode(data, self._limits)))

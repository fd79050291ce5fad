"""Sent picture files to pixels for the model, each in a process that a hang or a crash costs alone.

As many processes as threads, forked at the start; a picture that takes one longer than its time, or
more memory than it may, is refused with ImageError, and another process takes that one's place.
Raises OverloadedError when too many pictures wait, ImageTooLargeError over the limits of a file.
"""

from dataclasses import dataclass

from index.jobs.decoders import DecoderLimits, Decoders
from models.crop import Crop
from models.decode import DecodeLimits, decode
from models.encoders import ImageEncoder
from models.errors import NoHeatError
from models.heat import HeatEncoder, Looks
from models.preprocess import Pixels
from service.errors import UnavailableError
from service.model.workers import Workers
from service.telemetry.measures import Measures

Job = tuple[bytes, Crop | None]


@dataclass(frozen=True)
class Looking:
    """A picture file whose looks are wanted (models/heat.py)."""

    data: bytes


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
        self._decoders: Decoders[Job | Looking, Pixels | Looks] | None = None

    def start(self) -> None:
        limits = DecoderLimits(time_s=self._timeout_s)
        self._decoders = Decoders(self._prepare, count=self._count, limits=limits)

    def stop(self) -> None:
        if self._decoders is not None:
            self._decoders.close()
        self._workers.stop()

    async def pixels(self, data: bytes, crop: Crop | None = None) -> Pixels:
        """Of one picture file's bytes, or of its crop."""
        made = await self._decoded((data, crop))
        if isinstance(made, Looks):
            raise TypeError("looks of a picture whose pixels were asked for")
        return made

    async def looks(self, data: bytes) -> Looks:
        """Of one picture file's bytes; raises NoHeatError where the model takes none."""
        made = await self._decoded(Looking(data))
        if not isinstance(made, Looks):
            raise TypeError("pixels of a picture whose looks were asked for")
        return made

    async def _decoded(self, job: Job | Looking) -> Pixels | Looks:
        if self._decoders is None:
            raise UnavailableError("decoding: not started")
        return await self._workers.run(self._decoders.decode, job)

    def _prepare(self, job: Job | Looking) -> Pixels | Looks:
        if isinstance(job, Looking):
            if not isinstance(self._encoder, HeatEncoder):
                raise NoHeatError("this model has no heat maps")
            # of a picture that was read at a fraction of its size too little may be left
            return self._encoder.looks(decode(job.data, self._limits))
        data, crop = job
        if crop is None:
            return self._encoder.prepare(self._encoder.decode(data, self._limits))
        # of a picture that was read at a fraction of its size a crop would have little left
        return self._encoder.prepare(crop.of(decode(data, self._limits)))

"""Whether a part of the server works: when it last did, and whether it has failed since.

Written by the thread that works, read by whoever asks; both are quick.
"""

import time
from collections.abc import Callable


class Pulse:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._succeeded: float | None = None
        self._failing = False

    def beat(self) -> None:
        self._succeeded, self._failing = self._clock(), False

    def fail(self) -> None:
        self._failing = True

    @property
    def failing(self) -> bool:
        """The last thing that it did went wrong."""
        return self._failing

    def fresh(self, within_s: float) -> bool:
        """It did something right so lately, and nothing wrong since."""
        succeeded = self._succeeded
        return not self._failing and succeeded is not None and self._clock() - succeeded <= within_s

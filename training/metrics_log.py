"""A run's numbers, step by step: JSON lines, and event files for TensorBoard where they are wanted.

    metrics.jsonl    {"step": 50, "seconds": 61.5, "loss": 1.25, ...}, a line an entry
    tensorboard/     the same, where `tensorboard` is set

`seconds` are those that the log has been open, of all the runs that it went on in. An entry is on
the disk when `add` returns; a number that is not finite is null. A resumed run goes on behind its
checkpoint's step: later lines are dropped, and the end of a line that a kill has cut off. Raises
InputError for any other line that cannot be read, and, naming the extra, where TensorBoard is asked
for and not installed.
"""

import importlib
import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from models.errors import InputError
from models.files import sync, write_whole
from training.config import Logging

METRICS = "metrics.jsonl"
EVENTS = "tensorboard"


class MetricsLog:
    """Written while it is open, by one process."""

    def __init__(
        self, folder: Path, how: Logging, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.file = folder / METRICS
        self._clock = clock
        self._began = 0.0
        self._events = folder / EVENTS
        self._event_writers = [_event_writer_type()] if how.tensorboard else []
        self._lines: Any = None
        self._writers: list[Any] = []

    @contextmanager
    def open(self, resumed: int | None) -> Iterator[None]:
        """Behind the step that is resumed; None: from the start, and without what was there."""
        kept = [] if resumed is None else [e for e in self._entries() if e["step"] <= resumed]
        self._began = self._clock() - (kept[-1]["seconds"] if kept else 0)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.file, "".join(map(_line, kept)).encode())
        sync(self.file.parent)
        with ExitStack() as opened:
            self._lines = opened.enter_context(self.file.open("a", encoding="utf-8"))
            self._writers = [
                kind(log_dir=str(self._events), purge_step=0 if resumed is None else resumed + 1)
                for kind in self._event_writers
            ]
            for writer in self._writers:
                opened.callback(writer.close)
            yield

    def add(self, step: int, values: Mapping[str, float]) -> None:
        finite = {name: value if math.isfinite(value) else None for name, value in values.items()}
        seconds = round(self._clock() - self._began, 3)
        self._lines.write(_line({"step": step, "seconds": seconds, **finite}))
        self._lines.flush()
        os.fsync(self._lines.fileno())
        for writer in self._writers:
            for name, value in values.items():
                writer.add_scalar(name, value, step)
            writer.flush()

    def _entries(self) -> list[dict[str, Any]]:
        """All whole lines."""
        try:
            text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.file}: cannot be read: {error}") from error
        *lines, _ = text.split("\n")  # behind the last line's end is nothing, or a torn line
        return [self._parsed(number, line) for number, line in enumerate(lines, start=1)]

    def _parsed(self, number: int, line: str) -> dict[str, Any]:
        try:
            entry = json.loads(line)
        except ValueError:
            entry = None
        kinds = {"step": int, "seconds": int | float}
        if isinstance(entry, dict) and all(isinstance(entry.get(k), t) for k, t in kinds.items()):
            return entry
        raise InputError(f"{self.file}, line {number}: expected an entry with step and seconds")


def _line(entry: Mapping[str, Any]) -> str:
    return json.dumps(entry) + "\n"


def _event_writer_type() -> Any:  # noqa: ANN401
    try:
        return importlib.import_module("torch.utils.tensorboard").SummaryWriter
    except ImportError as error:
        raise InputError(
            "log.tensorboard: needs TensorBoard: "
            "install Pictor with its extra, pip install '.[tensorboard]'"
        ) from error

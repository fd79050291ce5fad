"""The seam between a job's scan and the machines that do its work.

An engine draws the files that have to be read, a bounded number ahead of its answers, and says of
each, once and in any order, what became of it. What has a vector is whole when it is given: its
item, its thumbnail and its row come together, so that a checkpoint can be made after any answer.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Protocol

from index.found import FoundImage
from index.items import Failure
from index.jobs.known import Known
from index.jobs.reading import Reading
from index.segments import Segment


@dataclass(frozen=True)
class Made:
    """Of one file that could be read."""

    reading: Reading  # without pixels
    row: Segment | None = None  # one row; None where its content needed no vector, or was refused


class Engine(Protocol):
    def run(
        self, files: Iterator[FoundImage], known: Known
    ) -> Generator[Made | Failure, None, None]:
        """`known` tells what a content lacks, and nothing else of it is made; closing the
        generator lets go of everything."""
        ...

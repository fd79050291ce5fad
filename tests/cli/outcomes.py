"""What a command left behind."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str


Pictor = Callable[..., Outcome]


def mistake(outcome: Outcome) -> str:
    """The one line that a mistake of the user's is answered with."""
    assert outcome.code == 2
    assert outcome.out == ""
    lines = [line for line in outcome.err.splitlines() if line.startswith("pictor: ")]
    assert len(lines) == 1 and "Traceback" not in outcome.err
    return lines[0]

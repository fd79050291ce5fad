"""One call to a server and what its answer means; shared by both clients, which do the sending.

A server that is full says 503 or 429 with Retry-After, and is asked again after that time, which
`Retries` bounds. All of Pictor's operations may be asked twice: adding and deleting a picture
twice is adding and deleting it once.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import httpx2

from pictor_client.decoding import decoded
from pictor_client.errors import PictorError, ProblemError
from pictor_client.models import Problem

T = TypeVar("T")
BUSY = (429, 503)
Files = Sequence[tuple[str, tuple[str, bytes, str]]]


@dataclass(frozen=True)
class Retries:
    """`times` at most, each after what Retry-After says but `longest_s`, else after `first_s`,
    doubled each time."""

    times: int = 3
    longest_s: float = 30.0
    first_s: float = 0.5

    def wait_s(self, tried: int, error: ProblemError) -> float | None:
        """None where the call is given up."""
        if error.status not in BUSY or tried >= self.times:
            return None
        if error.retry_after_s is None:
            return min(self.first_s * 2.0**tried, self.longest_s) * random.uniform(0.5, 1)
        return error.retry_after_s if error.retry_after_s <= self.longest_s else None


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx2.Response], T]
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, Any] = field(default_factory=dict)
    files: Files = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """For httpx2's `request`."""
        body: dict[str, Any] = {"json": self.json} if self.json is not None else {}
        if self.files:
            body = {"data": dict(self.form), "files": list(self.files)}
        return {"params": dict(self.query), "headers": dict(self.headers), **body}


def result(call: Call[T], response: httpx2.Response) -> T:
    """Raises ProblemError for a problem, PictorError for an answer that is no Pictor's."""
    if response.status_code >= 400:
        raise _problem(response)
    try:
        return call.read(response)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise PictorError(f"{call.path}: an answer that is not Pictor's: {error}") from error


def headers_of(key: str | None) -> dict[str, str]:
    return {} if key is None else {"X-API-Key": key}


def _problem(response: httpx2.Response) -> ProblemError:
    retry_after_s = seconds(response.headers.get("retry-after"))
    try:
        return ProblemError(decoded(Problem, response.json()), retry_after_s)
    except (ValueError, TypeError, KeyError):
        status = response.status_code  # of a proxy on the way
        told = Problem(title="", status=status, detail=response.text[:200], code=f"http_{status}")
        return ProblemError(told, retry_after_s)


def seconds(retry_after: str | None) -> float | None:
    """Of a Retry-After header, which holds seconds or a moment."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())

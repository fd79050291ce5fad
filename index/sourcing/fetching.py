"""Pictures from the web, fetched with care.

Fetcher.fetch(url, max_bytes) -> the bytes; several threads share a fetcher, and at most
`connections` transfers run at once. An address is checked by a guard, at every redirect too, and
the connection goes to the very address that was checked. A transfer, from the first redirect to the
last byte, ends within `seconds`, but for the system's own limit on looking a name up; no more than
`max_bytes` are read. What may pass is tried again, after as long as the server asks for. Raises
RefusedAddressError for an address that may not be fetched from, ImageTooLargeError, or ImageError
for all else. Neither proxies nor cookies are used.
"""

import http.client
import io
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import count
from typing import cast
from urllib.parse import quote, urljoin

from index.sourcing.addresses import SAFE, Guard, Location, parse_location
from models.errors import ImageError, ImageTooLargeError

REDIRECTS = {301, 302, 303, 307, 308}
PASSING = {408, 425, 429, 500, 502, 503, 504}  # statuses that may be others the next time
CHUNK_BYTES = 64 * 1024
REQUEST = (
    "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Pictor\r\nAccept: image/*, */*;q=0.1\r\n"
    "Accept-Encoding: identity\r\nConnection: close\r\n\r\n"
)


@dataclass(frozen=True)
class FetchLimits:
    seconds: float = 30  # of one transfer
    attempts: int = 3
    redirects: int = 5
    connections: int = 32
    wait_s: float = 60  # the longest between two attempts


class _PassingError(ImageError):
    """What may go well the next time, and the seconds until then, where the server says them."""

    def __init__(self, text: str, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


@dataclass(frozen=True)
class _Redirect:
    to: str


class Fetcher:
    def __init__(
        self,
        guard: Guard | None = None,
        limits: FetchLimits | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard or Guard()
        self.limits = limits or FetchLimits()
        self._sleep = sleep
        self._tls = tls or ssl.create_default_context()
        self._places = threading.BoundedSemaphore(self.limits.connections)

    def fetch(self, url: str, max_bytes: int) -> bytes:
        for attempt in count(1):
            try:
                with self._places:
                    return self._follow(url, max_bytes)
            except _PassingError as error:
                if attempt >= self.limits.attempts:
                    raise ImageError(f"{error}, {attempt} times") from error
                wait_s = error.wait_s
                if wait_s is None:
                    # spread, or all that failed together would come back together
                    wait_s = 2 ** (attempt - 1) * random.uniform(0.5, 1)
                self._sleep(min(wait_s, self.limits.wait_s))
        raise AssertionError("an endless count has ended")

    def _follow(self, url: str, max_bytes: int) -> bytes:
        deadline = _Deadline(self.limits.seconds)
        for _ in range(self.limits.redirects + 1):
            answer = self._transfer(parse_location(url), max_bytes, deadline)
            if isinstance(answer, bytes):
                return answer
            url = urljoin(url, answer.to)
        raise ImageError(f"over {self.limits.redirects} redirects")

    def _transfer(
        self, location: Location, max_bytes: int, deadline: "_Deadline"
    ) -> bytes | _Redirect:
        try:
            with self._connected(location, deadline) as connection:
                deadline.bound(connection)
                request = REQUEST.format(target=location.target, host=location.authority)
                connection.sendall(request.encode("ascii"))
                return _answered(_Received(connection, deadline), max_bytes)
        except ssl.SSLCertVerificationError as error:
            raise ImageError(f"{location.host}: {error.verify_message}") from error
        except socket.gaierror as error:
            unknown = ImageError if error.errno != socket.EAI_AGAIN else _PassingError
            raise unknown(f"{location.host}: {error.strerror}") from error
        except TimeoutError as error:
            raise _PassingError(f"took over {self.limits.seconds:g} seconds") from error
        except (OSError, http.client.HTTPException) as error:
            raise _PassingError(f"{location.host}: {error or type(error).__name__}") from error

    def _connected(self, location: Location, deadline: "_Deadline") -> socket.socket:
        """Raises OSError where none of the host's addresses answers."""
        *others, last = self._guard.addresses(location)
        for address in others:
            try:
                return self._connected_to(address, location, deadline)
            except OSError:
                continue
        return self._connected_to(last, location, deadline)

    def _connected_to(
        self, address: str, location: Location, deadline: "_Deadline"
    ) -> socket.socket:
        connection = socket.create_connection((address, location.port), deadline.left_s())
        if location.scheme == "http":
            return connection
        deadline.bound(connection)
        try:
            return self._tls.wrap_socket(connection, server_hostname=location.host)
        except BaseException:
            connection.close()
            raise


@dataclass(frozen=True)
class UrlContent:
    """A picture that is fetched when it is read."""

    fetcher: Fetcher
    url: str

    def read(self, max_bytes: int) -> bytes:
        return self.fetcher.fetch(self.url, max_bytes)


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left_s(self) -> float:
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def bound(self, connection: socket.socket) -> None:
        connection.settimeout(self.left_s())


class _Received(io.RawIOBase):
    """What a connection gives until the deadline; a read of a byte does not put it off."""

    def __init__(self, connection: socket.socket, deadline: _Deadline) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        self._deadline.bound(self._connection)
        return self._connection.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """All that an HTTPResponse asks of a socket."""
        return io.BufferedReader(self)


def _answered(received: _Received, max_bytes: int) -> bytes | _Redirect:
    with http.client.HTTPResponse(cast(socket.socket, received), method="GET") as response:
        response.begin()
        place = response.getheader("Location")
        if response.status in REDIRECTS and place is not None:
            # its bytes are what they are: a header has no encoding
            return _Redirect(quote(place.encode("iso-8859-1"), safe=SAFE))
        if response.status != HTTPStatus.OK:
            raise _refusal(response)
        if response.getheader("Content-Encoding", "identity").lower() != "identity":
            raise ImageError("came compressed, and was not asked to")
        return _body(response, max_bytes)


def _refusal(response: http.client.HTTPResponse) -> ImageError:
    known = {status.value: status.phrase for status in HTTPStatus}
    text = f"the server says {response.status} {known.get(response.status, '')}".rstrip()
    if response.status in PASSING:
        return _PassingError(text, _asked_wait_s(response.getheader("Retry-After")))
    return ImageError(text)


def _asked_wait_s(text: str | None) -> float | None:
    """Of a Retry-After, which has seconds or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if response.length is not None and response.length > max_bytes:
        raise ImageTooLargeError(f"over {max_bytes} bytes")
    data = bytearray()
    while chunk := response.read(CHUNK_BYTES):
        data += chunk
        if len(data) > max_bytes:
            raise ImageTooLargeError(f"over {max_bytes} bytes")
    if response.length:
        raise _PassingError(f"the transfer ended {response.length} bytes early")
    return bytes(data)

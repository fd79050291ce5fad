"""Fetching, from a server of our own on this machine, which is allowed by name."""

import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from index.sourcing.addresses import Guard, RefusedAddressError
from index.sourcing.fetching import Fetcher, FetchLimits, UrlContent
from models.errors import ImageError, ImageTooLargeError
from tests.index.picture_server import (
    CERTIFICATE,
    HOST,
    PictureServer,
    drips,
    gives,
    picture_server,
    raw,
    sends,
    server_tls,
)

ENOUGH = 1_000_000


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as running:
        yield running


class Slept:
    """Remembers how long it was told to sleep, and does not."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def here(host: str, port: int) -> Sequence[str]:
    """A name service by which every name is this machine's."""
    return ["127.0.0.1"]


def fetcher(
    limits: FetchLimits | None = None,
    sleep: Callable[[float], None] | None = None,
    tls: ssl.SSLContext | None = None,
    allowed: frozenset[str] = frozenset({HOST}),
) -> Fetcher:
    return Fetcher(Guard(allowed, here), limits, sleep=sleep or Slept(), tls=tls)


def test_a_picture_is_asked_for_by_its_host_and_path(server: PictureServer) -> None:
    server.script = [gives(b"red")]
    assert fetcher().fetch(server.url("/a b.jpg?size=1#top"), ENOUGH) == b"red"
    ((path, headers),) = server.asked
    assert path == "/a%20b.jpg?size=1"
    assert headers["Host"] == f"{HOST}:{server.port}"
    assert headers["Accept-Encoding"] == "identity"


def test_content_at_an_address_is_fetched_when_it_is_read(server: PictureServer) -> None:
    content = UrlContent(fetcher(), server.url())
    assert server.asked == []
    assert content.read(ENOUGH) == b"picture"


def test_a_host_that_is_not_allowed_is_not_connected_to(server: PictureServer) -> None:
    for host in ("127.0.0.1", "other.test", "localhost"):
        with pytest.raises(RefusedAddressError, match="not public"):
            fetcher().fetch(server.url(host=host), ENOUGH)
    assert server.asked == []


def test_a_name_is_looked_up_once_for_an_attempt(server: PictureServer) -> None:
    """A second look might tell of another place than the one that was checked."""
    asked = []

    def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.9.9.9"]

    guarded = Fetcher(Guard(frozenset({HOST}), rebinding), sleep=Slept())
    assert guarded.fetch(server.url(), ENOUGH) == b"picture"
    assert asked == [HOST]


def test_the_next_of_a_hosts_addresses_is_tried(server: PictureServer) -> None:
    guard = Guard(frozenset({HOST}), lambda host, port: ["127.0.0.1:no", "127.0.0.1"])
    assert Fetcher(guard).fetch(server.url(), ENOUGH) == b"picture"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(server: PictureServer, status: int) -> None:
    server.script = [sends("/other place.jpg", status), gives(b"red")]
    assert fetcher().fetch(server.url(), ENOUGH) == b"red"
    assert [path for path, _ in server.asked] == ["/a.jpg", "/other%20place.jpg"]


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:{port}/", "//[::1]:{port}/", "https://169.254.169.254/latest"]
)
def test_a_redirect_to_where_nothing_is_allowed_is_refused(
    server: PictureServer, place: str
) -> None:
    server.script = [sends(place.format(port=server.port))]
    with pytest.raises(RefusedAddressError, match="not public"):
        fetcher().fetch(server.url(), ENOUGH)
    assert len(server.asked) == 1


@pytest.mark.parametrize("place", ["file:///etc/passwd", "ftp://pictures.test/", "data:,x"])
def test_a_redirect_to_another_scheme_is_refused(server: PictureServer, place: str) -> None:
    server.script = [sends(place)]
    with pytest.raises(RefusedAddressError, match="expected http or https"):
        fetcher().fetch(server.url(), ENOUGH)


def test_redirects_without_an_end_are_refused(server: PictureServer) -> None:
    server.script = [sends("/again")] * 10
    with pytest.raises(ImageError, match="over 2 redirects"):
        fetcher(FetchLimits(redirects=2)).fetch(server.url(), ENOUGH)
    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [204, 206, 304, 400, 403, 404, 410, 451])
def test_a_refusal_is_final(server: PictureServer, status: int) -> None:
    server.script = [gives(b"", status)]
    with pytest.raises(ImageError, match=f"the server says {status} "):
        fetcher().fetch(server.url(), ENOUGH)
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(server: PictureServer, status: int) -> None:
    slept = Slept()
    server.script = [gives(b"", status), gives(b"", status), gives(b"red")]
    assert fetcher(sleep=slept).fetch(server.url(), ENOUGH) == b"red"
    first, second = slept.seconds
    assert 0.5 <= first <= 1 <= second <= 2


def test_attempts_end(server: PictureServer) -> None:
    slept = Slept()
    server.script = [gives(b"", 503)] * 10
    with pytest.raises(ImageError, match="503 Service Unavailable, 4 times"):
        fetcher(FetchLimits(attempts=4), slept).fetch(server.url(), ENOUGH)
    assert (len(server.asked), len(slept.seconds)) == (4, 3)


def test_a_server_is_given_the_seconds_that_it_asks_for_up_to_a_limit(
    server: PictureServer,
) -> None:
    slept = Slept()
    server.script = [gives(b"", 429, Retry_After="7"), gives(b"", 503, Retry_After="9" * 400)]
    assert fetcher(FetchLimits(wait_s=60), slept).fetch(server.url(), ENOUGH) == b"picture"
    assert slept.seconds == [7, 60]


def test_a_server_may_ask_for_a_date(server: PictureServer) -> None:
    slept = Slept()
    now = datetime.now(UTC)
    dates = [format_datetime(now + timedelta(seconds=s), usegmt=True) for s in (30, -30)]
    server.script = [gives(b"", 503, Retry_After=date) for date in dates]
    fetcher(sleep=slept).fetch(server.url(), ENOUGH)
    assert 20 < slept.seconds[0] <= 30
    assert slept.seconds[1] == 0


def test_a_time_that_is_none_is_not_waited_for(server: PictureServer) -> None:
    slept = Slept()
    server.script = [gives(b"", 503, Retry_After="soon"), gives(b"", 503, Retry_After="-5")]
    fetcher(sleep=slept).fetch(server.url(), ENOUGH)
    assert all(0.5 <= seconds <= 2 for seconds in slept.seconds)


def test_a_picture_that_says_it_is_too_large_is_not_received(server: PictureServer) -> None:
    server.script = [raw(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n")]
    with pytest.raises(ImageTooLargeError, match="over 10 bytes"):
        fetcher().fetch(server.url(), 10)
    server.script = [gives(b"x" * 10)]
    assert fetcher().fetch(server.url(), 10) == b"x" * 10


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: ten\r\n\r\n"]
)
def test_a_picture_that_does_not_say_so_is_received_up_to_the_limit(
    server: PictureServer, head: bytes
) -> None:
    server.script = [raw(head, b"x" * 11)]
    with pytest.raises(ImageTooLargeError):
        fetcher().fetch(server.url(), 10)


def test_a_picture_may_come_in_chunks(server: PictureServer) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    server.script = [raw(head, b"3\r\nred\r\n", b"0\r\n\r\n")]
    assert fetcher().fetch(server.url(), 3) == b"red"
    server.script = [raw(head, b"ffffffffff\r\n", b"x" * 100_000)]
    with pytest.raises(ImageTooLargeError):
        fetcher().fetch(server.url(), 10)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsho",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1",
        b"SSH-2.0-OpenSSH_9\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"",
    ],
)
def test_a_transfer_that_breaks_off_is_tried_again(server: PictureServer, answer: bytes) -> None:
    server.script = [raw(answer)]
    assert fetcher().fetch(server.url(), ENOUGH) == b"picture"
    assert len(server.asked) == 2


def test_what_comes_compressed_is_refused(server: PictureServer) -> None:
    server.script = [gives(b"bomb", Content_Encoding="gzip")]
    with pytest.raises(ImageError, match="compressed"):
        fetcher().fetch(server.url(), ENOUGH)


@pytest.mark.parametrize(
    "first", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n"]
)
def test_a_transfer_that_drips_ends_at_its_limit(server: PictureServer, first: bytes) -> None:
    """However often a byte comes."""
    server.script = [drips(server, first)]
    limits = FetchLimits(seconds=0.3, attempts=1)
    with pytest.raises(ImageError, match=r"took over 0\.3 seconds, 1 times"):
        fetcher(limits).fetch(server.url(), ENOUGH)


def test_a_host_that_does_not_answer_is_an_error_of_its_picture() -> None:
    with picture_server() as gone:
        url = gone.url()
    with pytest.raises(ImageError, match=r"pictures\.test: .*refused, 2 times"):
        fetcher(FetchLimits(attempts=2)).fetch(url, ENOUGH)


def test_no_more_transfers_run_at_once_than_there_are_connections(server: PictureServer) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def slow(exchange: object) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        server.released.wait(0.05)
        with lock:
            running -= 1
        gives(b"red")(exchange)  # type: ignore[arg-type]

    server.script = [slow] * 8
    shared = fetcher(FetchLimits(connections=2))
    threads = [threading.Thread(target=shared.fetch, args=(server.url(), ENOUGH)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(server.asked), most) == (8, 2)


def test_a_secure_host_is_known_by_its_name_though_its_address_is_connected_to(
    tmp_path: Path,
) -> None:
    names: list[str | None] = []
    tls = server_tls(tmp_path)
    tls.sni_callback = lambda connection, name, context: names.append(name)
    trusting = ssl.create_default_context(cadata=CERTIFICATE)
    with picture_server(tls) as server:
        secure = server.url(scheme="https")
        assert fetcher(tls=trusting).fetch(secure, ENOUGH) == b"picture"
        assert names == [HOST]
        assert server.asked[0][1]["Host"] == f"{HOST}:{server.port}"


def test_a_certificate_of_another_name_or_of_nobody_known_is_refused(tmp_path: Path) -> None:
    trusting = ssl.create_default_context(cadata=CERTIFICATE)
    with picture_server(server_tls(tmp_path)) as server:
        other = server.url(scheme="https", host="other.test")
        with pytest.raises(ImageError, match=r"other\.test: Hostname mismatch"):
            fetcher(tls=trusting, allowed=frozenset({"other.test"})).fetch(other, ENOUGH)
        with pytest.raises(ImageError, match=r"pictures\.test: self.signed certificate"):
            fetcher().fetch(server.url(scheme="https"), ENOUGH)
        assert server.asked == []

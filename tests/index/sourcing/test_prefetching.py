"""Transfers that begin before anybody reads."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from index.sourcing.addresses import Guard
from index.sourcing.fetching import Fetcher, FetchLimits, UrlContent
from index.sourcing.prefetching import Prefetcher
from models.errors import ImageError, ImageTooLargeError
from tests.index.picture_server import HOST, Exchange, PictureServer, gives, picture_server

PATIENCE_S = 20


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as running:
        yield running


def fetcher(connections: int) -> Fetcher:
    guard = Guard(frozenset({HOST}), lambda host, port: ["127.0.0.1"])
    return Fetcher(guard, FetchLimits(connections=connections, attempts=1))


def test_transfers_run_at_once_though_one_reader_reads_in_turn(server: PictureServer) -> None:
    together = threading.Barrier(3)

    def when_all_are_there(exchange: Exchange) -> None:
        together.wait(PATIENCE_S)
        gives(exchange.path.encode())(exchange)

    server.script = [when_all_are_there] * 3
    with closing(Prefetcher(fetcher(3))) as prefetcher:
        contents = [prefetcher.content(server.url(f"/{number}")) for number in range(3)]
        assert [content.read(100) for content in contents] == [b"/0", b"/1", b"/2"]


def test_what_has_no_place_is_fetched_when_it_is_read(server: PictureServer) -> None:
    with closing(Prefetcher(fetcher(1), ahead=1)) as prefetcher:
        first, second = (prefetcher.content(server.url(f"/{number}")) for number in range(2))
        assert first.read(100) == b"picture"
        assert [path for path, _ in server.asked] == ["/0"]
        assert second.read(100) == b"picture"
        third = prefetcher.content(server.url("/2"))  # the place is free again
        assert third.read(100) == b"picture"
    assert [path for path, _ in server.asked] == ["/0", "/1", "/2"]


def test_no_transfer_begins_while_too_many_bytes_are_held(server: PictureServer) -> None:
    with closing(Prefetcher(fetcher(1), held_bytes=7)) as prefetcher:
        first = prefetcher.content(server.url("/0"))
        marker = prefetcher.content(server.url("/1"))
        assert marker.read(100) == b"picture"  # one connection: so the first has come, and is held
        assert isinstance(prefetcher.content(server.url("/2")), UrlContent)
        assert first.read(100) == b"picture"
        assert not isinstance(prefetcher.content(server.url("/3")), UrlContent)


def test_content_that_is_dropped_is_not_fetched_and_gives_its_place_back(
    server: PictureServer,
) -> None:
    begun = threading.Event()

    def held(exchange: Exchange) -> None:
        begun.set()
        server.released.wait(PATIENCE_S)
        gives(b"late")(exchange)

    server.script = [held]
    with closing(Prefetcher(fetcher(1), ahead=2)) as prefetcher:
        first = prefetcher.content(server.url("/0"))
        begun.wait(PATIENCE_S)
        dropped = prefetcher.content(server.url("/1"))
        del dropped
        second = prefetcher.content(server.url("/2"))
        assert not isinstance(second, UrlContent)
        server.released.set()
        assert [first.read(100), second.read(100)] == [b"late", b"picture"]
    assert [path for path, _ in server.asked] == ["/0", "/2"]


def test_a_picture_that_is_read_again_is_fetched_again(server: PictureServer) -> None:
    server.script = [gives(b"one"), gives(b"two")]
    with closing(Prefetcher(fetcher(1))) as prefetcher:
        content = prefetcher.content(server.url())
        assert [content.read(100), content.read(100)] == [b"one", b"two"]


def test_a_transfer_that_failed_is_an_error_of_its_reader(server: PictureServer) -> None:
    server.script = [gives(b"", 404), gives(b"x" * 11)]
    with closing(Prefetcher(fetcher(1))) as prefetcher:
        gone = prefetcher.content(server.url())
        with pytest.raises(ImageError, match="404 Not Found"):
            gone.read(100)
        large = prefetcher.content(server.url())
        with pytest.raises(ImageTooLargeError, match="over 10 bytes"):
            large.read(10)


def test_what_was_begun_is_read_after_the_walk_is_over(server: PictureServer) -> None:
    with closing(Prefetcher(fetcher(2))) as prefetcher:
        contents = [prefetcher.content(server.url(f"/{number}")) for number in range(2)]
    assert [content.read(100) for content in contents] == [b"picture", b"picture"]

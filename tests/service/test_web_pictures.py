"""Pictures named by their address: off, and guarded where it is on."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from fastapi.testclient import TestClient

from index.sourcing.addresses import Guard
from index.sourcing.fetching import Fetcher, FetchLimits
from service.errors import AddressRefusedError, FetchFailedError
from service.model.workers import Workers
from service.pictures.web import WebPictures
from tests.fakes import picture_bytes
from tests.index.picture_server import PictureServer, drips, gives, picture_server, sends
from tests.service.answers import Answer, found, problem
from tests.service.conftest import Serve

ALLOWED: dict[str, Any] = {"fetch_urls": True, "fetch_hosts": ("localhost",)}


@pytest.fixture
def web() -> Iterator[PictureServer]:
    with picture_server() as running:
        yield running


def search(client: TestClient, url: str) -> Answer:
    return client.post("/v1/search", json={"image": {"url": url}})


def test_by_default_nothing_is_fetched(client: TestClient, web: PictureServer) -> None:
    assert problem(search(client, web.url(host="localhost"))) == (403, "fetching_off")
    assert web.asked == []


def test_a_picture_at_an_address_is_searched_by(serve: Serve, web: PictureServer) -> None:
    client, url = serve(**ALLOWED), web.url(host="localhost")
    web.script = [gives(picture_bytes("blue"))] * 3
    assert found(search(client, url))[0] == "blue"
    excluded = {"text": "blue red", "exclude": [{"image": {"url": url}}]}
    assert found(client.post("/v1/search", json=excluded))[0] == "red"
    assert len(web.asked) == 2


def test_the_next_page_fetches_nothing_and_is_of_the_same_address(
    serve: Serve, web: PictureServer
) -> None:
    client = serve(**ALLOWED)
    web.script = [gives(picture_bytes("blue"))]
    query = {"image": {"url": web.url(host="localhost")}, "limit": 1}
    first = client.post("/v1/search", json=query)
    cursor = first.json()["next_cursor"]
    second = client.post("/v1/search", json={**query, "cursor": cursor})
    assert found(first) != found(second)
    assert len(web.asked) == 1
    other = {"image": {"url": web.url("/b.jpg", host="localhost")}, "cursor": cursor}
    assert problem(client.post("/v1/search", json=other))[0] == 422


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/a.jpg",
        "http://127.1:{port}/a.jpg",
        "http://2130706433:{port}/a.jpg",
        "http://0x7f.1:{port}/a.jpg",
        "http://0.0.0.0:{port}/a.jpg",
        "http://[::1]:{port}/a.jpg",
        "http://[::ffff:127.0.0.1]:{port}/a.jpg",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://192.168.1.1/",
        "http://10.0.0.1/",
        "http://localhost@127.0.0.1:{port}/a.jpg",
        "file:///etc/passwd",
        "ftp://localhost/a.jpg",
        "gopher://localhost:{port}/_GET",
        "data:image/png;base64,AAAA",
        "localhost:{port}/a.jpg",
        "http://localhost:99999/",
        "http://",
    ],
)
def test_what_is_of_this_network_is_not_fetched(serve: Serve, web: PictureServer, url: str) -> None:
    refused = search(serve(**ALLOWED), url.format(port=web.port))
    assert problem(refused) == (422, "address_refused")
    assert web.asked == []


def test_a_redirect_leads_into_this_network_no_more_than_an_address(
    serve: Serve, web: PictureServer
) -> None:
    client = serve(**ALLOWED)
    for place in (f"http://127.0.0.1:{web.port}/secret", "http://169.254.169.254/", "file:///etc"):
        web.script, web.asked = [sends(place)], []
        refused = search(client, web.url(host="localhost"))
        assert problem(refused) == (422, "address_refused")
        assert [path for path, _ in web.asked] == ["/a.jpg"]


def test_what_is_refused_is_not_explained(serve: Serve) -> None:
    client = serve(fetch_urls=True)
    detail = search(client, "http://localhost/").json()["detail"]
    assert "127.0.0.1" not in detail and "::1" not in detail


def test_redirects_have_an_end(serve: Serve, web: PictureServer) -> None:
    web.script = [sends("/a.jpg")] * 10
    assert problem(search(serve(**ALLOWED), web.url(host="localhost"))) == (422, "fetch_failed")
    assert len(web.asked) == 4


def test_an_address_that_does_not_answer_with_a_picture_says_so(
    serve: Serve, web: PictureServer
) -> None:
    client, url = serve(**ALLOWED), web.url(host="localhost")
    web.script = [gives(b"", 404), gives(b"<svg/>"), gives(b"")]
    assert problem(search(client, url)) == (422, "fetch_failed")
    assert problem(search(client, url)) == (422, "invalid_image")
    assert problem(search(client, url)) == (422, "invalid_image")


def test_size_and_time_are_bounded(serve: Serve, web: PictureServer) -> None:
    client = serve(**ALLOWED, max_request_bytes=2000, fetch_timeout_s=0.3)
    web.script = [gives(b"x" * 2001), drips(web, b"HTTP/1.1 200 OK\r\n\r\n")]
    assert problem(search(client, web.url(host="localhost"))) == (413, "image_too_large")
    assert problem(search(client, web.url(host="localhost"))) == (422, "fetch_failed")


class Rebinding:
    """A name service that says something else the second time."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)

    def __call__(self, host: str, port: int) -> Sequence[str]:
        return [self.answers.pop(0)]


def fetched(names: Rebinding, url: str) -> bytes:
    limits = FetchLimits(seconds=2, attempts=1)
    workers = Workers("fetching", threads=1, max_queue=1)
    pictures = WebPictures(Fetcher(Guard(resolve=names), limits), max_bytes=100, workers=workers)
    try:
        return asyncio.run(pictures.fetch(url))
    finally:
        pictures.stop()


def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(
    web: PictureServer,
) -> None:
    names = Rebinding("192.0.2.1", "127.0.0.1")
    with pytest.raises((AddressRefusedError, FetchFailedError)):
        fetched(names, web.url(host="rebinding.example"))
    assert names.answers == ["127.0.0.1"]  # never asked for
    assert web.asked == []


@pytest.mark.parametrize(
    "image", [{}, {"url": "http://a/", "id": "0" * 32}, {"url": 1}, {"url": "x" * 8001}]
)
def test_an_image_is_named_in_one_way(client: TestClient, image: dict[str, object]) -> None:
    assert problem(client.post("/v1/search", json={"image": image})) == (422, "invalid_request")

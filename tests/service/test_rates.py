"""How often each may ask, and that remembering it costs bounded memory."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from service.access.keys import make_key
from service.access.keys_file import KeysFile
from service.guards.callers import Caller
from service.guards.rates import MAX_BUCKETS, Buckets, counted_as
from tests.service.answers import problem
from tests.service.conftest import Serve


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_gives_what_it_holds_and_fills_steadily() -> None:
    clock = Clock()
    buckets = Buckets(60, clock=clock)
    assert [buckets.take("a").allowed for _ in range(61)] == [True] * 60 + [False]
    assert buckets.take("a").wait_s == 1
    clock.now += 1
    assert [buckets.take("a").allowed for _ in range(2)] == [True, False]
    clock.now += 3600
    taken = buckets.take("a")
    assert (taken.left, taken.full_s) == (59, 1)


def test_one_callers_bucket_is_not_anothers() -> None:
    buckets = Buckets(1, clock=Clock())
    assert buckets.take("a").allowed and buckets.take("b").allowed
    assert not buckets.take("a").allowed


def test_who_is_refused_waits_no_longer_for_having_asked() -> None:
    buckets = Buckets(1, clock=Clock())
    assert [buckets.take("a").wait_s for _ in range(4)] == [0, 60, 60, 60]


def test_ten_thousand_addresses_are_remembered_in_bounded_memory() -> None:
    buckets = Buckets(10, clock=Clock())
    for number in range(10_000):
        buckets.take(f"address 203.{number // 256}.{number % 256}.1")
        buckets.take("a caller who stays")
        assert len(buckets) <= MAX_BUCKETS
    assert not buckets.take("a caller who stays").allowed


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.5", "address 203.0.113.5"),
        ("2606:4700:1:2:3:4:5:6", "address 2606:4700:1:2::/64"),
        ("2606:4700:1:2:ffff::", "address 2606:4700:1:2::/64"),
        ("unknown", "unknown"),
    ],
)
def test_a_network_of_64_bits_is_one_address(address: str, counted: str) -> None:
    assert counted_as(Caller(address, is_local=False, is_secure=False)) == counted


def test_who_asks_too_often_is_told_when_to_come_back(serve: Serve) -> None:
    client = serve(requests_per_minute=2)
    first, second, third = (client.get("/v1/models") for _ in range(3))
    assert first.headers["ratelimit-policy"] == '"requests";q=2;w=60'
    assert first.headers["ratelimit"] == '"requests";r=1;t=30'
    assert second.headers["ratelimit"].startswith('"requests";r=0;t=')
    assert problem(third) == (429, "rate_limited")
    assert 1 <= int(third.headers["retry-after"]) <= 30
    assert third.headers["ratelimit"].startswith('"requests";r=0;')


def test_health_and_the_page_are_not_counted(serve: Serve) -> None:
    client = serve(requests_per_minute=1)
    for _ in range(3):
        for path in ("/livez", "/readyz", "/", "/static/app.js"):
            response = client.get(path)
            assert response.status_code == 200 and "ratelimit" not in response.headers


def test_by_default_there_is_no_limit(client: TestClient) -> None:
    assert "ratelimit" not in client.get("/v1/models").headers


def test_keys_are_counted_apart_and_guesses_at_them_by_address(
    serve: Serve, tmp_path: Path
) -> None:
    file, texts = KeysFile(tmp_path / "keys.json"), {}
    for name in ("phone", "desk"):
        key, texts[name] = make_key(name, {"read"})
        file.add(key)
    client = serve(keys_file=file.path, requests_per_minute=2)

    def statuses(key: str) -> list[int]:
        shown = {"X-API-Key": key}
        return [client.get("/v1/models", headers=shown).status_code for _ in range(3)]

    assert statuses(texts["phone"]) == [200, 200, 429]
    assert statuses(texts["desk"]) == [200, 200, 429]
    guess = make_key("guess", {"read"})[1]
    assert statuses(guess) == [401, 401, 429]
    logging_in = client.post("/v1/session", json={"key": texts["phone"]})
    assert problem(logging_in) == (429, "rate_limited")

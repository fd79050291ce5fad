"""Which address is the client, behind proxies that are trusted and others."""

from ipaddress import ip_network

import pytest
from fastapi.testclient import TestClient

from service.guards.callers import client_of, is_within
from tests.service.conftest import Serve

TRUSTED = [ip_network("10.0.0.0/24"), ip_network("fd00::/64")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),  # no proxy of ours: its claim
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("10.0.0.1", ["127.0.0.1, 203.0.113.5"], "203.0.113.5"),  # the first is the sender's claim
        ("10.0.0.1", ["203.0.113.5, 10.0.0.2"], "203.0.113.5"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.5,10.0.0.2"], "203.0.113.5"),
        ("10.0.0.1", ["203.0.113.5:4711"], "203.0.113.5"),
        ("10.0.0.1", ["[2606:4700::1]:4711"], "2606:4700::1"),
        ("10.0.0.1", ["2606:4700::1"], "2606:4700::1"),
        ("10.0.0.1", ["203.0.113.5, unknown"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["10.0.0.2, 10.0.0.3"], "10.0.0.2"),
        ("::ffff:10.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("fd00::7", ["203.0.113.5"], "203.0.113.5"),
        ("unknown", ["203.0.113.5"], "unknown"),
    ],
)
def test_the_client_is_the_nearest_address_that_is_no_trusted_proxys(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert client_of(peer, forwarded, TRUSTED) == client


def test_where_no_proxy_is_trusted_nobody_is_believed() -> None:
    assert client_of("10.0.0.1", ["203.0.113.5"], []) == "10.0.0.1"
    assert not is_within("10.0.0.1", [])


def test_a_client_behind_a_trusted_proxy_has_a_limit_of_its_own(serve: Serve) -> None:
    app = serve(trusted_proxies=("10.0.0.1",), requests_per_minute=2).app

    def statuses(peer: str, client: str) -> list[int]:
        asking = TestClient(app, base_url="http://localhost", client=(peer, 1))
        headers = {"X-Forwarded-For": client}
        return [asking.get("/v1/models", headers=headers).status_code for _ in range(3)]

    assert statuses("10.0.0.1", "203.0.113.5") == [200, 200, 429]
    assert statuses("10.0.0.1", "203.0.113.6") == [200, 200, 429]
    assert statuses("10.0.0.9", "203.0.113.7") == [200, 200, 429]
    assert statuses("10.0.0.9", "203.0.113.8") == [429, 429, 429]  # it only says so

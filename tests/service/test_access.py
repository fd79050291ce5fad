"""Who is answered where a collection has keys: by header, by session, from where, how often."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.types import Message

from service.access.keys import Scope, make_key
from service.access.keys_file import KeysFile
from service.access.sessions import COOKIE
from service.guards.scopes import OPEN, READ, ROUTES, WRITE, needed
from tests.service.answers import found, problem
from tests.service.conftest import IDS, Serve

RED = {"text": "red"}
ORIGIN = "http://localhost"
FILLING = {"name": "app.js", "item_id": IDS["red"]}


class Keys:
    """A file of keys, and the keys that were made in it."""

    def __init__(self, path: Path) -> None:
        self.file = KeysFile(path)

    def make(self, *scopes: Scope, name: str = "phone") -> str:
        key, text = make_key(name, scopes)
        self.file.add(key)
        return text


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys.json")


@pytest.fixture
def reader(keys: Keys) -> str:
    return keys.make("read")


@pytest.fixture
def guarded(serve: Serve, keys: Keys, reader: str) -> TestClient:
    return serve(keys_file=keys.file.path)


def from_address(client: TestClient, address: str) -> TestClient:
    """Another client of the same server."""
    return TestClient(client.app, base_url="http://localhost", client=(address, 1))


def every_route(client: TestClient) -> list[tuple[str, str]]:
    """(method, path) of all that the server has."""
    return [
        (method, route.path)
        for route in routes_of(client.app)
        for method in sorted(route.methods)
        if method != "HEAD"
    ]


def routes_of(app: Any) -> Iterator[Any]:  # noqa: ANN401
    """Also those of routers within, which FastAPI keeps as they are."""
    for route in app.routes:
        within = getattr(route, "original_router", None)
        if within is not None:
            yield from routes_of(within)
        elif hasattr(route, "methods"):
            yield route


def filled_in(path: str) -> str:
    return re.sub(r"{(\w+)(:\w+)?}", lambda found: FILLING.get(found[1], "x"), path)


def test_every_route_says_what_it_asks_of_a_key(client: TestClient) -> None:
    served = every_route(client)
    assert len(served) >= 15
    declared = {(method, path) for method, path in ROUTES}
    assert [route for route in served if route not in declared] == []


def test_a_route_that_was_forgotten_asks_for_the_most() -> None:
    for method, path in (("GET", "/v1/new"), ("POST", "/v1/search/"), ("PATCH", "/"), ("GET", "")):
        assert needed(method, path) == WRITE


def test_what_is_open_is_the_page_health_and_the_session_alone() -> None:
    assert {route for route, need in ROUTES.items() if need == OPEN} == {
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/static/{name}"),
        ("GET", "/openapi.json"),
        ("GET", "/livez"),
        ("GET", "/readyz"),
        ("POST", "/v1/session"),
        ("DELETE", "/v1/session"),
    }


def test_every_route_that_changes_something_asks_for_write() -> None:
    queries = {"/v1/search", "/v1/search/upload", "/v1/embeddings", "/v1/pictures"}
    for (method, path), need in ROUTES.items():
        if method != "GET" and path not in queries and path != "/v1/session":
            assert need == WRITE, (method, path)


def test_a_path_is_matched_as_the_router_matches_it() -> None:
    assert needed("GET", "/v1/images/x/file") == READ
    assert needed("HEAD", "/v1/images/x/file") == READ
    assert needed("GET", "/v1/images/x/y/file") == WRITE
    assert needed("GET", "/static/../v1/collection") == WRITE
    assert needed("GET", "/livez\n") == WRITE


def test_without_a_key_only_what_is_open_answers(guarded: TestClient) -> None:
    for method, path in every_route(guarded):
        filled = filled_in(path)
        response = guarded.request(method, filled)
        if needed(method, filled) == OPEN:
            assert response.status_code != 403
        else:
            assert problem(response) == (401, "key_missing"), (method, path)
            assert response.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1/images/x/original", "/static/a/b", "//v1/search"]
)
def test_what_does_not_exist_is_told_to_nobody_without_a_key(
    guarded: TestClient, path: str
) -> None:
    assert problem(guarded.get(path)) == (401, "key_missing")


@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_a_key_is_shown_in_either_header(guarded: TestClient, reader: str, header: str) -> None:
    value = reader if header == "X-API-Key" else f"bearer {reader}"
    assert found(guarded.post("/v1/search", json=RED, headers={header: value}))[0] == "red"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "pictor_00000000_" + "A" * 43},
        {"X-API-Key": ""},
        {"X-API-Key": "é" * 8},
        {"X-API-Key": "x" * 30_000},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer nonsense"},
        {"Cookie": f"{COOKIE}=nonsense"},
        {"Cookie": f"{COOKIE}=" + ".".join(["deadbeef", "9999999999", "0" * 32, "A" * 43])},
    ],
)
def test_what_is_no_good_key_is_refused(guarded: TestClient, headers: dict[str, str]) -> None:
    encoded = {name: value.encode() for name, value in headers.items()}
    response = guarded.get("/v1/collection", headers=encoded)  # type: ignore[arg-type]
    assert problem(response) == (401, "key_invalid")


def test_basic_authorization_is_no_key(guarded: TestClient, reader: str) -> None:
    response = guarded.get("/v1/collection", auth=("user", reader))
    assert problem(response) == (401, "key_missing")


def test_two_keys_that_differ_are_none(guarded: TestClient, keys: Keys, reader: str) -> None:
    other = keys.make("write", name="job")
    both = {"X-API-Key": reader, "Authorization": f"Bearer {other}"}
    assert problem(guarded.get("/v1/collection", headers=both)) == (401, "key_invalid")
    same = {"X-API-Key": reader, "Authorization": f"Bearer {reader}"}
    assert guarded.get("/v1/collection", headers=same).status_code == 200


@pytest.mark.parametrize("name", ["key", "api_key", "apikey", "X-API-Key", "access_token", COOKIE])
def test_a_key_in_an_address_is_not_accepted(guarded: TestClient, reader: str, name: str) -> None:
    response = guarded.get("/v1/collection", params={name: reader})
    assert problem(response) == (401, "key_missing")


def test_a_key_answers_within_its_scopes_alone(
    guarded: TestClient, keys: Keys, reader: str
) -> None:
    writer = keys.make("write", name="job")
    delete = f"/v1/images/{'0' * 32}"
    refused = guarded.delete(delete, headers={"X-API-Key": reader})
    assert problem(refused) == (403, "scope_missing")
    assert guarded.delete(delete, headers={"X-API-Key": writer}).status_code not in (401, 403)
    refused = guarded.get("/v1/collection", headers={"X-API-Key": writer})
    assert problem(refused) == (403, "scope_missing")


def test_a_body_is_not_read_for_who_has_no_key(guarded: TestClient) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        sent.append(message)

    head = [(b"host", b"localhost"), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/search", "headers": head}
    asyncio.run(guarded.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 401


def test_keys_made_and_revoked_count_without_a_restart(serve: Serve, keys: Keys) -> None:
    client = serve(keys_file=keys.file.path)
    assert client.get("/v1/collection").status_code == 200
    shown = {"X-API-Key": keys.make("read")}
    assert problem(client.get("/v1/collection")) == (401, "key_missing")
    assert client.get("/v1/collection", headers=shown).status_code == 200
    keys.file.revoke("phone")
    assert problem(client.get("/v1/collection", headers=shown)) == (401, "key_invalid")


def test_metrics_ask_for_read_except_on_this_machine(
    serve: Serve, guarded: TestClient, keys: Keys, reader: str
) -> None:
    far, near = from_address(guarded, "10.0.0.9"), from_address(guarded, "127.0.0.1")
    assert problem(far.get("/metrics")) == (401, "key_missing")
    assert far.get("/metrics", headers={"X-API-Key": reader}).status_code == 200
    assert near.get("/metrics").status_code == 200
    # a proxy of this machine speaks for somebody else
    proxied = near.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert problem(proxied) == (401, "key_missing")
    opened = from_address(serve(keys_file=keys.file.path, open_metrics=True), "10.0.0.9")
    assert opened.get("/metrics").status_code == 200
    assert problem(near.get("/v1/collection")) == (401, "key_missing")


def begin(client: TestClient, key: str, **headers: str) -> Any:  # noqa: ANN401
    return client.post("/v1/session", json={"key": key}, headers=headers)


def test_a_session_lets_images_be_shown_that_can_send_no_header(
    guarded: TestClient, reader: str
) -> None:
    begun = begin(guarded, reader)
    assert begun.status_code == 200
    assert begun.json()["name"] == "phone" and begun.json()["scopes"] == ["read"]
    said = begun.headers["set-cookie"]
    assert "HttpOnly" in said and "SameSite=strict" in said and "Path=/" in said
    assert "Secure" not in said and reader not in said
    assert guarded.get(f"/v1/images/{IDS['red']}/thumbnail").status_code == 200
    assert found(guarded.post("/v1/search", json=RED))[0] == "red"


def test_a_cookie_of_https_is_for_https_alone(serve: Serve, keys: Keys, reader: str) -> None:
    client = serve(keys_file=keys.file.path, trusted_proxies=("10.0.0.1",))
    proxy, other = from_address(client, "10.0.0.1"), from_address(client, "10.0.0.2")
    told = {"X-Forwarded-Proto": "https"}
    assert "Secure" in begin(proxy, reader, **told).headers["set-cookie"]
    assert "Secure" not in begin(other, reader, **told).headers["set-cookie"]


def test_a_session_has_the_scopes_of_its_key(guarded: TestClient, reader: str) -> None:
    begin(guarded, reader)
    refused = guarded.delete(f"/v1/images/{IDS['red']}", headers={"Origin": ORIGIN})
    assert problem(refused) == (403, "scope_missing")


def test_logging_out_ends_the_session_wherever_its_cookie_is(
    guarded: TestClient, reader: str
) -> None:
    begin(guarded, reader)
    stolen = guarded.cookies[COOKIE]
    assert guarded.delete("/v1/session").status_code == 204
    assert COOKIE not in guarded.cookies
    thief = from_address(guarded, "10.0.0.9")
    thief.cookies.set(COOKIE, stolen)
    assert problem(thief.get("/v1/collection")) == (401, "key_invalid")
    assert guarded.delete("/v1/session").status_code == 204


def test_a_session_ends_with_its_key(guarded: TestClient, keys: Keys, reader: str) -> None:
    begin(guarded, reader)
    keys.file.revoke("phone")
    assert problem(guarded.get("/v1/collection")) == (401, "key_invalid")


def test_no_session_begins_with_what_is_no_good_key(guarded: TestClient, reader: str) -> None:
    assert problem(begin(guarded, reader[:-1] + "!")) == (401, "key_invalid")
    assert problem(begin(guarded, "x" * 129)) == (422, "invalid_request")
    assert problem(guarded.post("/v1/session", data={"key": reader})) == (
        415,
        "unsupported_media_type",
    )
    assert problem(guarded.post("/v1/session", json={})) == (422, "invalid_request")
    assert COOKIE not in guarded.cookies


def test_an_answer_to_a_wrong_session_does_not_repeat_the_key(guarded: TestClient) -> None:
    wrong = make_key("other", {"read"})[1]
    for sent in ({"key": wrong}, {"key": [wrong]}, {"key": wrong * 9}):
        assert wrong not in guarded.post("/v1/session", json=sent).text


def test_where_no_key_is_asked_for_there_is_no_session(client: TestClient, reader: str) -> None:
    assert problem(begin(client, reader)) == (409, "no_keys")


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://localhost.evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "localhost"},
    {"Origin": "file://localhost"},
    {"Origin": "https://evil.example, http://localhost"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "something new"},
    {"Sec-Fetch-Site": "cross-site", "Origin": ORIGIN},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_another_sites_page_changes_nothing_with_or_without_keys(
    client: TestClient, guarded: TestClient, reader: str, headers: dict[str, str]
) -> None:
    begin(guarded, reader)
    for server in (client, guarded):
        for address in ("127.0.0.1", "10.0.0.9"):
            page = from_address(server, address)
            for method, path in every_route(server):
                if method != "GET":
                    answer = page.request(method, filled_in(path), headers=headers)
                    assert problem(answer) == (403, "cross_origin"), (method, path)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": ORIGIN},
        {"Origin": "http://LOCALHOST"},
        {"Origin": "https://localhost"},  # a proxy speaks TLS for this server
        {"Origin": "http://127.0.0.1:8000", "Host": "127.0.0.1:8000"},
        {"Origin": "http://[::1]:8000", "Host": "[::1]:8000"},
        {"Sec-Fetch-Site": "same-origin", "Origin": ORIGIN},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_our_own_page_and_programs_may(client: TestClient, headers: dict[str, str]) -> None:
    assert found(client.post("/v1/search", json=RED, headers=headers))[0] == "red"


def test_a_page_of_another_name_for_this_machine_is_refused(client: TestClient) -> None:
    """DNS rebinding: the browser takes it for the page's own origin, the Host header tells."""
    rebound = {"Host": "evil.example:8000", "Origin": "http://evil.example:8000"}
    same = {**rebound, "Sec-Fetch-Site": "same-origin"}
    assert problem(client.post("/v1/search", json=RED, headers=same)) == (421, "host_not_allowed")


def test_no_other_origin_may_read_until_it_is_listed(client: TestClient, serve: Serve) -> None:
    asked = {
        "Origin": "https://pictures.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key,content-type",
    }
    assert "access-control-allow-origin" not in client.options("/v1/search", headers=asked).headers
    listing = serve(cors_origins=("https://pictures.example",))
    told = listing.options("/v1/search", headers=asked)
    assert told.status_code == 200
    assert told.headers["access-control-allow-origin"] == "https://pictures.example"
    assert "access-control-allow-credentials" not in told.headers
    page = {"Origin": "https://pictures.example", "Sec-Fetch-Site": "cross-site"}
    answered = listing.post("/v1/search", json=RED, headers=page)
    assert found(answered)[0] == "red"
    assert answered.headers["access-control-allow-origin"] == "https://pictures.example"
    other = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    refused = listing.post("/v1/search", json=RED, headers=other)
    assert problem(refused) == (403, "cross_origin")
    assert "access-control-allow-origin" not in refused.headers


def test_a_listed_page_can_read_why_it_was_refused(serve: Serve, keys: Keys, reader: str) -> None:
    client = serve(keys_file=keys.file.path, cors_origins=("https://pictures.example",))
    refused = client.get("/v1/collection", headers={"Origin": "https://pictures.example"})
    assert problem(refused) == (401, "key_missing")
    assert refused.headers["access-control-allow-origin"] == "https://pictures.example"


def test_answers_are_kept_by_nobody_who_was_not_told_to(client: TestClient) -> None:
    assert client.get("/v1/collection").headers["cache-control"] == "no-store"
    thumbnail = client.get(f"/v1/images/{IDS['red']}/thumbnail")
    assert thumbnail.headers["cache-control"].startswith("private")
    assert client.get("/").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        (f"/v1/images/{'0' * 32}", "DELETE, GET"),
        ("/v1/images", "GET, POST"),
        ("/v1/session", "DELETE, POST"),
        ("/v1/search", "POST"),
        ("/livez", "GET"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_answered_with_all_that_it_takes(
    client: TestClient, path: str, methods: str
) -> None:
    response = client.request("PATCH", path)
    assert problem(response) == (405, "method_not_allowed")
    assert response.headers["allow"] == methods

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from models.errors import (
    CollectionError,
    CursorError,
    GoneError,
    ImageError,
    ImageTooLargeError,
    InputError,
    ModelError,
    PictorError,
    SpaceError,
    UnknownItemError,
)
from service import problems
from service.errors import OverloadedError, UnavailableError
from tests.service.answers import problem
from tests.service.conftest import PICTURES

JSON = {"Content-Type": "application/json"}


def raising(error: Exception) -> TestClient:
    app = FastAPI()
    problems.install(app)

    @app.get("/")
    async def fail() -> None:
        raise error

    return TestClient(app, raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InputError("x"), (422, "invalid_input")),
        (ModelError("x"), (422, "invalid_input")),
        (CursorError("x"), (422, "invalid_cursor")),
        (ImageError("x"), (422, "invalid_image")),
        (ImageTooLargeError("x"), (413, "image_too_large")),
        (UnknownItemError("x"), (404, "unknown_item")),
        (GoneError("x"), (410, "gone")),
        (SpaceError("x"), (503, "space_mismatch")),
        (CollectionError("x"), (503, "collection_unavailable")),
        (OverloadedError("x"), (503, "overloaded")),
        (UnavailableError("x"), (503, "unavailable")),
        (PictorError("x"), (500, "internal_error")),
        (KeyError("x"), (500, "internal_error")),
    ],
)
def test_every_error_has_its_status_and_code(error: Exception, expected: tuple[int, str]) -> None:
    assert problem(raising(error).get("/")) == expected


@pytest.mark.parametrize("error", [CollectionError("/home/me/x"), ValueError("/home/me/x")])
def test_the_servers_own_files_are_not_told(error: Exception) -> None:
    assert "/home/me" not in raising(error).get("/").text


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/nowhere", (404, "not_found")),
        ("GET", "/v1/search/", (404, "not_found")),
        ("GET", "/static/../settings.py", (404, "not_found")),
        ("GET", "/static/settings.py", (404, "not_found")),
        ("GET", "/v1/search", (405, "method_not_allowed")),
        ("DELETE", "/v1/collection", (405, "method_not_allowed")),
        ("PUT", "/v1/images", (405, "method_not_allowed")),
        ("GET", "/redoc", (404, "not_found")),
    ],
)
def test_an_address_that_is_not_there_is_a_problem_too(
    client: TestClient, method: str, path: str, expected: tuple[int, str]
) -> None:
    assert problem(client.request(method, path)) == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"red"',
        b"\xff\xfe",
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b'{"\\ud800": 1, "text": "red"}',
        b'{"text": "red", "min_score": NaN}',
        b'{"text": "red", "min_score": Infinity}',
        b'{"text": "red", "min_score": 1e999}',
        b'{"text": "red", "limit": ' + b"9" * 5000 + b"}",
        b'{"text": "red", "min_score": ' + b"9" * 4000 + b"}",
        b'{"text": "red", "limit": [[[[1]]]]}',
        b'{"text": ' + b"[" * 100_000 + b"}",
        b'{"text": "red", "composer": {"name": "sum", "weight": NaN}}',
        b'{"text": "red", "composer": {"name": "sum", "weight": ' + b"9" * 400 + b"}}",
        b'{"text": {"a": 1}}',
    ],
)
def test_a_body_that_cannot_be_a_query_is_a_422(client: TestClient, body: bytes) -> None:
    status, code = problem(client.post("/v1/search", content=body, headers=JSON))
    assert status == 422
    assert code in {"invalid_body", "invalid_request"}


@pytest.mark.parametrize(
    "body", [b"", b"--b", b"--b\r\nContent-Disposition: x\r\n\r\n", b"\x00" * 99]
)
def test_a_form_that_cannot_be_read_is_a_422(client: TestClient, body: bytes) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=b"}
    status, code = problem(client.post("/v1/search/upload", content=body, headers=form))
    assert status == 422
    assert code in {"invalid_body", "invalid_request"}


def test_a_form_of_two_pictures_is_refused(client: TestClient) -> None:
    files = [("image", PICTURES["red.png"]), ("image", PICTURES["blue.png"])]
    assert problem(client.post("/v1/search/upload", files=files)) == (422, "invalid_body")

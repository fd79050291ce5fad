"""Forms as a hostile client writes them: refused in bounded memory, each with its reason."""

from collections.abc import Mapping

import pytest
from fastapi.testclient import TestClient

from tests.fakes import picture_bytes
from tests.service.answers import found, problem
from tests.service.conftest import Serve

KIND = "multipart/form-data; boundary=b"
TEXT = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nred\r\n'
END = b"--b--\r\n"


def sent(client: TestClient, body: bytes, kind: str = KIND) -> tuple[int, str]:
    return problem(client.post("/v1/search/upload", content=body, headers={"Content-Type": kind}))


def part(
    name: str = "text", value: bytes = b"red", headers: Mapping[str, str] | None = None
) -> bytes:
    lines = [f'Content-Disposition: form-data; name="{name}"']
    lines += [f"{header}: {said}" for header, said in (headers or {}).items()]
    return "\r\n".join(["--b", *lines, "", ""]).encode() + value + b"\r\n"


def test_a_form_as_written_here_is_answered(client: TestClient) -> None:
    response = client.post("/v1/search/upload", content=TEXT + END, headers={"Content-Type": KIND})
    assert found(response)[0] == "red"


@pytest.mark.parametrize(
    "body",
    [
        part(headers={"X-Long": "a" * 100_000}) + END,
        part(headers={f"X-{number}": "a" for number in range(1000)}) + END,
        part(value=b"red" * 400_000) + END,
        b"".join(part(f"field{number}") for number in range(65)) + END,
        part() * 65 + END,
        b'--b\r\nContent-Disposition: form-data; name="text"\r\nX: ' + b"a" * 100_000,
        b"--b\r\n" * 10_000,
        b"--b\r\n\r\nred\r\n" + END,
        b"red",
    ],
    ids=["header", "headers", "field", "names", "same", "endless", "bounds", "nameless", "bare"],
)
def test_a_form_beyond_all_measure_is_refused(client: TestClient, body: bytes) -> None:
    assert sent(client, body)[0] in (413, 422)


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 10_000,
        "multipart/form-data; boundary=other",
        "multipart/form-data; boundary=\u00e9",
    ],
)
def test_a_form_with_another_boundary_is_refused(client: TestClient, kind: str) -> None:
    response = client.post(
        "/v1/search/upload",
        content=TEXT + END,
        headers={b"Content-Type": kind.encode("latin-1")},
    )
    assert problem(response)[0] == 422


def test_more_files_than_one_are_refused(client: TestClient) -> None:
    files = [("image", (f"{n}.png", picture_bytes("red"))) for n in range(2)]
    response = client.post("/v1/search/upload", files=files)
    assert problem(response)[0] == 422


def test_a_file_is_cut_off_at_the_limit_of_the_whole(serve: Serve) -> None:
    client = serve(max_request_bytes=10_000)
    response = client.post("/v1/search/upload", files={"image": b"x" * 9_990})
    assert problem(response) == (413, "request_too_large")

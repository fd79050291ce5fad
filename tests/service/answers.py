"""What tests read out of responses."""

from collections.abc import Mapping
from typing import Any, Protocol


class Answer(Protocol):
    """A response, whichever client it came through."""

    @property
    def status_code(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    @property
    def text(self) -> str: ...

    def json(self) -> Any: ...  # noqa: ANN401


def found(response: Answer) -> list[str]:
    """The names of the pictures found, best first, without their suffixes."""
    assert response.status_code == 200, response.text
    return [hit["path"].split(".")[0] for hit in response.json()["hits"]]


def problem(response: Answer) -> tuple[int, str]:
    """(status, code) of a well-formed problem."""
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body)
    assert body["status"] == response.status_code
    return response.status_code, body["code"]

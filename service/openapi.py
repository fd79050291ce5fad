"""The OpenAPI document: FastAPI's, with errors under the media type that they really have."""

from typing import Any

from fastapi import FastAPI

from service.problems import MEDIA_TYPE
from service.resources import Problem

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"model": Problem, "description": "A problem, with a stable code."}
}


def describe(app: FastAPI) -> None:
    """Makes /openapi.json say application/problem+json of every error."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            for operation in _operations(document):
                content = operation["responses"]["default"]["content"]
                content[MEDIA_TYPE] = content.pop("application/json")
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]

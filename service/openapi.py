"""The OpenAPI document: FastAPI's, with errors under the media type that they really have, and with
the keys that routes ask for where a collection has any, and with examples."""

from typing import Any

from fastapi import FastAPI

from service.access.sessions import COOKIE
from service.guards.scopes import OPEN, needed
from service.problems import MEDIA_TYPE
from service.schemas.examples import illustrate
from service.schemas.resources import Problem

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {"model": Problem, "description": "A problem, with a stable code."}
}

SCHEMES: dict[str, dict[str, str]] = {
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key that `pictor keys` made; none is asked for until there is one.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The same key."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "What POST /v1/session gives a browser for its key.",
    },
}


def describe(app: FastAPI) -> None:
    """Makes /openapi.json say application/problem+json of every error, and who may ask."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            for operation in _operations(document):
                content = operation["responses"]["default"]["content"]
                content[MEDIA_TYPE] = content.pop("application/json")
            document["components"]["securitySchemes"] = SCHEMES
            for path, operations in document["paths"].items():
                for method, operation in operations.items():
                    if needed(method.upper(), path) != OPEN:
                        operation["security"] = [{name: []} for name in SCHEMES]
            illustrate(document)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own way to extend it


def _operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in document["paths"].values() for operation in path.values()]

"""Bodies in the media type that a route takes; 415 for another one."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from index.changes.unwritable import changing
from service.schemas.search import SearchRequest, request_of_form

JSON = "application/json"
MULTIPART = "multipart/form-data"

# what FastAPI cannot see in a form that is read by hand
UPLOAD_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        MULTIPART: {
            "schema": {
                "type": "object",
                "properties": {
                    "image": {"type": "string", "format": "binary"},
                    "text": {
                        "anyOf": [
                            {"type": "string"},
                            {"type": "array", "items": {"type": "string"}},
                        ]
                    },
                    "limit": {"type": "integer", "default": 20},
                    "cursor": {"type": "string"},
                    "min_score": {"type": ["number", "null"]},
                    "mode": {
                        "type": "string",
                        "enum": ["vector", "words", "hybrid"],
                        "default": "vector",
                        "description": "As in /v1/search.",
                    },
                    "exclude": {
                        "type": "string",
                        "description": "As in /v1/search, as a JSON string.",
                        "examples": ['[{"text": "people", "weight": 0.5}]'],
                    },
                    "composer": {
                        "type": "string",
                        "description": "As in /v1/search, as a JSON string.",
                        "examples": ['{"name": "slerp", "weight": 0.4}'],
                    },
                    "filter": {
                        "type": "string",
                        "description": "As in /v1/search, as a JSON string.",
                        "examples": ['{"field": "path", "prefix": "trip/"}'],
                    },
                    "crop": {
                        "type": "string",
                        "description": "As in /v1/search, as a JSON string.",
                        "examples": ["[0.1, 0.1, 0.9, 0.9]"],
                    },
                },
            }
        }
    },
}


async def _json_only(request: Request) -> None:
    media_type(request, JSON)


async def _uploaded(request: Request) -> SearchRequest:
    media_type(request, MULTIPART)
    async with received_form(request, max_files=1, max_fields=64) as form:
        return await request_of_form(form)


@asynccontextmanager
async def received_form(
    request: Request, *, max_files: int, max_fields: int
) -> AsyncIterator[FormData]:
    """Large files of a form lie in the system's temporary folder; raises NoRoomError, as
    index/changes/unwritable.py does, where that has no room for them."""
    async with AsyncExitStack() as held:
        with changing(Path(tempfile.gettempdir())):
            form = request.form(max_files=max_files, max_fields=max_fields)
            received = await held.enter_async_context(form)
        yield received


def media_type(request: Request, *expected: str) -> str:
    """That of the body: one of those expected."""
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in expected:
        wanted = " or ".join(expected)
        raise HTTPException(415, f"content type is {sent or 'missing'}, expected {wanted}")
    return sent


JsonOnly = Depends(_json_only)
UploadDep = Annotated[SearchRequest, Depends(_uploaded)]

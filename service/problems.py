"""Every failure as application/problem+json (RFC 9457), with a stable `code` for programs.

One table maps our errors to statuses; whatever is not in it is a 500 that says nothing of its
cause. `errors` lists what is wrong with a request, field by field; `request_id` finds the
request in the log.
"""

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from models.errors import (
    CollectionError,
    CursorError,
    GoneError,
    ImageError,
    ImageTooLargeError,
    InputError,
    LockedError,
    ModelMemoryError,
    NoHeatError,
    NoRoomError,
    PictorError,
    ReadOnlyError,
    SpaceError,
    UnknownItemError,
    UnsupportedComposerError,
    WithheldError,
)
from service.errors import (
    AddressRefusedError,
    BusyError,
    FetchFailedError,
    FetchingOffError,
    HandleGoneError,
    KeyRefusedError,
    NoKeysError,
    NothingAddedError,
    NotReadyError,
    OverloadedError,
    UnavailableError,
    UnknownJobError,
    UnknownModelError,
)
from service.guards.scopes import methods_of
from service.telemetry.current import REQUEST_ID_HEADER, current

MEDIA_TYPE = "application/problem+json"
LONGEST_RETRY_S = 60
NOT_SUPPORTED = "not_supported"
OPENAI_SHAPED = ("/v1/embeddings", "/v1/models")  # its libraries look for a `message`

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kind:
    """A status and its code; `detail` stands in for texts that tell of the server's own files."""

    status: int
    code: str
    detail: str | None = None


INVALID_BODY = Kind(422, "invalid_body")
INTERNAL = Kind(500, "internal_error", "the server failed; its log says why")
TIMEOUT = Kind(504, "timeout")
TOO_SLOW = Kind(408, "body_too_slow")
BAD_HTTP = Kind(400, "bad_http")
HEAD_TOO_SLOW = Kind(408, "head_too_slow")
HEAD_TOO_LARGE = Kind(431, "head_too_large")
NO_KEY = Kind(401, "key_missing")
BAD_KEY = Kind(401, "key_invalid")
STOPPING = Kind(503, "stopping")

# the closest class of an error's own line of descent counts
ERRORS: dict[type[Exception], Kind] = {
    InputError: Kind(422, "invalid_input"),
    ImageError: Kind(422, "invalid_image"),
    ImageTooLargeError: Kind(413, "image_too_large"),
    CursorError: Kind(422, "invalid_cursor"),
    UnknownItemError: Kind(404, "unknown_item"),
    UnsupportedComposerError: Kind(400, "unsupported_composer"),
    UnknownModelError: Kind(404, "unknown_model"),
    FetchingOffError: Kind(403, "fetching_off"),
    AddressRefusedError: Kind(422, "address_refused"),
    FetchFailedError: Kind(422, "fetch_failed"),
    KeyRefusedError: BAD_KEY,
    NoKeysError: Kind(409, "no_keys"),
    GoneError: Kind(410, "gone"),
    HandleGoneError: Kind(410, "handle_gone"),
    NoHeatError: Kind(409, "no_heatmap"),
    WithheldError: Kind(403, "withheld"),
    ModelMemoryError: Kind(503, "out_of_memory", "the model's device is out of memory"),
    SpaceError: Kind(503, "space_mismatch"),
    CollectionError: Kind(503, "collection_unavailable", "the collection cannot be read now"),
    NoRoomError: Kind(507, "no_room", "the collection's disk is full; nothing was changed"),
    ReadOnlyError: Kind(403, "read_only", "this server may not write the collection"),
    LockedError: Kind(503, "collection_busy", "others are writing the collection"),
    UnknownJobError: Kind(404, "unknown_job"),
    OverloadedError: Kind(503, "overloaded"),
    UnavailableError: Kind(503, "unavailable"),
    NotReadyError: Kind(503, "not_ready"),
}

# what Starlette and FastAPI raise by status; they say 400 of a body that cannot be parsed
STATUSES: dict[int, Kind] = {
    400: INVALID_BODY,
    404: Kind(404, "not_found", "there is nothing at this address"),
    405: Kind(405, "method_not_allowed", "this address does not take that method"),
    413: Kind(413, "request_too_large"),
    415: Kind(415, "unsupported_media_type"),
    421: Kind(421, "host_not_allowed"),
    503: Kind(503, "overloaded"),
}


def problem(
    kind: Kind,
    detail: str,
    *,
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    request = current()
    known = {} if request is None else {"request_id": request.id}
    if request is not None and request.path.startswith(OPENAI_SHAPED):
        known["message"] = kind.detail or detail
    content = {
        "type": "about:blank",
        "title": HTTPStatus(kind.status).phrase,
        "status": kind.status,
        "detail": kind.detail or detail,
        "code": kind.code,
        **known,
        **(extra or {}),
    }
    # ASCII only: what is quoted from a request may hold lone surrogates, which UTF-8 cannot
    body = json.dumps(content, ensure_ascii=True)
    safe = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    if kind.status == 401:
        safe["WWW-Authenticate"] = 'Bearer realm="pictor"'
    if request is not None:
        safe[REQUEST_ID_HEADER] = request.id  # what answers a crash is outside of all else
    return Response(body, kind.status, {**safe, **(headers or {})}, media_type=MEDIA_TYPE)


def retry_after(seconds: float) -> str:
    """The header's whole seconds: one at least, and not for ever."""
    return str(min(max(1, math.ceil(seconds)), LONGEST_RETRY_S))


def install(app: FastAPI) -> None:
    app.add_exception_handler(PictorError, _of_pictor)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(ClientDisconnect, _of_departure)
    app.add_exception_handler(Exception, _of_anything)


def kind_of(error: Exception) -> Kind:
    if isinstance(error, NothingAddedError):
        error = error.why
    return next((ERRORS[c] for c in type(error).__mro__ if c in ERRORS), INTERNAL)


def problem_content(error: Exception) -> dict[str, Any]:
    """Of one part of a request, whose other parts went well."""
    kind = kind_of(error)
    return {"status": kind.status, "code": kind.code, "detail": kind.detail or str(error)}


async def _of_pictor(request: Request, error: Exception) -> Response:
    kind = kind_of(error)
    if kind.detail or kind.status >= 500:
        log.warning("%s %s: %s: %s", request.method, request.url.path, kind.code, error)
    extra: dict[str, Any] = {"checks": error.checks} if isinstance(error, NotReadyError) else {}
    if isinstance(error, NothingAddedError):
        extra = {"images": error.images}
    wait_s = error.retry_after_s if isinstance(error, BusyError) else 1.0
    headers = {"Retry-After": retry_after(wait_s)} if kind.status == 503 else {}
    return problem(kind, str(error), extra=extra, headers=headers)


async def _of_http(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    kind = STATUSES.get(error.status_code, INTERNAL)
    headers = dict(error.headers or {})
    if error.status_code == 405:  # Starlette names those of the first route of this path alone
        headers["Allow"] = ", ".join(methods_of(request.url.path)) or headers.get("Allow", "")
    return problem(kind, str(error.detail), headers=headers)


async def _of_validation(_: Request, error: Exception) -> Response:
    found = cast(RequestValidationError, error).errors()
    # FastAPI places a body that is no JSON by its offset, a wrong field by its name
    if found and found[0]["type"] == "json_invalid" and isinstance(found[0]["loc"][-1], int):
        return problem(INVALID_BODY, f"not valid JSON at character {found[0]['loc'][-1]}")
    return validation_problem(found)


async def _of_departure(_: Request, __: Exception) -> Response:
    return problem(INVALID_BODY, "the body was not sent whole")  # nobody is there to read it


async def _of_anything(_: Request, __: Exception) -> Response:
    return problem(INTERNAL, "")  # the server logs the exception itself


def validation_problem(found: Sequence[Mapping[str, Any]]) -> Response:
    """Of pydantic's list of errors; input is never quoted back, it may be megabytes."""
    errors = [
        {"field": _field(each["loc"]), "code": each["type"], "detail": each["msg"]}
        for each in found
    ]
    unbuilt = any(each["code"] == NOT_SUPPORTED for each in errors)
    kind = Kind(422, NOT_SUPPORTED if unbuilt else "invalid_request")
    detail = "; ".join(f"{each['field']}: {each['detail']}" for each in errors)
    return problem(kind, detail, extra={"errors": errors})


def _field(location: Sequence[str | int]) -> str:
    """("body", "image", "id") -> image.id"""
    return ".".join(str(part) for part in location[1:]) or str(location[0])

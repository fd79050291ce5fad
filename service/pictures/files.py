"""An item's files as responses: cached by content, named safely, never guessed at by a browser.

Conditions and ranges as in RFC 9110. An original is sent from its file, a part at a time; it is
opened before its answer begins, so that one which is gone is a 410.
"""

import hashlib
from pathlib import PurePosixPath
from urllib.parse import quote

from fastapi import Request, Response

from index.items import ID_HEX, Item
from index.opened import InMemory, Original
from service.library import Library
from service.pictures.byte_ranges import Span, UnsatisfiableError, matches, span_of
from service.pictures.file_body import FileBody
from service.pictures.kept_pictures import KeptPicture, KeptPictures
from service.problems import Kind, problem

# an id names its bytes for ever; private, because pictures are somebody's
CACHE = "private, max-age=31536000, immutable"
# of an item whose id is not made of its bytes, and of what a setting changes
ASK_AGAIN = "private, no-cache"
WITHOUT_PLACE = "-p"  # in the tag of an original of which the place is left out

PRECONDITION_FAILED = Kind(412, "precondition_failed", "the file is another one than If-Match says")
UNSATISFIABLE = Kind(416, "range_not_satisfiable")

MEDIA_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
}


async def original_response(item_id: str, request: Request, library: Library) -> Response:
    item = await library.item(item_id)
    own = item.content in (None, item.id) and not library.strips_gps
    content = f"{item.content or item.id}{WITHOUT_PLACE if library.strips_gps else ''}"
    headers = headers_of(content, CACHE if own else ASK_AGAIN)
    answered = unchanged(request, headers)
    if answered is not None:
        return answered
    headers["Content-Disposition"] = disposition(item)
    headers["Content-Type"] = MEDIA_TYPES.get(item.format, "application/octet-stream")
    return given(request, await library.open_original(item_id), headers)


async def thumbnail_response(item_id: str, request: Request, library: Library) -> Response:
    """Small enough to be read whole, and tagged by what it really is."""
    thumbnail = InMemory(await library.thumbnail(item_id))
    headers = headers_of(hashlib.sha256(thumbnail.data).hexdigest()[:ID_HEX], CACHE)
    headers["Content-Type"] = "image/webp"
    return unchanged(request, headers) or given(request, thumbnail, headers)


def kept_thumbnail_response(picture: KeptPicture, kept: KeptPictures, request: Request) -> Response:
    """Cached for as long as the picture is kept."""
    tag = hashlib.sha256(picture.thumbnail).hexdigest()[:ID_HEX]
    headers = headers_of(tag, f"private, max-age={int(kept.left_s(picture))}")
    headers["Content-Type"] = "image/webp"
    return unchanged(request, headers) or given(request, InMemory(picture.thumbnail), headers)


def headers_of(content: str, cache: str) -> dict[str, str]:
    return {"ETag": f'"{content}"', "Cache-Control": cache, "Accept-Ranges": "bytes"}


def unchanged(request: Request, headers: dict[str, str]) -> Response | None:
    """The answer, where the request's conditions already are it."""
    sent, tag = request.headers, headers["ETag"]
    if "if-match" in sent and not matches(sent["if-match"], tag, weakly=False):
        return problem(PRECONDITION_FAILED, "")
    if "if-none-match" in sent and matches(sent["if-none-match"], tag, weakly=True):
        return Response(status_code=304, headers=headers)
    return None


def given(request: Request, original: Original, headers: dict[str, str]) -> Response:
    """The whole, a part, or the head alone; closes the original."""
    size, is_head = original.size, request.method == "HEAD"
    try:
        span = None if is_head else span_of(request.headers, size, headers["ETag"])
    except UnsatisfiableError:
        original.close()
        beyond = {"Content-Range": f"bytes */{size}"}
        return problem(UNSATISFIABLE, f"the file has {size} bytes", headers=beyond)
    if is_head:
        original.close()
        return Response(headers={**headers, "Content-Length": str(size)})
    if span is None:
        whole = {**headers, "Content-Length": str(size)}
        return FileBody(original, Span(0, size - 1), 200, whole)
    part = {"Content-Length": str(span.count)}
    part["Content-Range"] = f"bytes {span.first}-{span.last}/{size}"
    return FileBody(original, span, 206, {**headers, **part})


def disposition(item: Item) -> str:
    """RFC 6266: a plain name for old readers, the true one in UTF-8."""
    name = PurePosixPath(item.path).name
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    encoded = quote(name, safe="", errors="replace")
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{encoded}"

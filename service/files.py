"""An item's files as responses: cached by content, named safely, never guessed at by a browser."""

from pathlib import PurePosixPath
from urllib.parse import quote

from fastapi import Request, Response

from index.items import Item
from service.library import Library

# an id names its bytes for ever; private, because pictures are somebody's
CACHE = "private, max-age=31536000, immutable"

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
    headers = cache_headers(item_id)
    if unchanged(request, item_id):
        return Response(status_code=304, headers=headers)
    headers["Content-Disposition"] = disposition(item)
    media_type = MEDIA_TYPES.get(item.format, "application/octet-stream")
    return Response(await library.original(item_id), headers=headers, media_type=media_type)


async def thumbnail_response(item_id: str, request: Request, library: Library) -> Response:
    await library.item(item_id)
    headers = cache_headers(item_id)
    if unchanged(request, item_id):
        return Response(status_code=304, headers=headers)
    return Response(await library.thumbnail(item_id), headers=headers, media_type="image/webp")


def cache_headers(item_id: str) -> dict[str, str]:
    return {"ETag": f'"{item_id}"', "Cache-Control": CACHE}


def unchanged(request: Request, item_id: str) -> bool:
    sent = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in sent.split(",")}
    return "*" in tags or f'"{item_id}"' in tags


def disposition(item: Item) -> str:
    """RFC 6266: a plain name for old readers, the true one in UTF-8."""
    name = PurePosixPath(item.path).name
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in name)
    encoded = quote(name, safe="", errors="replace")
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{encoded}"

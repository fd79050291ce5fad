"""The page, its documents, and nothing else from disk: every file is named here."""

from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

WEB = Path(__file__).parent.parent / "web"
STATIC = {
    "adding-files.js": "text/javascript",
    "adding-queue.js": "text/javascript",
    "adding.css": "text/css",
    "adding.js": "text/javascript",
    "api.js": "text/javascript",
    "app.js": "text/javascript",
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "elements.js": "text/javascript",
    "filters-choice.js": "text/javascript",
    "filters-dates.js": "text/javascript",
    "filters-folders.js": "text/javascript",
    "filters-values.js": "text/javascript",
    "filters.css": "text/css",
    "filters.js": "text/javascript",
    "grid.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "key.js": "text/javascript",
    "query.js": "text/javascript",
    "sketch-sheet.js": "text/javascript",
    "sketch.css": "text/css",
    "sketch.js": "text/javascript",
    "states-nearest.js": "text/javascript",
    "states-waiting.js": "text/javascript",
    "states-welcome.js": "text/javascript",
    "states.css": "text/css",
    "states.js": "text/javascript",
    "style.css": "text/css",
}
REVALIDATE = {"Cache-Control": "no-cache"}

router = APIRouter(include_in_schema=False)


@router.get("/")
async def page() -> Response:
    return FileResponse(WEB / "index.html", headers=REVALIDATE)


@router.get("/docs")
async def docs() -> Response:
    return FileResponse(WEB / "docs.html", headers=REVALIDATE)


@router.get("/static/{name}")
async def static(name: str) -> Response:
    if name not in STATIC:
        raise HTTPException(404)
    return FileResponse(WEB / name, media_type=STATIC[name], headers=REVALIDATE)

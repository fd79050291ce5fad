"""The page, its documents, and nothing else from disk: every file is named here."""

from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse

WEB = Path(__file__).parent.parent / "web"
STATIC = {
    "about.js": "text/javascript",
    "adding-files.js": "text/javascript",
    "adding-line.js": "text/javascript",
    "adding-panel.js": "text/javascript",
    "adding-queue.js": "text/javascript",
    "adding.css": "text/css",
    "adding.js": "text/javascript",
    "address.js": "text/javascript",
    "api.js": "text/javascript",
    "app.js": "text/javascript",
    "asked.js": "text/javascript",
    "bar.css": "text/css",
    "bar.js": "text/javascript",
    "crop.js": "text/javascript",
    "detail.css": "text/css",
    "detail.js": "text/javascript",
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "elements.js": "text/javascript",
    "filters-chips.js": "text/javascript",
    "filters-choice.js": "text/javascript",
    "filters-dates.js": "text/javascript",
    "filters-folders.js": "text/javascript",
    "filters-groups.js": "text/javascript",
    "filters-score.js": "text/javascript",
    "filters-values.js": "text/javascript",
    "filters.css": "text/css",
    "filters.js": "text/javascript",
    "grid-keys.js": "text/javascript",
    "grid.css": "text/css",
    "grid.js": "text/javascript",
    "heat.js": "text/javascript",
    "held.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "intake.js": "text/javascript",
    "key.js": "text/javascript",
    "keys.js": "text/javascript",
    "layout.js": "text/javascript",
    "map-camera.js": "text/javascript",
    "map-chosen.js": "text/javascript",
    "map-drawing.js": "text/javascript",
    "map-gestures.js": "text/javascript",
    "map-layout.js": "text/javascript",
    "map-scene.js": "text/javascript",
    "map-thumbs.js": "text/javascript",
    "map-tiles.js": "text/javascript",
    "map.css": "text/css",
    "map.js": "text/javascript",
    "neighbours.js": "text/javascript",
    "part.js": "text/javascript",
    "places.js": "text/javascript",
    "problem.js": "text/javascript",
    "query.js": "text/javascript",
    "results.js": "text/javascript",
    "share.js": "text/javascript",
    "sketch-hands.js": "text/javascript",
    "sketch-sheet.js": "text/javascript",
    "sketch-tools.js": "text/javascript",
    "sketch.css": "text/css",
    "sketch.js": "text/javascript",
    "states-nearest.js": "text/javascript",
    "states-waiting.js": "text/javascript",
    "states-welcome.js": "text/javascript",
    "states.css": "text/css",
    "states.js": "text/javascript",
    "steps.js": "text/javascript",
    "style.css": "text/css",
    "tile.js": "text/javascript",
    "trail.js": "text/javascript",
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

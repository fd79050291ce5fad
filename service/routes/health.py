"""Whether the process lives, and whether it can answer."""

from fastapi import APIRouter

from service.parts import PartsDep
from service.schemas.resources import Health

router = APIRouter(tags=["health"])


@router.get("/livez")
async def livez() -> Health:
    """200 as long as the process serves."""
    return Health(status="alive")


@router.get("/readyz")
async def readyz(parts: PartsDep) -> Health:
    """200 when a text, a picture and a search really went through, else 503 with what failed."""
    return await parts.readiness.check()

"""What Prometheus reads."""

import asyncio

from fastapi import APIRouter, Request, Response

from service.parts import PartsDep

router = APIRouter(include_in_schema=False)


@router.get("/metrics")
async def metrics(request: Request, parts: PartsDep) -> Response:
    """Read in a thread: some of it is asked of the collection and the operating system."""
    accept = request.headers.get("accept", "")
    text, media_type = await asyncio.to_thread(parts.metrics.text, accept)
    return Response(text, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

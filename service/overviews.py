"""A box of the overview as a response: tagged by the state of the collection that it is of, so that
a client which has it already is told so, before anything is computed."""

import hashlib

from fastapi import Request, Response

from index.served import Snapshot
from service.library import Library
from service.pictures.files import ASK_AGAIN, unchanged
from service.schemas.overview import OverviewQuery, overview_answer


async def overview_response(query: OverviewQuery, request: Request, library: Library) -> Response:
    looking = query.looking()

    def read(snapshot: Snapshot) -> Response:
        headers = {"ETag": _tag(snapshot.state, request), "Cache-Control": ASK_AGAIN}
        answered = unchanged(request, headers)
        if answered is not None:
            return answered
        warnings = snapshot.unknown_fields(looking.where)
        answer = overview_answer(snapshot.generation, snapshot.overview(looking), warnings)
        headers["Content-Type"] = "application/json"
        return Response(answer.model_dump_json(), headers=headers)

    return await library.read(read)


def _tag(state: str, request: Request) -> str:
    asked = f"{state}?{request.url.query}"
    return f'"{hashlib.sha256(asked.encode()).hexdigest()[:32]}"'

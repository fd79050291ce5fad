"""A browser's session: a key is shown once, a cookie stands for it from then on."""

from fastapi import APIRouter, Request, Response

from service.access.sessions import COOKIE
from service.guards.callers import caller_of
from service.parts import SessionsDep
from service.schemas.bodies import JsonOnly
from service.schemas.sessions import SessionAnswer, SessionRequest, session_answer

router = APIRouter(prefix="/v1/session", tags=["session"])


@router.post("", dependencies=[JsonOnly])
async def begin(
    asked: SessionRequest, request: Request, response: Response, sessions: SessionsDep
) -> SessionAnswer:
    """Sets a cookie that no script can read and no other site's page can use."""
    key = sessions.key_of(asked.key)
    session = sessions.begin(key)
    response.set_cookie(
        COOKIE,
        session.token,
        expires=session.expires_at,
        path="/",
        secure=caller_of(request.scope).is_secure,
        httponly=True,
        samesite="strict",
    )
    return session_answer(key, session)


@router.delete("", status_code=204)
async def end(request: Request, response: Response, sessions: SessionsDep) -> None:
    """The cookie is good for nothing from then on, wherever else it is."""
    sessions.end(request.cookies.get(COOKIE, ""))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")

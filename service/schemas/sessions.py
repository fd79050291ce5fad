"""What beginning a session asks and answers."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from service.access.keys import Key
from service.access.sessions import Session
from service.schemas.pictures import Strict


class SessionRequest(Strict):
    key: str = Field(max_length=128, description="A key that `pictor keys` made.")


class SessionAnswer(BaseModel):
    name: str = Field(description="The key's.")
    scopes: list[Literal["read", "write"]]
    expires_at: datetime


def session_answer(key: Key, session: Session) -> SessionAnswer:
    return SessionAnswer(name=key.name, scopes=sorted(key.scopes), expires_at=session.expires_at)

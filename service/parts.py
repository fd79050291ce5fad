"""The parts of a running server, as routes ask for them."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from models.composers.registry import Composers
from service.access.keyring import Keyring
from service.access.sessions import Sessions
from service.answers import Answers
from service.browsing import Browser
from service.changes.intake import Intake
from service.draining import Drain
from service.heating import Heating
from service.library import Library
from service.model.encoding import Encoding
from service.pictures.kept_pictures import KeptPictures
from service.pictures.web import WebPictures
from service.readiness import Readiness
from service.telemetry.metrics import Metrics


@dataclass(frozen=True)
class Parts:
    encoding: Encoding
    library: Library
    answers: Answers
    browser: Browser
    composers: Composers
    readiness: Readiness
    drain: Drain
    device: str
    metrics: Metrics
    web: WebPictures
    intake: Intake
    kept: KeptPictures
    heating: Heating
    keyring: Keyring
    sessions: Sessions


# async, so that FastAPI calls them in place and not in a thread
async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(_parts)]


async def _answers(parts: PartsDep) -> Answers:
    return parts.answers


async def _browser(parts: PartsDep) -> Browser:
    return parts.browser


async def _library(parts: PartsDep) -> Library:
    return parts.library


async def _sessions(parts: PartsDep) -> Sessions:
    return parts.sessions


async def _intake(parts: PartsDep) -> Intake:
    return parts.intake


async def _kept(parts: PartsDep) -> KeptPictures:
    return parts.kept


async def _heating(parts: PartsDep) -> Heating:
    return parts.heating


AnswersDep = Annotated[Answers, Depends(_answers)]
BrowserDep = Annotated[Browser, Depends(_browser)]
LibraryDep = Annotated[Library, Depends(_library)]
HeatingDep = Annotated[Heating, Depends(_heating)]
IntakeDep = Annotated[Intake, Depends(_intake)]
KeptPicturesDep = Annotated[KeptPictures, Depends(_kept)]
SessionsDep = Annotated[Sessions, Depends(_sessions)]

"""The service put together: routes, parts, errors, limits. Wiring only."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from fastapi import FastAPI

from index.served import Collection
from models.composers.registry import Composers
from models.encoders import DualEncoder
from service import problems
from service.access.keyring import Keyring
from service.access.keys_file import KeysFile, keys_file_of
from service.access.seals import Seals
from service.access.sessions import Sessions, session_secret
from service.answers import Answers
from service.browsing import Browser
from service.changes.intake import Intake
from service.draining import Drain
from service.guards.admission import Admission, Capacity
from service.guards.departures import Departures
from service.guards.door import keep_door
from service.guards.draining import DrainGuard
from service.guards.headers import SafeHeaders
from service.guards.hosts import HostGuard
from service.guards.sizes import SizeLimit
from service.guards.time import TimeLimit
from service.heating import Heating
from service.library import Library
from service.model.encoding import Encoding
from service.openapi import RESPONSES, describe
from service.parts import Parts
from service.pictures.kept_folder import keeping
from service.pictures.named import Pictures
from service.pictures.web import WebPictures
from service.readiness import Readiness
from service.routes import (
    adding,
    embeddings,
    health,
    images,
    listing,
    page,
    pictures,
    search,
    session,
)
from service.routes import collection as collection_routes
from service.routes import metrics as metrics_routes
from service.settings import Settings
from service.telemetry.measured import Measured, Traces
from service.telemetry.metrics import Metrics
from service.telemetry.observing import Observing
from service.telemetry.readings import CollectionReadings, ModelReadings

ROUTES = (
    session,
    search,
    pictures,
    listing,
    images,
    adding,
    embeddings,
    collection_routes,
    health,
    metrics_routes,
    page,
)


def create_app(
    collection: Collection,
    encoder: DualEncoder,
    settings: Settings,
    composers: Composers | None = None,
    traces: Traces | None = None,
) -> FastAPI:
    """An app that owns neither the collection nor the encoder.

    Raises SpaceError, naming both, when the encoder's spaces are not the collection's.
    """
    measured = Measured(Metrics(), traces)
    parts = assemble(collection, encoder, composers or Composers(encoder), settings, measured)
    native: dict[str, Any] = {} if traces is None else {"telemetry": traces.telemetry}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.intake.fork()
        parts.encoding.start()
        await parts.intake.start()
        yield
        await parts.intake.stop()
        parts.encoding.stop()
        parts.library.stop()
        parts.web.stop()

    app = FastAPI(
        title="Pictor",
        description="Find pictures by what they show.",
        version=_version(),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=RESPONSES,
        **native,
    )
    app.state.parts = parts
    for routes in ROUTES:
        app.include_router(routes.router)
    problems.install(app)
    describe(app)
    admit(app, parts, settings, measured)
    guard(app, settings, parts)
    # outermost: it sees what guards refuse
    app.add_middleware(Observing, measured=measured, log_queries=settings.log_queries)
    return app


def assemble(
    collection: Collection,
    encoder: DualEncoder,
    composers: Composers,
    settings: Settings,
    measured: Measured,
) -> Parts:
    metrics = measured.metrics
    metrics.add(CollectionReadings(collection))
    metrics.add(ModelReadings(encoder.spaces[-1], encoder.runs_on, _version()))
    library = Library(collection, encoder.spaces, settings, measured)
    encoding = Encoding(encoder, settings, measured)
    drain = Drain()
    seals = Seals.made_of(settings.cursor_key, collection.kept_key)
    web = WebPictures.of(settings, measured)
    intake = Intake.of(collection, encoder, encoding, web=web, settings=settings, measures=measured)
    kept = keeping(settings, intake.preparing)
    keyring = Keyring(KeysFile(settings.keys_file or keys_file_of(collection.files)))
    return Parts(
        encoding=encoding,
        library=library,
        answers=Answers(encoding, library, composers, seals, Pictures(library, web, kept)),
        browser=Browser(library, seals),
        web=web,
        intake=intake,
        kept=kept,
        heating=Heating(encoder, encoding, library, settings),
        composers=composers,
        readiness=Readiness(encoding, library, composers, settings, drain),
        drain=drain,
        device=encoder.runs_on,
        metrics=metrics,
        keyring=keyring,
        sessions=Sessions(keyring, settings.session_s, session_secret(settings.cursor_key)),
    )


def admit(app: FastAPI, parts: Parts, settings: Settings, measured: Measured) -> None:
    """Innermost: only what no other guard refuses takes a place."""
    capacity = Capacity(
        # those that may wait for the model, and one that runs: more would be refused there, late
        requests=settings.max_queue + 1,
        bytes=settings.max_held_bytes,
        longest_body=settings.max_request_bytes,
    )
    worker = parts.encoding.worker
    app.add_middleware(Departures)
    app.add_middleware(
        Admission, capacity=capacity, wait_s=lambda: worker.load_s, measures=measured
    )
    app.add_middleware(DrainGuard, drain=parts.drain)


def guard(app: FastAPI, settings: Settings, parts: Parts) -> None:
    """The last one added is the first that a request meets."""
    app.add_middleware(SizeLimit, max_bytes=settings.max_request_bytes)
    app.add_middleware(TimeLimit, timeout_s=settings.request_timeout_s)
    keep_door(app, settings, parts.keyring, parts.sessions)
    app.add_middleware(HostGuard, allowed={settings.host, *settings.allowed_hosts})
    app.add_middleware(SafeHeaders)


def _version() -> str:
    try:
        return version("pictor")
    except PackageNotFoundError:
        return "0"

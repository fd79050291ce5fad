"""The guards that ask who somebody is and what they may, in their order."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from service.access.keyring import Keyring
from service.access.sessions import Sessions
from service.guards.access import KeyGuard
from service.guards.callers import Callers
from service.guards.origins import OriginGuard
from service.guards.rates import Buckets, RateLimit
from service.settings import Settings
from service.telemetry.current import REQUEST_ID_HEADER

SENT = ("Authorization", "Content-Type", "X-API-Key", REQUEST_ID_HEADER)
SHOWN = ("ETag", "RateLimit", "RateLimit-Policy", "Retry-After", REQUEST_ID_HEADER)
REMEMBERED_S = 600  # what a browser was told of an origin


def keep_door(app: FastAPI, settings: Settings, keyring: Keyring, sessions: Sessions) -> None:
    """The last one added is the first that a request meets."""
    app.add_middleware(KeyGuard, keyring=keyring, open_metrics=settings.open_metrics)
    if settings.requests_per_minute:
        app.add_middleware(RateLimit, buckets=Buckets(settings.requests_per_minute))
    app.add_middleware(
        Callers, keyring=keyring, sessions=sessions, proxies=settings.trusted_proxies
    )
    app.add_middleware(OriginGuard, allowed=settings.cors_origins)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=("GET", "POST", "DELETE"),
            allow_headers=SENT,
            expose_headers=SHOWN,
            max_age=REMEMBERED_S,
        )

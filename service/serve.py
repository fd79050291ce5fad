"""The service on a socket: one process, until it is asked to stop.

SIGINT and SIGTERM stop it after the requests that run are answered; what comes meanwhile is refused
with 503. Logs go to standard error.
Raises InputError when the address cannot be listened on.
"""

import logging
import socket
from contextlib import suppress

import uvicorn

from index.served import Collection
from models.composers.registry import Composers
from models.encoders import DualEncoder
from models.errors import InputError
from service.app import create_app
from service.exposure import refuse_exposure
from service.guards.connections import BoundedConnection
from service.parts import Parts
from service.server import Server
from service.settings import Settings
from service.telemetry.logs import configuration
from service.telemetry.measured import traces_of

BACKLOG = 2048
LAST_ANSWERS_S = 2  # for connections to close, when no request runs any more

log = logging.getLogger(__name__)


def serve(
    settings: Settings,
    collection: Collection,
    encoder: DualEncoder,
    composers: Composers | None = None,
) -> None:
    """Returns when the server has stopped; raises as `create_app` and `refuse_exposure` do."""
    refuse_exposure(settings, collection.files)
    traces = traces_of(settings)
    app = create_app(collection, encoder, settings, composers, traces)
    config = uvicorn.Config(
        app,
        log_config=configuration(settings.log_format, settings.log_level),
        access_log=False,  # service.observing has its own
        server_header=False,
        proxy_headers=False,
        http=BoundedConnection,
        ws="none",
        timeout_graceful_shutdown=LAST_ANSWERS_S,
    )
    parts: Parts = app.state.parts
    server = Server(
        config,
        parts.drain,
        drain_s=settings.request_timeout_s + 1,
        warm_up=parts.readiness.warm_up,
    )
    with listen(settings.host, settings.port) as listener, suppress(KeyboardInterrupt):
        log.info("serving %s at %s", settings.collection, address_of(listener))
        server.run(sockets=[listener])
    if traces is not None:
        traces.stop()


def address_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise InputError(f"cannot listen on {host} port {port}: {error.strerror}") from error

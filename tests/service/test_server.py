import asyncio
import gc

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.lifespan.off import LifespanOff

from service.draining import Drain
from service.serve import listen
from service.server import Server


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Nobody asks it."""


def test_what_there_is_after_warming_up_is_not_looked_at_by_the_garbage_collector_again() -> None:
    made_while_warming: list[list[int]] = []

    async def warm_up() -> None:
        made_while_warming.append([1])

    async def started() -> int:
        config = uvicorn.Config(app, log_config=None, lifespan="off")
        config.load()
        server = Server(config, Drain(), drain_s=1, warm_up=warm_up)
        server.lifespan = LifespanOff(config)
        with listen("127.0.0.1", 0) as listener:
            await server.startup(sockets=[listener])
            assert server.warming is not None
            await server.warming
            await server.shutdown(sockets=[listener])
        return gc.get_freeze_count()

    try:
        assert asyncio.run(started()) > 0
        assert all(each is not made for each in gc.get_objects() for made in made_while_warming)
    finally:
        gc.unfreeze()

"""Milvus Lite as one server, which several processes may use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def lite_server(data: Path, port: int) -> Iterator[None]:
    """Milvus Lite as a server, as `milvus-lite server` starts it."""
    from milvus_lite.adapter.grpc.server import start_server_in_thread  # noqa: PLC0415

    running, database, _ = start_server_in_thread(str(data), port=port)
    try:
        yield
    finally:
        running.stop(grace=0).wait()
        database.close()

"""Ray clusters of several nodes on this machine, on loopback, with nothing left of them."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

REPOSITORY = Path(__file__).parents[2]
MARK = "PICTOR_TEST_MARK"
GONE_S = 60.0
STORE_BYTES = 80 * 1024 * 1024
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # or 127.0.0.1 is taken for the machine's address
    "RAY_AUTH_MODE": "disabled",  # or it writes a token to the user's home
    "RAY_worker_niceness": "0",  # or whatever else this machine does comes before the workers
    "PYTHONPATH": str(REPOSITORY),
}


@contextmanager
def marked() -> Iterator[None]:
    """Around what starts processes: they are gone when it ends, with Ray's settings for tests."""
    mark = uuid4().hex
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**SETTINGS, MARK: mark}.items():
            environment.setenv(name, value)
        yield
    until = time.monotonic() + GONE_S
    while (left := processes(f"{MARK}={mark}")) and time.monotonic() < until:
        time.sleep(0.1)
    assert left == []


def processes(setting: str) -> list[str]:
    """The command lines of those that were started with it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().decode(errors="replace")
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has ended
        if setting in environment.split("\0") and line and int(process.name) != os.getpid():
            found.append(line)
    return found


@contextmanager
def running(nodes: int) -> Iterator[Any]:
    """Of so many nodes with a core each, and a head without one."""
    with marked():
        from ray.cluster_utils import Cluster  # noqa: PLC0415 - after its settings

        cluster: Any = Cluster()
        logs: list[Path] = []
        try:
            logs.append(Path(add_node(cluster, 0).get_session_dir_path()))
            for _ in range(nodes):
                add_node(cluster, 1)
            yield cluster
        finally:
            cluster.shutdown()
            for session in logs:
                shutil.rmtree(session, ignore_errors=True)


def add_node(cluster: Any, cpus: int) -> Any:  # noqa: ANN401
    return cluster.add_node(
        num_cpus=cpus,
        node_ip_address="127.0.0.1",
        object_store_memory=STORE_BYTES,
        include_dashboard=False,
    )

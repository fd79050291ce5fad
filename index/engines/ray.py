"""The same work on a Ray cluster, as a Ray Data pipeline; the one file that imports ray.

Reading and decoding are a pool of workers, embedding is another, on GPUs where the cluster has any
(index/engines/plan.py); what they make streams back to this process, which alone has the collection
and its journal. Ray runs what a lost worker or machine was at again; what is missing all the same
is asked for again, and what comes twice is dropped (index/engines/waves.py). No more is under way
than the cluster's object stores hold: a reader waits for the model, and both wait for this process.

Raises InputError where Ray is not installed, EngineError where the cluster cannot be used or stops
working.
"""

import importlib
import importlib.util
import logging
import os
import socket
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from index.engines.plan import Node, Plan, Workers, plan
from index.engines.stages import (
    Embedding,
    EmbedStage,
    ReadStage,
    Table,
    bodies_of,
    numbers_of,
    table_of,
)
from index.engines.waves import Sent, Waves
from index.found import FoundImage
from index.items import Failure
from index.jobs.engine import Made
from index.jobs.known import Known, Lacks
from index.jobs.options import JobOptions
from index.jobs.reading import PictureDecoder
from models.encoders import ImageEncoder, Preparer
from models.errors import EngineError, InputError
from models.space import Space

LOCAL = "local"
INSTALL = "install Pictor with its extra, pip install 'pictor[ray]'"
CONNECTING_S = 10.0
STANDARD_ERROR = 2
FILES_A_BLOCK = 32  # at most: a block is what one reader takes, and what is lost with it
BLOCKS_A_READER = 4  # at least, where there are so many files
FEW = 8  # files, all of which might be such that workers die on them


@dataclass(frozen=True)
class RayEngine:
    load: Callable[[str, int], ImageEncoder]  # on a worker: on that device, with so many threads
    eye: Preparer
    spaces: tuple[Space, ...]
    options: JobOptions
    address: str | None = None  # RAY_ADDRESS where None, and without that a Ray of this job's own
    device: str | None = None

    def run(
        self, files: Iterator[FoundImage], known: Known
    ) -> Generator[Made | Failure, None, None]:
        first = next(files, None)
        if first is None:
            return
        with connected(self.address, self.options.threads) as ray:
            device, held = self.device, ray.put(known.keys())
            lacks = Lacks(vector=True, thumbnail=self.options.thumbnails)
            max_bytes = self.options.limits.max_bytes
            with closing(Waves(chain([first], files), known, lacks, max_bytes)) as waves:
                while wave := waves.wave():
                    # machines may have gone, or come; what runs on GPUs stays there
                    layout = plan(_nodes(ray), device, self.options.batch_size)
                    device = layout.device
                    yield from _answers(_Pipeline(ray, self, layout, held), waves, wave)


def load_ray(address: str) -> Any:  # noqa: ANN401
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # of what it writes to standard error
    if address == LOCAL:
        # nothing of it is to be reached from, or to tell anything to, other machines
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")  # or 127.0.0.1 is not it
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise InputError(f"--engine ray needs Ray: {INSTALL}") from error


def check_installed() -> None:
    """Raises InputError where it is not; imports nothing."""
    if importlib.util.find_spec("ray") is None:
        raise InputError(f"--engine ray needs Ray: {INSTALL}")


@contextmanager
def connected(address: str | None, threads: int) -> Iterator[Any]:
    """Ray's module, connected to the cluster at that address, or to a Ray of so many cores that
    lives as long as this; a process that is connected already stays so."""
    address = address or os.environ.get("RAY_ADDRESS") or LOCAL
    ray = load_ray(address)
    if ray.is_initialized():
        yield ray
        return
    settings: dict[str, Any] = {"address": address, "log_to_driver": False}
    if address == LOCAL:
        settings |= {"num_cpus": threads, "include_dashboard": False}
        settings["_node_ip_address"] = "127.0.0.1"
    else:
        _check(address)
    try:
        with _hushed():
            ray.init(logging_level=logging.ERROR, **settings)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise EngineError(f"Ray at {address}: {_line(error)}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _hushed() -> Iterator[None]:
    """Ray's core says on standard error that it is going to say nothing there."""
    sys.stderr.flush()
    kept, nothing = os.dup(STANDARD_ERROR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(kept, STANDARD_ERROR)
        os.close(kept)
        os.close(nothing)


def _check(address: str) -> None:
    """Ray itself waits for minutes for somebody who is not there."""
    if "://" in address:
        raise EngineError(
            f"Ray at {address}: expected HOST:PORT, or auto; run the job on a machine of the "
            "cluster, since a Ray client cannot carry it"
        )
    if address == "auto":
        return
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise EngineError(f"Ray at {address}: expected HOST:PORT, or auto")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECTING_S).close()
    except (OSError, OverflowError) as error:
        raise EngineError(f"Ray at {address}: nobody answers there: {_line(error)}") from error


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500] or type(error).__name__


def _nodes(ray: Any) -> list[Node]:  # noqa: ANN401
    alive: list[Mapping[str, float]] = [each["Resources"] for each in ray.nodes() if each["Alive"]]
    return [Node(each.get("CPU", 0), each.get("GPU", 0)) for each in alive]


def _answers(pipeline: "_Pipeline", waves: Waves, wave: Sequence[Sent]) -> Iterator[Made | Failure]:
    before = waves.answered
    with closing(pipeline.replies(wave)) as tables:
        for table in tables:
            for number, reply in zip(numbers_of(table), bodies_of(table), strict=True):
                yield from waves.take(number, reply)
    if waves.answered == before and len(wave) > FEW:
        raise EngineError("the cluster's workers gave no answer: their logs say more")
    yield from waves.end()


@dataclass(frozen=True)
class _Pipeline:
    ray: Any
    engine: RayEngine
    layout: Plan
    held: Any  # a reference to the keys of what the collection has

    def replies(self, wave: Sequence[Sent]) -> Generator[Table, None, None]:
        """As they come, in any order; what a lost worker was at may be missing."""
        data = importlib.import_module("ray.data")
        raised = self.ray.exceptions
        try:
            blocks = _blocks(wave, self.layout.read.count)
            # blocks whose workers die on them are left out; a pipeline that gives none is over
            _settle(data, errors=len(blocks) - 1 if len(wave) > FEW else -1)
            # what waits for a worker dies with it
            waiting = 1 if any(sent.alone for sent in wave) else None
            stages = self._stages(data, blocks, waiting)
            yield from stages.iter_batches(
                batch_size=None, batch_format="pyarrow", prefetch_batches=1
            )
        except (raised.RayError, OSError, RuntimeError, ValueError) as error:
            raise EngineError(f"Ray: {_line(getattr(error, 'cause', None) or error)}") from error

    def _stages(self, data: Any, blocks: Sequence[Table], waiting: int | None) -> Any:  # noqa: ANN401
        engine, layout, options = self.engine, self.layout, self.engine.options
        decode = PictureDecoder(engine.eye, options.limits)
        read = (decode, options.decoders, partial(self.ray.get, self.held))
        load = partial(engine.load, layout.device, layout.threads)
        embedding = Embedding(load, engine.spaces, options.batch_size)

        def pool(workers: Workers) -> dict[str, Any]:
            count = min(workers.count, len(blocks))
            return {
                "compute": data.ActorPoolStrategy(
                    size=count, max_tasks_in_flight_per_actor=waiting
                ),
                "num_cpus": workers.cpus,
                "num_gpus": workers.gpus or None,
                "scheduling_strategy": "SPREAD",
                "max_task_retries": workers.retries,
                "batch_format": "pyarrow",
            }

        with warnings.catch_warnings():
            # there is no other way to say how often a task is tried, and by default it is for ever
            warnings.simplefilter("ignore", self.ray.util.annotations.RayDeprecationWarning)
            # `from_arrow` asks the cluster what it was given, and waits there for a core that
            # workers of the wave before may hold
            prepared = data.from_blocks(list(blocks)).map_batches(
                ReadStage, fn_constructor_args=read, batch_size=None, **pool(layout.read)
            )
            return prepared.map_batches(
                EmbedStage,
                fn_constructor_args=(embedding,),
                batch_size=layout.rows,
                **pool(layout.embed),
            )


def _settle(data: Any, errors: int) -> None:  # noqa: ANN401
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.max_errored_blocks = errors
    # a short wave has less to do than there are workers; its thread would tell the user
    warnings.filterwarnings("ignore", "The minimum number of concurrent actors", UserWarning)
    for handler in logging.getLogger("ray.data").handlers:
        if handler.name == "console":
            handler.setLevel(logging.CRITICAL)  # the file in its session has it


def _blocks(wave: Sequence[Sent], readers: int) -> list[Table]:
    together = [sent for sent in wave if not sent.alone]
    size = max(1, min(FILES_A_BLOCK, len(together) // (BLOCKS_A_READER * readers)))
    groups = [together[at : at + size] for at in range(0, len(together), size)]
    groups += [[sent] for sent in wave if sent.alone]
    return [
        table_of([sent.number for sent in group], body=[sent.question for sent in group])
        for group in groups
    ]

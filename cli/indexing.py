"""`pictor index`: make a collection, and bring it up to date."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.engines import DistantModel, EngineName, check_engine, ray_engine
from cli.interrupts import kept_interrupts
from cli.options import (
    AsJson,
    Device,
    Dtype,
    ModelName,
    Threads,
    job_options,
    load_model,
    note,
    print_json,
    wait_passively,
)
from cli.progress import job_progress, map_progress
from models.errors import CollectionError, InputError

if TYPE_CHECKING:
    from index.job import Progress, Report


def index(
    out: Annotated[Path, typer.Option(help="Folder of the collection, made or updated.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            help="Where pictures are: folders, .zip, .tar shards, tables of paths or addresses, "
            "s3:// and the like; PATH or NAME=PATH. Without one, what was added while it was "
            "served is tidied up, or an empty collection is made."
        ),
    ] = None,
    model: ModelName = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    fast_decode: Annotated[
        bool,
        typer.Option(
            "--fast-decode",
            help="Read large JPEGs at a fraction of their size: sooner, and nearly the same "
            "vectors, which are a space of their own.",
        ),
    ] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=1, help="Pictures through the model at once.", show_default="found by measuring"
        ),
    ] = None,
    index_kind: Annotated[
        str | None,
        typer.Option(
            "--index", help="Kind of index, in FAISS's words.", show_default="what suits the size"
        ),
    ] = None,
    recall: Annotated[
        float,
        typer.Option(min=0.5, max=1, help="Of the ten nearest, how many a search finds."),
    ] = 0.97,
    index_memory: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="What an index may hold in memory, in MB.",
            show_default="a quarter of this machine's",
        ),
    ] = None,
    map_method: Annotated[
        str | None,
        typer.Option(
            "--map",
            help="Lay out the overview by pca, umap (with the extra `map`) or none.",
            show_default="as before, pca at first",
        ),
    ] = None,
    watch: Annotated[
        float | None,
        typer.Option(min=1, help="Go on, and look for changes every so many seconds."),
    ] = None,
    picture_column: Annotated[
        str | None,
        typer.Option(help="Of a table: where its pictures are.", show_default="by its name"),
    ] = None,
    caption_column: Annotated[
        str | None,
        typer.Option(help="Of a table: what its pictures show.", show_default="by its name"),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A host to fetch from although its address is not public; repeatable."),
    ] = None,
    engine: Annotated[
        EngineName,
        typer.Option(help="What reads and embeds: this machine, or a Ray cluster."),
    ] = EngineName.LOCAL,
    ray_address: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT of the cluster, or auto.",
            show_default="RAY_ADDRESS, else a Ray of this job's own",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build or update a collection. A bad file is counted, never fatal; a job that was stopped
    goes on from where it was.

    With --json, progress is lines of JSON on standard error.
    """
    wait_passively()
    from index.job import build_collection
    from index.jobs.building import IndexOptions
    from index.overview.making import MapOptions
    from index.sources import SourceOptions, TableColumns, open_source
    from index.vectors.choosing import Budget, fair_memory
    from models.load import fast_decoding, portable

    check_engine(engine, ray_address)
    columns = TableColumns(picture_column, caption_column)
    opening = SourceOptions(columns, frozenset(allow_host or ()))
    mapping = MapOptions(map_method, map_progress(as_json=as_json))
    opened = [open_source(source, opening) for source in sources or ()]
    model = portable(model or recorded_model(out) or recommend_models())
    if fast_decode:
        model = fast_decoding(model)
    encoder = load_model(model, device, dtype, threads)
    memory = fair_memory() if index_memory is None else index_memory * 10**6
    kind = IndexOptions(index_kind, Budget(memory, recall))
    options = job_options(threads, batch_size, kind)
    machines = None
    if engine is EngineName.RAY:
        distant = DistantModel(model, dtype)
        machines = ray_engine(encoder, distant, device, options, ray_address)

    def run() -> "Report":
        with job_progress(as_json=as_json) as progress, kept_interrupts() as again:

            def tell(seen: "Progress") -> None:
                again()
                progress(seen)

            return build_collection(
                out,
                opened,
                encoder,
                model=model,
                options=options,
                progress=tell,
                mapping=mapping,
                engine=machines,
            )

    def show(report: "Report") -> None:
        for warning in report.warnings:
            note(f"pictor: {warning}")
        print_json(asdict(report)) if as_json else typer.echo(summary_of(report, out))

    first = run()
    show(first)
    if watch is not None:
        Watch(run, show, watch).follow(first.generation)


@dataclass(frozen=True)
class Watch:
    """Runs a job again and again, until Ctrl-C, and shows those that changed something."""

    run: Callable[[], "Report"]
    show: Callable[["Report"], None]
    every_s: float
    wait: Callable[[float], None] = time.sleep

    def follow(self, generation: int) -> None:
        while True:
            self.wait(self.every_s)
            try:
                report = self.run()
            except (CollectionError, InputError) as error:
                note(f"pictor: {error}")  # a folder that is away, another job: later, perhaps
                continue
            if report.generation != generation:
                self.show(report)
            generation = report.generation


def recorded_model(out: Path) -> str | None:
    """The model that built the collection in `out`, if there is one."""
    from index.catalogue import NothingPublished
    from index.collection import Collection

    if not (out / "catalogue.sqlite").exists():
        return None
    try:
        collection = Collection.open(out)
    except NothingPublished:
        return None  # a first job that was killed
    with collection.snapshot() as snapshot:
        model = snapshot.model
    collection.close()
    return model


def recommend_models() -> str:
    from models.load import RECOMMENDED, STARTER

    note("no --model given: using the small starter. Pretrained models answer much better:")
    for name, use in RECOMMENDED:
        note(f"  --model {name}  ({use})")
    return STARTER


def summary_of(report: "Report", out: Path) -> str:
    line = (
        f"{out}: {report.items} pictures, {report.embedded} embedded, {report.reused} unchanged, "
        f"{report.removed} removed, {report.failed} failed, in {report.seconds:.1f} s"
    )
    return f"{line}\nwhich failed, and why: pictor inspect {out}" if report.failed else line

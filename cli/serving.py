"""`pictor serve` and `pictor demo`: answer over REST."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.options import (
    CollectionPlace,
    Device,
    Dtype,
    ModelName,
    PhiFolders,
    Threads,
    composers_of,
    load_model,
    note,
    spin_briefly,
)
from cli.progress import ProgressBar

DEMO_FOLDER = Path("demo")
DEMO_SEED, DEMO_SCENES = 2026, 600


def serve(
    collection: CollectionPlace,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port.", show_default="8000")
    ] = None,
    model: ModelName = None,
    phi: PhiFolders = None,
    device: Device = None,
    dtype: Dtype = None,
    threads: Threads = None,
    root: Annotated[
        list[str] | None, typer.Option(help="NAME=PATH: where a source's pictures lie now.")
    ] = None,
    open_to_everyone: Annotated[
        bool,
        typer.Option(
            "--open-to-everyone", help="Listen beyond this machine though there are no keys."
        ),
    ] = False,
    log_format: Annotated[
        str | None, typer.Option(help="text or json.", show_default="text")
    ] = None,
) -> None:
    """Serve a collection over REST, with a page at /. Settings: also PICTOR_ variables.

    From Milvus (`pictor publish`) any number of servers may answer for one collection.
    """
    spin_briefly()
    from index.faiss import limit_faiss_threads
    from index.served import open_collection
    from index.sources import parse_place
    from models.machine import available_threads
    from service.exposure import refuse_exposure
    from service.model.process import apart
    from service.serve import serve as run_server
    from service.settings import read_settings

    given = {
        "collection": collection,
        "host": host,
        "port": port,
        "model": model,
        "phi": phi or None,
        "device": device,
        "dtype": dtype,
        "threads": threads,
        "open_to_everyone": open_to_everyone or None,
        "log_format": log_format,
    }
    roots = {r.name: r.path for r in map(parse_place, root or [])}
    settings = read_settings(**given, roots=roots or None)
    token = settings.milvus_token.get_secret_value() if settings.milvus_token else ""
    opened = open_collection(
        settings.collection, settings.roots, token=token, files=settings.milvus_files
    )
    refuse_exposure(settings, opened.files)  # here, too: before a model is loaded, which takes time
    with opened.snapshot() as snapshot:
        reference = settings.model or snapshot.model
    threads = settings.threads or available_threads()
    # one thread here: where several threads of a process have a team of others each, all teams are
    # slow, and the one team is the model worker's
    encoder = apart(load_model(reference, settings.device, settings.dtype, 1), threads)
    limit_faiss_threads(threads)
    run_server(settings, opened, encoder, composers_of(encoder, settings.phi))
    opened.close()


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8000,
    serve_it: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve it afterwards.")
    ] = True,
    out: Annotated[Path, typer.Option(help="Where pictures and collection go.")] = DEMO_FOLDER,
) -> None:
    """Draw sample pictures, index them with the starter model, and serve them with a page."""
    from evaluation.scenes import write_scenes, write_sidecars

    pictures, collection = out / "pictures", out / "collection"
    if not (pictures / "scenes.jsonl").exists():
        note(f"drawing {DEMO_SCENES} sample pictures into {pictures}")
        with ProgressBar("drawing", DEMO_SCENES) as advance:
            write_scenes(pictures, seed=DEMO_SEED, count=DEMO_SCENES, progress=advance)
    write_sidecars(pictures)
    # its threads end with its process; the server's model would be slow beside them
    job = [sys.executable, "-P", "-m", "cli.main", "index", str(pictures)]
    indexed = subprocess.run([*job, "--out", str(collection), "--model", "starter"], check=False)
    if indexed.returncode:
        raise typer.Exit(indexed.returncode)
    if serve_it:
        serve(str(collection), port=port)

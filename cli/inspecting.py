"""`pictor inspect`: what a collection holds, which files failed, and whether it is sound."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.options import AsJson, CollectionPlace, milvus_token, print_json
from models.errors import InputError


def inspect(
    collection: CollectionPlace,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every file, vector and original.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say what a collection holds and which files failed; --verify exits 1 on faults.

    Originals that cannot be read are told too, and are no faults: folders may be moved.
    """
    from index.served import place_of
    from index.verifying.verify import verify as find_faults

    place = place_of(collection)
    if verify and not isinstance(place, Path):
        raise InputError(f"--verify is for a folder: {place} keeps its own files")
    faults = find_faults(Path(place)) if verify else ()
    content: dict[str, Any] = {"faults": list(faults)} if verify else {}
    if not faults:
        content = contents_of(place, originals=verify) | content
    print_json(content) if as_json else print_inspection(content)
    if faults:
        raise typer.Exit(1)


def contents_of(place: Path | str, *, originals: bool) -> dict[str, Any]:
    from index.served import open_collection

    opened = open_collection(place, token=milvus_token())
    with opened.snapshot() as snapshot:
        content = asdict(snapshot.statistics())
        content["failed"] = [asdict(failure) for failure in snapshot.failures()]
        if originals:
            content["gone"] = [asdict(each) for each in snapshot.gone()]
    opened.close()
    content["space"] = content["spaces"][0]
    content["sources"] = {each["name"]: str(each["path"]) for each in content["sources"]}
    return content


def print_inspection(content: Mapping[str, Any]) -> None:
    for name, value in content.items():
        lines = LINES.get(name, lambda value, name=name: [f"{name}: {value}"])
        for line in lines(value):
            typer.echo(line)


def space_lines(spaces: list[dict[str, Any]]) -> list[str]:
    return [f"space: {each['model']}@{each['revision']}/{each['dimension']}" for each in spaces]


def index_lines(indexes: list[dict[str, Any]]) -> list[str]:
    return [
        f"index: {each['factory']} over {each['rows']} rows, recall@10 "
        f"{each['recall_image']:.3f} of pictures, {each['recall_text']:.3f} of texts"
        for each in indexes
    ]


def failure_lines(failures: list[dict[str, Any]]) -> list[str]:
    return [f"failed: {each['source']}: {each['path']}: {each['reason']}" for each in failures]


def gone_lines(gone: list[dict[str, Any]]) -> list[str]:
    lines = [f"gone: {each['source']}: {each['path']}: {each['reason']}" for each in gone]
    return [*lines, f"{len(gone)} originals cannot be read" if gone else "every original is there"]


def fault_lines(faults: list[str]) -> list[str]:
    said = f"{len(faults)} faults" if faults else "sound"
    return [*(f"fault: {fault}" for fault in faults), said]


def delta_lines(rows: int) -> list[str]:
    from index.changes.delta import MANY_ROWS

    said = f"delta: {rows} pictures were added since, and are searched one by one"
    return [f"{said}: `pictor index` makes segments of them" if rows > MANY_ROWS else said]


LINES: dict[str, Callable[[Any], list[str]]] = {
    "spaces": space_lines,
    "space": lambda _: [],  # the first of the spaces, once more for programs
    "indexes": index_lines,
    "delta": delta_lines,
    "map": lambda method: [f"map: {method or 'made by the server when it is asked for'}"],
    "deleted": lambda count: [f"deleted: {count} pictures stay away until they are added again"],
    "sources": lambda value: ["sources: " + ", ".join(f"{k}={v}" for k, v in value.items())],
    "failed": failure_lines,
    "gone": gone_lines,
    "faults": fault_lines,
}

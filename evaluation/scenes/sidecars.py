"""What a scene shows as a file beside its picture, for a collection to filter by and find words in.

write_sidecars(folder): of a folder that `write_scenes` has filled; `scene-*.json` beside each
picture, as index/sourcing/sidecars.py reads them: `caption`, the first of the short ones; `style`,
`setting`, `time` and `weather`; the `kinds` and `colours` of its things, and how many `things`
there are; and as `tags` all of these that are words, but for a clear sky, which goes without
saying. A file that is there stays as it is. Nothing is told that is not in the picture: there is
no date and no place.
"""

import csv
import json
from pathlib import Path
from typing import Any

from models.files import write_whole


def write_sidecars(folder: Path) -> None:
    captions = _captions(folder / "captions.tsv")
    for line in (folder / "scenes.jsonl").read_text(encoding="utf-8").splitlines():
        scene = json.loads(line)
        file = (folder / scene["file"]).with_suffix(".json")
        if not file.exists():
            write_whole(file, json.dumps(_told(scene, captions[scene["file"]])).encode())


def _captions(table: Path) -> dict[str, str]:
    """The first short caption of each picture."""
    found: dict[str, str] = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["kind"] == "short":
                found.setdefault(row["file"], row["caption"])
    return found


def _told(scene: dict[str, Any], caption: str) -> dict[str, Any]:
    told = {name: scene[name] for name in ("style", "setting", "time", "weather")}
    kinds = sorted({thing["kind"] for thing in scene["things"]})
    colours = sorted({thing["colour"] for thing in scene["things"]})
    tags = [word for word in told.values() if word != "clear"]
    return {
        "caption": caption,
        **told,
        "kinds": kinds,
        "colours": colours,
        "things": sum(thing["count"] for thing in scene["things"]),
        "tags": [*tags, *kinds, *colours],
    }

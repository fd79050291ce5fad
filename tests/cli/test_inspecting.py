import json
from pathlib import Path

from tests.cli.outcomes import Pictor


def test_verify_tells_originals_that_are_gone_apart_from_faults(
    pictor: Pictor, photos: Path, collection: Path
) -> None:
    sound = pictor("inspect", collection, "--verify")
    assert sound.out.splitlines()[-2:] == ["every original is there", "sound"]
    (photos / "red.png").unlink()
    (photos / "blue.png").write_bytes(b"another picture")
    told = pictor("inspect", collection, "--verify", "--json")
    content = json.loads(told.out)
    assert (told.code, content["faults"]) == (0, [])
    assert {each["path"] for each in content["gone"]} == {"red.png", "blue.png"}
    assert "2 originals cannot be read" in pictor("inspect", collection, "--verify").out
    assert "gone" not in pictor("inspect", collection).out


def test_verify_exits_1_where_a_file_of_the_collection_is_damaged(
    pictor: Pictor, collection: Path
) -> None:
    (segment,) = (collection / "segments").iterdir()
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    told = pictor("inspect", collection, "--verify")
    assert told.code == 1
    assert "fault: segments/" in told.out and "checksum" in told.out

import json
from pathlib import Path

import pytest

from index.items import Failure
from index.sources import FoundImage
from tests.index.album import save, source


def found_beside(folder: Path, **files: bytes) -> tuple[FoundImage, list[Failure]]:
    """The picture `red.jpg` with files of its name beside it, by extension."""
    save(folder, "red.jpg", "red")
    for extension, content in files.items():
        (folder / f"red.{extension}").write_bytes(content)
    failures: list[Failure] = []
    (found,) = source(folder, "s").walk(failures.append)
    return found, failures


def test_without_a_sidecar_there_is_no_caption(tmp_path: Path) -> None:
    found, failures = found_beside(tmp_path)
    assert (found.caption, found.metadata, failures) == (None, {}, [])


def test_a_text_file_of_the_same_name_is_the_caption(tmp_path: Path) -> None:
    assert found_beside(tmp_path, txt="  ein Café \n".encode())[0].caption == "ein Café"


def test_a_byte_order_mark_is_not_part_of_the_caption(tmp_path: Path) -> None:
    assert found_beside(tmp_path, txt=b"\xef\xbb\xbfred")[0].caption == "red"


def test_a_caption_is_cut_after_4000_characters(tmp_path: Path) -> None:
    assert found_beside(tmp_path, txt=b"x" * 4001)[0].caption == "x" * 4000


def test_an_empty_caption_is_none(tmp_path: Path) -> None:
    assert found_beside(tmp_path, txt=b" \n")[0].caption is None


def test_an_objects_caption_is_the_caption_and_its_scalars_and_lists_of_them_are_metadata(
    tmp_path: Path,
) -> None:
    content = {"caption": " red ", "stars": 5, "ratio": 0.5, "by": "Ann", "kept": True}
    nested = {"of": [["a"]], "place": {"x": 1}, "none": None, "empty": [], "mixed": [1, None]}
    content["tags"] = ["a" * 5000, 7]
    found, failures = found_beside(tmp_path, json=json.dumps(content | nested).encode())
    assert found.caption == "red"
    kept = {"stars": 5, "ratio": 0.5, "by": "Ann", "kept": True, "tags": ["a" * 4000, 7]}
    assert found.metadata == kept
    assert failures == []


def test_a_text_files_caption_goes_before_the_objects(tmp_path: Path) -> None:
    found, _ = found_beside(tmp_path, txt=b"text", json=b'{"caption": "object", "stars": 1}')
    assert (found.caption, found.metadata) == ("text", {"stars": 1})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "expected a JSON object"),
        (b'{"caption": 5}', "caption: expected a string"),
        (b'{"x": NaN}', "NaN is not a number"),
        (b'{"x": 1e999}', "number out of range"),
        (b'{"x": [1, 1e999]}', "number out of range"),
        (b'{"x": ["\\ud800"]}', "half of a character"),
        (b'{"x": "\\ud800"}', "half of a character"),
        (b'{"\\ud800": 1}', "half of a character"),
        (b'{"caption": "\\ud800"}', "half of a character"),
        (b'{"caption": "\xff"}', "not UTF-8"),
        (b'{"caption": "' + b"x" * 300_000 + b'"}', "over 262144 bytes"),
    ],
)
def test_a_malformed_object_is_a_failure_and_the_picture_is_taken(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    found, (failure,) = found_beside(tmp_path, json=content)
    assert (found.path, found.caption, found.metadata) == ("red.jpg", None, {})
    assert failure.path == "red.json"
    assert reason in failure.reason


def test_text_that_is_not_utf8_is_a_failure_and_the_picture_is_taken(tmp_path: Path) -> None:
    found, (failure,) = found_beside(tmp_path, txt=b"caf\xe9")
    assert found.caption is None
    assert (failure.path, "not UTF-8" in failure.reason) == ("red.txt", True)


def test_a_caption_that_is_a_link_out_of_the_root_is_not_read(tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret", tmp_path / "photos"
    secret.write_text("password")
    save(folder, "red.png", "red")
    (folder / "red.txt").symlink_to(secret)
    failures: list[Failure] = []
    (found,) = source(folder).walk(failures.append)
    assert found.caption is None
    assert failures[0].reason == "caption file: a link that leads out of its source"

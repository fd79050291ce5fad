"""Annotation files are read strictly: what does not fit is named by file, entry and key."""

from pathlib import Path

import pytest

from evaluation.annotations import fields, listed, read_entries, read_json
from models.errors import InputError


def written(folder: Path, text: str) -> Path:
    file = folder / "annotations.json"
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ('{"a": 1, "b": 2, "a": 3}', "the key 'a' is there twice"),
        ('[{"x": {"a": 1, "a": 1}}]', "the key 'a' is there twice"),
    ],
)
def test_what_is_not_json_or_says_a_key_twice_is_refused(
    tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(InputError, match=rf"annotations\.json: {named}"):
        read_json(written(tmp_path, text))


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.json: cannot be read"):
        read_json(tmp_path / "gone.json")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{}", "expected a list of entries"),
        ("[]", "expected a list of entries"),
        ('[{"id": 1, "text": "a"}, 7]', "entry 1: expected an object, got int"),
        ('[{"id": 1, "text": "a"}, {"id": 2}]', "entry 1: has no 'text'"),
        ('[{"id": "1", "text": "a"}]', "entry 0: 'id' is a str"),
        ('[{"id": true, "text": "a"}]', "entry 0: 'id' is a bool"),
        ('[{"id": 1, "text": "a"}, {"id": 1, "text": "b"}]', "entry 1: 'id' is 1, as in entry 0"),
    ],
)
def test_entries_have_their_keys_each_of_its_type_and_once(
    tmp_path: Path, text: str, named: str
) -> None:
    with pytest.raises(InputError, match=rf"annotations\.json.*{named}"):
        read_entries(written(tmp_path, text), {"id": int, "text": str}, key="id")


def test_entries_may_have_keys_that_nobody_asks_for(tmp_path: Path) -> None:
    file = written(tmp_path, '[{"id": 1, "more": null}]')
    assert read_entries(file, {"id": int}) == [{"id": 1, "more": None}]
    assert fields("here", {"id": 1.5}, {"id": (int, float)}) == {"id": 1.5}


@pytest.mark.parametrize("value", [7, ["a", 1], [], ["a", "a"]])
def test_a_list_holds_values_of_one_kind_each_once(value: object) -> None:
    with pytest.raises(InputError, match=r"^here"):
        listed("here", value, str)
    assert listed("here", ["a", "b"], str) == ["a", "b"]

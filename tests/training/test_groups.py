"""Groups of pictures: from tables of pages, folders and archives; what is dropped is counted."""

import importlib.util
import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from index.items import item_id
from models.decode import DecodeLimits
from models.errors import InputError
from tests.fakes import picture_bytes
from training.triplets.group_sources import (
    LEADS_OUT,
    NO_GROUP,
    NO_PICTURE,
    NOT_LOCAL,
    NOT_THERE,
    FolderGroups,
    GroupInputs,
    PageGroups,
    PageTable,
    ShardGroups,
    group_sources,
)
from training.triplets.groups import NOT_A_PICTURE, TOO_LARGE, GroupPicture, GroupSource

RED, BLUE = picture_bytes("red", (32, 24)), picture_bytes("blue", (10, 20))
HAS_PYARROW = importlib.util.find_spec("pyarrow") is not None

Rows = list[dict[str, Any]]


def pictures_of(source: GroupSource) -> dict[str, list[GroupPicture]]:
    return {group.name: list(group.pictures()) for group in source.groups()}


def names_of(source: GroupSource) -> list[tuple[str, list[str]]]:
    return [
        (group.name, [picture.file.name for picture in group.pictures()])
        for group in source.groups()
    ]


def saved(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder


def table(folder: Path, rows: Rows, **columns: str) -> PageGroups:
    saved(folder, red_png=RED, blue_png=BLUE)
    path = folder / "pages.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return PageGroups(PageTable(table=path, **columns))


def archived(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def test_the_rows_of_a_page_are_a_group(tmp_path: Path) -> None:
    told = {"alt": " a red square ", "caption": None, "title": "Shapes", "tags": ["red", "square"]}
    source = table(
        tmp_path,
        [
            {"page": "http://a", "image": "red.png", **told},
            {"page": "http://a", "image": "blue.png", "tags": "blue, , tall"},
            {"page": "http://b", "image": "red.png"},
        ],
    )
    groups = pictures_of(source)
    assert {name: len(pictures) for name, pictures in groups.items()} == {
        "http://a": 2,
        "http://b": 1,
    }
    red, blue = groups["http://a"]
    assert (red.id, red.group, red.read()) == (item_id(RED), "http://a", RED)
    assert (red.alt, red.caption, red.title) == ("a red square", "", "Shapes")
    assert (red.tags, blue.tags) == (("red", "square"), ("blue", "tall"))
    assert (red.width, red.height, blue.width, blue.height) == (32, 24, 10, 20)
    assert (red.described.text, red.described.id) == ("a red square", red.id)
    assert source.dropped == Counter()


def test_a_page_that_comes_back_later_is_another_group(tmp_path: Path) -> None:
    rows = [{"page": page, "image": "red.png"} for page in ("a", "b", "a")]
    assert [name for name, _ in names_of(table(tmp_path, rows))] == ["a", "b", "a"]


def test_the_columns_may_have_other_names(tmp_path: Path) -> None:
    rows = [{"page_url": "http://a", "image_path": "red.png", "alt_text": "red"}]
    source = table(tmp_path, rows, page="page_url", image="image_path", alt="alt_text")
    assert [picture.alt for picture in pictures_of(source)["http://a"]] == ["red"]


def test_rows_whose_picture_cannot_be_used_are_counted_by_reason(tmp_path: Path) -> None:
    saved(tmp_path / "outside", red_png=RED)
    folder = saved(tmp_path / "in", text_png=b"no picture", large_png=RED + bytes(500))
    (folder / "link.png").symlink_to(tmp_path / "outside" / "red.png")
    images = [
        "http://a/red.png",
        "//a/red.png",
        "data:image/png;base64,AAAA",
        "red\0.png",
        "../outside/red.png",
        str(tmp_path / "outside" / "red.png"),
        "link.png",
        "missing.png",
        "x" * 3000,
        ".",
        "",
        None,
        "text.png",
        "large.png",
    ]
    rows: Rows = [{"page": "a", "image": image} for image in images]
    source = table(folder, [*rows, {"image": "red.png"}, {"page": "a", "image": "./red.png"}])
    source.limits = DecodeLimits(max_bytes=len(RED))
    assert [picture.id for picture in pictures_of(source)["a"]] == [item_id(RED)]
    assert source.dropped == {
        NOT_LOCAL: 4,
        LEADS_OUT: 3,
        NOT_THERE: 3,
        NO_PICTURE: 2,
        NOT_A_PICTURE: 1,
        TOO_LARGE: 1,
        NO_GROUP: 1,
    }


def test_a_group_is_opened_only_as_far_as_it_is_taken(tmp_path: Path) -> None:
    saved(tmp_path, text_png=b"no picture")
    images = ["red.png", "text.png", "text.png"]
    source = table(tmp_path, [{"page": "a", "image": image} for image in images])
    for group in source.groups():
        next(group.pictures())
        assert group.skip() == 2
    assert source.dropped == Counter()


def test_a_picture_that_has_changed_is_not_taken_for_the_one_it_was(tmp_path: Path) -> None:
    source = table(tmp_path, [{"page": "a", "image": "red.png"}])
    (red,) = pictures_of(source)["a"]
    (tmp_path / "red.png").write_bytes(bytes(len(RED)))
    with pytest.raises(InputError, match=r"red\.png: is not the picture any more"):
        red.read()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("{", "line 2: not JSON"),
        ("[]", "line 2: expected an object, got list"),
        ('{"page": 1, "image": "red.png"}', "line 2: 'page' is a int"),
        ('{"page": "a", "image": "red.png", "alt": 5}', "line 2: 'alt' is a int"),
        ('{"page": "a", "image": "red.png", "tags": [1]}', "line 2: 'tags' is a list"),
    ],
)
def test_a_row_of_another_form_is_refused_by_its_line(
    tmp_path: Path, line: str, named: str
) -> None:
    source = table(tmp_path, [{"page": "a", "image": "red.png"}])
    with source.pages.table.open("a") as file:
        file.write(f"\n{line}\n")
    with pytest.raises(InputError, match=rf"pages\.jsonl, {named}"):
        pictures_of(source)


def test_half_a_character_is_not_passed_on(tmp_path: Path) -> None:
    source = table(tmp_path, [{"page": "a", "image": "red.png", "alt": "red \ud83d"}])
    assert [picture.alt for picture in pictures_of(source)["a"]] == ["red ?"]


@pytest.mark.skipif(HAS_PYARROW, reason="pyarrow is installed")
def test_without_pyarrow_a_parquet_table_names_the_extra(tmp_path: Path) -> None:
    source = PageGroups(PageTable(table=tmp_path / "pages.parquet"))
    with pytest.raises(InputError, match=r"needs pyarrow.*'\.\[data\]'"):
        pictures_of(source)


@pytest.mark.skipif(not HAS_PYARROW, reason="pyarrow is not installed")
def test_a_parquet_table_is_read_as_json_lines_are(tmp_path: Path) -> None:
    arrow, parquet = (importlib.import_module(name) for name in ("pyarrow", "pyarrow.parquet"))
    rows = [{"page": "a", "image": "red.png", "tags": ["red"], "views": 3}]
    json_lines = table(tmp_path, rows)
    parquet.write_table(arrow.Table.from_pylist(rows), tmp_path / "pages.parquet")
    source = PageGroups(PageTable(table=tmp_path / "pages.parquet"))
    assert pictures_of(source) == pictures_of(json_lines)


def test_each_folder_is_a_group(tmp_path: Path) -> None:
    root = saved(tmp_path / "album", red_png=RED, red_txt=b"a red square")
    saved(root / "sea", a_png=BLUE, c_png=BLUE, a_json=b'{"title": "Sea", "alt": 7, "tags": "x,y"}')
    saved(root / "sea" / "b", d_png=RED)
    saved(root / "seaside", e_png=RED)
    source = FolderGroups(root)
    groups = pictures_of(source)
    assert {name: [p.file.name for p in pictures] for name, pictures in groups.items()} == {
        "album": ["red.png"],
        "album/sea": ["a.png", "c.png"],  # though the walk enters `b` between the two
        "album/sea/b": ["d.png"],
        "album/seaside": ["e.png"],
    }
    assert groups["album"][0].caption == "a red square"
    sea = groups["album/sea"][0]
    assert (sea.title, sea.alt, sea.tags) == ("Sea", "", ("x", "y"))
    assert source.dropped == Counter()


def test_what_a_walk_passes_over_is_counted_by_reason(tmp_path: Path) -> None:
    root = saved(tmp_path / "album", red_png=RED, red_txt=b"\xff", text_png=b"no picture")
    (root / "link.png").symlink_to(tmp_path / "missing.png")
    source = FolderGroups(root)
    assert names_of(source) == [("album", ["red.png"])]
    assert source.dropped == {"broken link": 1, "caption file": 1, NOT_A_PICTURE: 1}


def test_samples_of_an_archive_are_grouped_by_page_or_by_folder(tmp_path: Path) -> None:
    first = archived(
        tmp_path / "1.tar",
        {
            "1.png": RED,
            "1.json": b'{"page": "http://a", "caption": "red"}',
            "x/2.png": BLUE,
            "x/2.json": b'{"page": "http://a"}',
            "y/3.png": RED,
            "y/4.jpg": BLUE,
            "5.png": RED,
            "y/6.json": b"{}",
        },
    )
    second = archived(tmp_path / "2.tar", {"y/7.png": RED})
    source = ShardGroups([first, second])
    groups = pictures_of(source)
    assert {name: len(pictures) for name, pictures in groups.items()} == {"http://a": 2, "y": 3}
    red, blue = groups["http://a"]
    assert (red.caption, red.read(), blue.read()) == ("red", RED, BLUE)
    assert source.dropped == {NO_GROUP: 1, NO_PICTURE: 1}


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"{", "its json cannot be read"),
        (b"[]", "its json: expected an object"),
        (b'{"alt": 1}', "'alt' is a int"),
        (b" " * 300_000, "its json is over 262144 bytes"),
    ],
)
def test_a_sample_whose_json_is_of_another_form_is_refused_by_name(
    tmp_path: Path, content: bytes, named: str
) -> None:
    shard = archived(tmp_path / "1.tar", {"x/2.png": RED, "x/2.json": content})
    with pytest.raises(InputError, match=rf"1\.tar, sample 'x/2': {named}"):
        pictures_of(ShardGroups([shard]))


def test_inputs_are_found_below_the_runs_data(tmp_path: Path) -> None:
    table(tmp_path / "web", [{"page": "a", "image": "red.png"}])
    saved(tmp_path / "album", red_png=RED)
    saved(tmp_path / "shards")
    archived(tmp_path / "shards" / "2.tar", {"d/2.png": RED})
    archived(tmp_path / "shards" / "1.tar", {"c/1.png": RED})
    inputs = GroupInputs(
        pages=(PageTable(table=Path("web/pages.jsonl")),),
        folders=(Path("album"),),
        shards=(Path("shards"),),
    )
    found = [name for source in group_sources(inputs, tmp_path) for name, _ in names_of(source)]
    assert found == ["a", "album", "c", "d"]


def test_a_folder_without_archives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"has no \.tar"):
        group_sources(GroupInputs(shards=(Path(),)), tmp_path)

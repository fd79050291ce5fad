"""Tables of paths and addresses as a source."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from index.found import FoundImage
from index.items import Failure
from index.sources import Root
from index.sourcing.addresses import Guard
from index.sourcing.delimited import column_types
from index.sourcing.fetching import Fetcher
from index.sourcing.table_source import TableColumns, TableSource
from index.sourcing.tables import read_rows
from models.errors import ImageError, InputError
from tests.fakes import picture_bytes
from tests.index.album import save
from tests.index.picture_server import HOST, gives, picture_server
from tests.index.sourcing.archives import contents, walked

Rows = Sequence[Mapping[str, Any]]


def csv_of(path: Path, rows: Rows) -> Path:
    names = list(rows[0])
    lines = [names, *([str(row.get(name, "")) for name in names] for row in rows)]
    delimiter = "," if path.suffix == ".csv" else "\t"
    path.write_text("".join(delimiter.join(line) + "\n" for line in lines))
    return path


def json_lines_of(path: Path, rows: Rows) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def parquet_of(path: Path, rows: Rows, rows_in_group: int = 1000) -> Path:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(arrow.Table.from_pylist(list(rows)), path, row_group_size=rows_in_group)
    return path


WRITERS = [
    pytest.param(csv_of, "t.csv"),
    pytest.param(csv_of, "t.tsv"),
    pytest.param(json_lines_of, "t.jsonl"),
    pytest.param(parquet_of, "t.parquet"),
]
Write = Callable[[Path, Rows], Path]


def source(table: Path, columns: TableColumns | None = None) -> TableSource:
    return TableSource(Root("s", table.parent), table, columns or TableColumns())


def metadata(found: Sequence[FoundImage]) -> list[dict[str, Any]]:
    return [each.metadata for each in found]


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_row_is_a_picture_with_its_caption_and_typed_metadata(
    tmp_path: Path, write: Write, name: str
) -> None:
    save(tmp_path, "a/red.png", "red")
    said = {"year": 2003, "score": 0.5, "nsfw": True, "by": "Ann"}
    row = {"path": "a/red.png", "TEXT": "red", **said}
    (found,), failures = walked(source(write(tmp_path / name, [row])))
    assert (found.path, found.caption) == ("a/red.png", "red")
    assert found.metadata == said
    assert {key: type(value) for key, value in found.metadata.items()} == {
        "year": int,
        "score": float,
        "nsfw": bool,
        "by": str,
    }
    assert found.read(1000) == picture_bytes("red")
    assert failures == []


@pytest.mark.parametrize(("write", "name"), WRITERS)
def test_a_row_may_be_an_address_from_which_its_picture_is_fetched(
    tmp_path: Path, write: Write, name: str
) -> None:
    fetcher = Fetcher(Guard(frozenset({HOST}), lambda host, port: ["127.0.0.1"]))
    with picture_server() as server:
        server.script = [gives(b"red")]
        table = write(tmp_path / name, [{"url": server.url("/red.jpg"), "title": "red"}])
        (found,), _ = walked(TableSource(Root("s", tmp_path), table, fetcher=fetcher))
        assert contents([found]) == {server.url("/red.jpg"): b"red"}
    assert (found.caption, found.stamp) == ("red", None)


def test_an_address_of_this_network_is_an_error_of_its_picture(tmp_path: Path) -> None:
    table = csv_of(tmp_path / "t.csv", [{"url": "http://127.0.0.1/a.jpg"}])
    (found,), _ = walked(source(table))
    with pytest.raises(ImageError, match="not public"):
        found.read(1000)


@pytest.mark.parametrize(
    "place", ["ftp://example.com/a.jpg", "s3://bucket/a.jpg", "http://", "file:///a"]
)
def test_an_address_of_another_kind_is_a_failure(tmp_path: Path, place: str) -> None:
    found, (failure,) = walked(source(csv_of(tmp_path / "t.csv", [{"url": place}])))
    assert (found, failure.path) == ([], "t.csv, line 2")


def test_a_files_stamp_is_as_in_a_folder(tmp_path: Path) -> None:
    file = save(tmp_path, "red.png", "red")
    os.utime(file, (5, 5))
    (found,), _ = walked(source(csv_of(tmp_path / "t.csv", [{"file": "red.png"}])))
    assert found.stamp == f"{file.stat().st_size}-5000000000-{file.stat().st_ino}"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("../secret.png", "leads out"),
        ("link.png", "leads out"),
        ("/etc/passwd", "leads out"),
        ("gone.png", "No such file"),
        ("x" * 300, "File name too long"),
        (".", "not a regular file"),
        ("pipe.png", "not a regular file"),
        ("", "names no picture"),
    ],
)
def test_a_path_out_of_the_folder_or_of_no_file_is_a_failure(
    tmp_path: Path, place: str, reason: str
) -> None:
    save(tmp_path, "secret.png", "red")
    folder = tmp_path / "tables"
    folder.mkdir()
    os.mkfifo(folder / "pipe.png")
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    table = json_lines_of(folder / "t.jsonl", [{"path": place}])
    found, (failure,) = walked(source(table))
    assert (found, failure.path) == ([], "t.jsonl, line 1")
    assert reason in failure.reason


def test_a_path_within_the_folder_is_written_in_one_way(tmp_path: Path) -> None:
    save(tmp_path, "a/red.png", "red")
    places = ["a/red.png", "./a//red.png", "b/../a/red.png", str(tmp_path / "a" / "red.png")]
    table = json_lines_of(tmp_path / "t.jsonl", [{"path": place} for place in places])
    assert {found.path for found in walked(source(table))[0]} == {"a/red.png"}


@pytest.mark.parametrize("value", [None, 5, ["a.png"], "\ud800.png"])
def test_a_row_that_names_no_picture_is_a_failure(tmp_path: Path, value: object) -> None:
    table = json_lines_of(tmp_path / "t.jsonl", [{"path": value}])
    assert walked(source(table)) == (
        [],
        [Failure("s", "t.jsonl, line 1", "'path' names no picture")],
    )


def test_the_first_name_of_the_list_is_taken_and_another_one_may_be_said(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path, f"{name}.png", "red")
    row = {"title": "t", "file": "b.png", "Image": "a.png", "caption": "c"}
    table = csv_of(tmp_path / "t.csv", [row])
    (found,), _ = walked(source(table))
    assert (found.path, found.caption) == ("a.png", "c")
    assert found.metadata == {"title": "t", "file": "b.png"}
    (found,), _ = walked(source(table, TableColumns("file", "title")))
    assert (found.path, found.caption) == ("b.png", "t")


def test_a_table_without_a_column_of_pictures_is_the_users_mistake(tmp_path: Path) -> None:
    table = csv_of(tmp_path / "t.csv", [{"name": "a.png", "size": "5"}])
    with pytest.raises(InputError, match=r"t\.csv: no column names .* got name, size"):
        walked(source(table))
    with pytest.raises(InputError, match=r"has no column 'photo': it has name, size"):
        walked(source(table, TableColumns("photo")))


def test_a_parquet_tables_times_are_texts_and_what_is_missing_is_left_out(tmp_path: Path) -> None:
    save(tmp_path, "red.png", "red")
    row = {
        "path": "red.png",
        "taken": datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC),
        "day": date(2024, 5, 6),
        "price": Decimal("1.50"),
        "tags": ["a"],
        "bytes": b"x",
        "nothing": None,
        "missing": float("nan"),
        "endless": float("inf"),
    }
    (found,), failures = walked(source(parquet_of(tmp_path / "t.parquet", [row])))
    assert found.metadata == {
        "taken": "2024-05-06T07:08:09+00:00",
        "day": "2024-05-06",
        "price": 1.5,
    }
    assert failures == []


def test_times_that_python_does_not_have_are_texts_too(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    save(tmp_path, "red.png", "red")
    columns = {
        "path": ["red.png", "red.png"],
        "fine": arrow.array([1_700_000_000_123_456_789, None], arrow.timestamp("ns")),
        "far": arrow.array([2**50, 5_000], arrow.timestamp("ms")),
        "clock": arrow.array([1, None], arrow.time64("ns")),
    }
    table = tmp_path / "t.parquet"
    pytest.importorskip("pyarrow.parquet").write_table(arrow.table(columns), table)
    found, failures = walked(source(table))
    assert metadata(found) == [
        {"fine": "2023-11-14T22:13:20.123456", "clock": "00:00:00.000000001"},
        {"far": "1970-01-01T00:00:05.000"},
    ]
    assert failures == []


def test_the_cells_of_a_column_are_of_one_type(tmp_path: Path) -> None:
    columns = {
        "whole": ["1", "-20", ""],
        "number": ["1", "2.5e3", ""],
        "truth": ["true", "FALSE", ""],
        "postcode": ["12345", "01234", ""],
        "mixed": ["1", "one", ""],
        "huge": ["1", "9223372036854775808", ""],
        "endless": ["1", "1e999", ""],
        "none": ["", "", ""],
    }
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    pictures = [{"path": f"{n}.png", **row} for n, row in enumerate(rows)]
    for row in pictures:
        save(tmp_path, row["path"], "red")
    found, failures = walked(source(csv_of(tmp_path / "t.csv", pictures)))
    first, second, third = metadata(found)
    assert first == {
        "whole": 1,
        "number": 1.0,
        "truth": True,
        "postcode": "12345",
        "mixed": "1",
        "huge": 1.0,
        "endless": "1",
    }
    assert second["truth"] is False
    assert isinstance(first["number"], float)
    assert second["huge"] == 9223372036854775808.0
    assert third == {}
    assert failures == []


def test_quotes_and_a_mark_of_byte_order_are_understood_in_csv_and_are_letters_in_tsv(
    tmp_path: Path,
) -> None:
    comma, tab = tmp_path / "t.csv", tmp_path / "t.tsv"
    comma.write_bytes(b'\xef\xbb\xbfpath,caption\na.png,"two\nlines, ""quoted"""\n')
    tab.write_bytes(b'path\tcaption\na.png\t"5 feet\nb.png\t6"\n')
    assert [row for _, row in read_rows(comma)] == [
        {"path": "a.png", "caption": 'two\nlines, "quoted"'}
    ]
    assert [row["caption"] for _, row in read_rows(tab)] == ['"5 feet', '6"']


@pytest.mark.parametrize(
    ("name", "content", "paths", "places"),
    [
        ("t.csv", b"path,n\na.png,1,2\nb.png\n\na.png,1\n", ["a.png"], [2, 3]),
        ("t.csv", b"path,n\n\xff,1\na.png,1\n", ["a.png"], [2]),
        ("t.csv", b"path,n\n" + b"x" * 200_000 + b",1\na.png,1\n", ["a.png"], [2]),
        ("t.jsonl", b'{"path": "a.png"}\n{\n[1]\n\n' + b"[" * 9999 + b"\n", ["a.png"], [2, 3, 5]),
        ("t.jsonl", b'{"path": "a.png"}\n{"path": "' + b"x" * 2**24 + b'"}\n{}', ["a.png"], [2, 3]),
    ],
)
def test_a_row_that_cannot_be_read_is_a_failure_and_the_rest_is_read(
    tmp_path: Path, name: str, content: bytes, paths: list[str], places: list[int]
) -> None:
    save(tmp_path, "a.png", "red")
    (tmp_path / name).write_bytes(content)
    found, failures = walked(source(tmp_path / name))
    assert [each.path for each in found] == paths
    assert [failure.path for failure in failures] == [f"{name}, line {n}" for n in places]


def test_without_a_listener_the_first_row_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,n\na.png\n")
    with pytest.raises(InputError, match=r"t\.csv, line 2: 1 cells, expected 2"):
        list(read_rows(tmp_path / "t.csv"))


def test_metadata_that_cannot_be_written_is_a_failure_and_its_picture_is_taken(
    tmp_path: Path,
) -> None:
    save(tmp_path, "a.png", "red")
    rows = [{"path": "a.png", "x": 2**63}, {"path": "a.png", "caption": "\ud800", "x": 1}]
    rows += [{"path": "a.png", "caption": 5}, {"path": "a.png", **{str(n): n for n in range(201)}}]
    found, failures = walked(
        source(json_lines_of(tmp_path / "t.jsonl", [{"path": "a.png", "caption": "c"}, *rows]))
    )
    assert [(each.caption, each.metadata) for each in found] == [("c", {}), *[(None, {})] * 4]
    assert [failure.reason.removeprefix("caption and metadata: ") for failure in failures] == [
        "'x': number out of range",
        "'caption': holds half of a character",
        "caption: expected a string",
        "over 200 names, or one of over 200 characters",
    ]


def test_a_long_text_is_cut(tmp_path: Path) -> None:
    save(tmp_path, "a.png", "red")
    row = {"path": "a.png", "caption": "c" * 5000, "note": "n" * 5000}
    (found,), _ = walked(source(json_lines_of(tmp_path / "t.jsonl", [row])))
    assert (found.caption, found.metadata) == ("c" * 4000, {"note": "n" * 4000})


@pytest.mark.parametrize("content", ["", "\n", "path,path\n", "path,\n"])
def test_a_table_without_a_header_is_the_users_mistake(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(InputError, match=r"t\.csv: expected a first line of column names"):
        walked(source(tmp_path / "t.csv"))


def test_what_is_no_parquet_is_the_users_mistake(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no table PAR1")
    with pytest.raises(InputError, match=r"t\.parquet: cannot be read as Parquet"):
        walked(source(tmp_path / "t.parquet"))


def test_a_part_of_a_parquet_table_that_is_damaged_is_a_failure_and_the_others_are_read(
    tmp_path: Path,
) -> None:
    for number in range(4):
        save(tmp_path, f"{number}.png", "red")
    rows = [{"path": f"{number}.png"} for number in range(4)]
    table = parquet_of(tmp_path / "t.parquet", rows, rows_in_group=2)
    data = bytearray(table.read_bytes())
    data[4:20] = b"\xff" * 16  # the header of the first page
    table.write_bytes(data)
    found, failures = walked(source(table))
    assert [each.path for each in found] == ["2.png", "3.png"]
    ((path, reason),) = [(failure.path, failure.reason) for failure in failures]
    assert path == "."
    assert reason.startswith("t.parquet: cannot be read as Parquet from row 1 on: ")


@pytest.mark.parametrize("content", [b"", b"path\n"])
def test_a_table_that_is_emptied_after_it_was_looked_at_has_no_rows(
    tmp_path: Path, content: bytes
) -> None:
    save(tmp_path, "a.png", "red")
    table = csv_of(tmp_path / "t.csv", [{"path": "a.png"}])
    images = source(table).walk()
    table.write_bytes(content)
    if content:
        assert list(images) == []
    else:
        with pytest.raises(InputError, match="expected a first line of column names"):
            list(images)


def test_a_table_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        source(tmp_path / "t.csv").walk()


def test_of_two_columns_with_one_name_the_second_is_read(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    save(tmp_path, "a.png", "red")
    columns = [arrow.array(["x.png"]), arrow.array(["a.png"])]
    table = arrow.Table.from_arrays(columns, names=["path", "path"])
    parquet.write_table(table, tmp_path / "t.parquet")
    assert [found.path for found in source(tmp_path / "t.parquet").walk()] == ["a.png"]


def test_a_table_that_changes_while_it_is_read_keeps_its_cells_as_texts(tmp_path: Path) -> None:
    save(tmp_path, "a.png", "red")
    table = csv_of(tmp_path / "t.csv", [{"path": "a.png", "n": "1"}])
    images = source(table).walk()
    assert set(column_types(table, ",")) == {"n"}
    csv_of(table, [{"path": "a.png", "n": "one"}])
    assert [found.metadata for found in images] == [{"n": "one"}]

import os
import subprocess
from pathlib import Path

import pytest

from index.items import Failure
from index.sources import FileContent, FolderSource, FoundImage, Root, parse_root
from models.errors import ImageError, InputError
from tests.fakes import picture_bytes
from tests.index.album import build, save, source


def walk(folder: Path) -> tuple[list[FoundImage], list[Failure]]:
    failures: list[Failure] = []
    return list(source(folder, "s").walk(failures.append)), failures


def paths(folder: Path) -> list[str]:
    return [found.path for found in walk(folder)[0]]


def test_a_folder_names_its_root(tmp_path: Path) -> None:
    (tmp_path / "holiday").mkdir()
    assert parse_root(f"{tmp_path}/holiday/") == Root("holiday", tmp_path / "holiday")


def test_a_root_can_be_named(tmp_path: Path) -> None:
    assert parse_root(f"summer={tmp_path}") == Root("summer", tmp_path)


def test_an_existing_folder_with_an_equals_sign_is_taken_for_a_path(tmp_path: Path) -> None:
    (tmp_path / "a=b").mkdir()
    with pytest.raises(InputError, match="write NAME=PATH"):
        parse_root(str(tmp_path / "a=b"))
    assert parse_root(f"ab={tmp_path}/a=b") == Root("ab", tmp_path / "a=b")


@pytest.mark.parametrize("name", ["", " x", "a/b", "a\\b", "a\nb", "x" * 101])
def test_a_silly_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        parse_root(f"{name}={tmp_path}")


@pytest.mark.parametrize("text", ["", "=", "nowhere", "x=nowhere", "/"])
def test_what_is_not_a_named_folder_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_root(text)


def test_a_file_is_no_root(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not an existing folder"):
        parse_root(str(save(tmp_path, "red.png", "red")))


def test_pictures_come_in_codepoint_order_of_their_paths(tmp_path: Path) -> None:
    names = ["b.png", "a/z.png", "a.png", "a/y/x.png", "a b.png", "Z.png", "é.png"]
    for name in names:
        save(tmp_path, name, "red")
    assert paths(tmp_path) == sorted(names)


def test_only_picture_files_by_extension_are_found(tmp_path: Path) -> None:
    for name in ["one.JPG", "two.webp"]:
        save(tmp_path, name, "red")
    for name in ["notes.txt", "movie.mp4", "jpg"]:
        (tmp_path / name).write_text("no picture")
    assert walk(tmp_path)[1] == []
    assert paths(tmp_path) == ["one.JPG", "two.webp"]


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    save(tmp_path, ".hidden.png", "red")
    save(tmp_path, ".thumbnails/red.png", "red")
    save(tmp_path, "shown.png", "red")
    assert paths(tmp_path) == ["shown.png"]


def test_a_link_inside_the_root_is_followed(tmp_path: Path) -> None:
    save(tmp_path, "real/red.png", "red")
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file.png").symlink_to("real/red.png")
    assert paths(tmp_path) == ["file.png", "folder/red.png", "real/red.png"]


def test_a_link_out_of_the_root_is_a_failure_and_not_followed(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    root.mkdir()
    secret = save(outside, "secret.png", "red")
    (root / "folder").symlink_to(outside)
    (root / "file.png").symlink_to(secret)
    found, failures = walk(root)
    assert found == []
    assert [(f.path, f.reason) for f in failures] == [
        ("file.png", "a link that leads out of its source"),
        ("folder", "a link that leads out of its source"),
    ]


def test_a_folder_whose_name_begins_like_the_roots_is_still_outside(tmp_path: Path) -> None:
    secret = save(tmp_path / "root-two", "secret.png", "red")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "file.png").symlink_to(secret)
    assert paths(tmp_path / "root") == []


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    save(tmp_path, "a/red.png", "red")
    (tmp_path / "a" / "up").symlink_to("..")
    (tmp_path / "a" / "self").symlink_to(".")
    (tmp_path / "b.png").symlink_to("b.png")
    found, failures = walk(tmp_path)
    assert [image.path for image in found] == ["a/red.png"]
    assert [(f.path, f.reason) for f in failures] == [("b.png", "broken link")]


def test_a_root_that_is_itself_a_link_is_walked(tmp_path: Path) -> None:
    save(tmp_path / "real", "red.png", "red")
    (tmp_path / "link").symlink_to("real")
    assert paths(tmp_path / "link") == ["red.png"]


def test_a_picture_a_thousand_folders_deep_is_found(tmp_path: Path) -> None:
    deep = "/".join("d" * 1010)
    subprocess.run(["mkdir", "-p", tmp_path / "root" / deep], check=True)
    (tmp_path / "root" / deep / "red.png").write_bytes(picture_bytes("red"))
    assert paths(tmp_path / "root") == [f"{deep}/red.png"]
    # pytest's own cleaning recurses, and would not come back from there
    subprocess.run(["rm", "-r", tmp_path / "root"], check=True)


def test_a_pipe_with_a_pictures_name_is_a_failure_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "red.txt")
    save(tmp_path, "red.png", "red")
    found, failures = walk(tmp_path)
    assert [(image.path, image.caption) for image in found] == [("red.png", None)]
    assert failures == [Failure("s", "pipe.png", "not a regular file")]


def test_a_pipe_that_was_put_in_a_pictures_place_keeps_nobody_waiting(tmp_path: Path) -> None:
    file = save(tmp_path, "red.png", "red")
    (found,), _ = walk(tmp_path)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ImageError, match="not a regular file"):
        found.read(1000)


def test_a_name_that_is_not_utf8_is_a_failure_with_a_name_that_can_be_shown(
    tmp_path: Path,
) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))).write_bytes(b"")
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/d\xff"))).mkdir()
    assert walk(tmp_path)[1] == [
        Failure("s", "caf\ufffd.png", "its name is not UTF-8"),
        Failure("s", "d\ufffd", "its name is not UTF-8"),
    ]


def test_a_folder_that_vanishes_during_the_walk_is_a_failure(tmp_path: Path) -> None:
    first = save(tmp_path, "a/red.png", "red")
    (tmp_path / "b").mkdir()
    failures: list[Failure] = []
    images = source(tmp_path, "s").walk(failures.append)
    assert next(images).content == FileContent(first)
    (tmp_path / "b").rmdir()
    assert list(images) == []
    assert failures == [Failure("s", "b/", "folder cannot be listed: No such file or directory")]


def test_a_root_that_cannot_be_listed_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be listed"):
        list(FolderSource(Root("gone", tmp_path / "gone")).walk())


def test_a_walk_that_nobody_listens_to_stops_at_the_first_failure(tmp_path: Path) -> None:
    (tmp_path / "broken.png").symlink_to("nowhere")
    with pytest.raises(InputError, match=r"broken\.png: broken link"):
        list(source(tmp_path).walk())


def test_a_collection_inside_the_root_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path, "red.png", "red")
    build(tmp_path / "collection", tmp_path)
    assert build(tmp_path / "collection", tmp_path).items == 1
    assert paths(tmp_path) == ["red.png"]


def stamp(folder: Path, now: float) -> str | None:
    (found,) = FolderSource(Root("s", folder), clock=lambda: now).walk()
    return found.stamp


def test_a_files_stamp_is_its_size_time_and_inode(tmp_path: Path) -> None:
    file = save(tmp_path, "red.png", "red")
    os.utime(file, ns=(0, 5_123_456_789))
    status = file.stat()
    assert stamp(tmp_path, now=100) == f"{status.st_size}-5123456789-{status.st_ino}"


def test_a_stamp_changes_with_the_bytes_the_time_or_the_file(tmp_path: Path) -> None:
    file, other = save(tmp_path, "red.png", "red"), save(tmp_path / ".hidden", "red.png", "red")
    os.utime(file, (5, 5))
    stamps = [stamp(tmp_path, now=100)]
    os.utime(file, (6, 6))
    stamps.append(stamp(tmp_path, now=100))
    file.write_bytes(file.read_bytes() + b"x")
    os.utime(file, (6, 6))
    stamps.append(stamp(tmp_path, now=100))
    other.write_bytes(file.read_bytes())
    os.utime(other, (6, 6))
    other.replace(file)
    stamps.append(stamp(tmp_path, now=100))
    assert None not in stamps
    assert len(set(stamps)) == 4


@pytest.mark.parametrize("now", [5, 6.9, 4])
def test_a_file_that_has_only_just_been_written_has_no_stamp(tmp_path: Path, now: float) -> None:
    os.utime(save(tmp_path, "red.png", "red"), (5, 5))
    assert stamp(tmp_path, now) is None
    assert stamp(tmp_path, now=7) is not None


def test_a_renamed_file_keeps_its_stamp(tmp_path: Path) -> None:
    file = save(tmp_path, "red.png", "red")
    os.utime(file, (5, 5))
    before = stamp(tmp_path, now=100)
    file.rename(tmp_path / "crimson.png")
    assert stamp(tmp_path, now=100) == before


def test_a_link_has_the_stamp_of_what_it_leads_to(tmp_path: Path) -> None:
    os.utime(save(tmp_path, "real/red.png", "red"), (5, 5))
    (tmp_path / "link.png").symlink_to("real/red.png")
    link, real = FolderSource(Root("s", tmp_path), clock=lambda: 100).walk()
    assert link.stamp is not None
    assert link.stamp == real.stamp

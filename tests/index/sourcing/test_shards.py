"""WebDataset shards as a source."""

import io
import json
import os
import tarfile
from pathlib import Path

import pytest

from index.items import Failure
from index.sources import Root
from index.sourcing.patterns import expanded
from index.sourcing.shards import ShardSource
from models.errors import ImageError, ImageTooLargeError, InputError
from tests.index.sourcing.archives import BLUE, LONG_AGO, RED, contents, tar_of, walked


def test_a_sample_is_a_picture_with_its_caption_and_metadata(tmp_path: Path) -> None:
    entry = {"caption": "from json", "width": 32, "score": 0.5, "nsfw": False, "tags": ["x"]}
    files = {"7.jpg": RED, "7.txt": b" a red square \n", "7.json": json.dumps(entry).encode()}
    (found,), failures = walked(ShardSource(Root("s", tar_of(tmp_path / "a.tar", files))))
    assert (found.source, found.path, found.caption) == ("s", "7.jpg", "a red square")
    assert found.metadata == {"width": 32, "score": 0.5, "nsfw": False, "tags": ["x"]}
    assert found.read(len(RED)) == RED
    assert failures == []


def test_a_samples_pictures_share_what_is_not_their_own(tmp_path: Path) -> None:
    files = {
        "7.left.JPG": RED,
        "7.right.jpg": BLUE,
        "7.left.txt": b"left",
        "7.txt": b"both",
        "7.json": b'{"stars": 5}',
    }
    found, _ = walked(ShardSource(Root("s", tar_of(tmp_path / "a.tar", files))))
    assert [(each.path, each.caption, each.metadata) for each in found] == [
        ("7.left.JPG", "left", {"stars": 5}),
        ("7.right.jpg", "both", {"stars": 5}),
    ]


def test_the_shards_of_a_folder_are_read_in_order_each_under_its_name(tmp_path: Path) -> None:
    tar_of(tmp_path / "1.tar", {"./a/x.png": RED})
    tar_of(tmp_path / "0.tar", {"b.png": BLUE, ".hidden.png": RED, "notes.md": b"no picture"})
    found, failures = walked(ShardSource(Root("s", tmp_path), "*.tar"))
    assert contents(found) == {"0.tar/b.png": BLUE, "1.tar/a/x.png": RED}
    assert [each.path for each in found] == ["0.tar/b.png", "1.tar/a/x.png"]
    assert failures == []


def test_a_stamp_is_the_archives_and_the_place_in_it(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "a.tar", {"1.png": RED, "2.png": BLUE})
    status = path.stat()
    (one, two), _ = walked(ShardSource(Root("s", path)))
    of_archive = f"{status.st_size}-{LONG_AGO * 10**9}-{status.st_ino}"
    assert one.stamp == f"{of_archive}-512-{len(RED)}"
    assert two.stamp is not None
    assert two.stamp != one.stamp
    (young, _), _ = walked(ShardSource(Root("s", path), clock=lambda: LONG_AGO + 1))
    assert young.stamp is None


@pytest.mark.parametrize(
    "name", ["../x.png", "a/../../x.png", "/etc/x.png", "a\\..\\x.png", "C:x.png"]
)
def test_a_name_that_leads_out_is_a_failure_by_name(tmp_path: Path, name: str) -> None:
    path = tar_of(tmp_path / "a.tar", {name: RED, "1.png": BLUE})
    found, (failure,) = walked(ShardSource(Root("s", tmp_path), "*.tar"))
    assert contents(found) == {"a.tar/1.png": BLUE}
    assert failure.path == f"{path.name}/{name}"
    assert "its name" in failure.reason


def test_links_and_devices_are_failures_and_the_rest_is_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as opened:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"{kind.decode()}.png")
            member.type, member.linkname = kind, "/etc/passwd"
            opened.addfile(member)
        last = tarfile.TarInfo("last.png")
        last.size = len(RED)
        opened.addfile(last, io.BytesIO(RED))
    found, failures = walked(ShardSource(Root("s", tmp_path / "a.tar")))
    assert contents(found) == {"last.png": RED}
    assert [failure.path for failure in failures] == ["2.png", "1.png", "4.png", "6.png"]


def test_a_caption_that_cannot_be_read_is_a_failure_and_its_picture_is_taken(
    tmp_path: Path,
) -> None:
    files = {"1.png": RED, "1.txt": b"x" * 300_000, "1.json": b'{"x": NaN}'}
    (found,), failures = walked(ShardSource(Root("s", tar_of(tmp_path / "a.tar", files))))
    assert (found.caption, found.metadata) == (None, {})
    assert failures == [
        Failure("s", "1.txt", "caption file: over 262144 bytes"),
        Failure("s", "1.json", "caption file: NaN is not a number that JSON knows"),
    ]


def test_a_damaged_archive_costs_only_what_cannot_be_read(tmp_path: Path) -> None:
    pictures = {f"{number}.png": RED for number in range(3)}
    damaged = tar_of(tmp_path / "0.tar", pictures)
    data = bytearray(damaged.read_bytes())
    data[512 + (len(RED) + 511) // 512 * 512] ^= 1  # of the second header's name
    damaged.write_bytes(data)
    (tmp_path / "1.tar").write_bytes(b"no archive")
    tar_of(tmp_path / "2.tar", {"x.png": BLUE})
    found, failures = walked(ShardSource(Root("s", tmp_path), "{0..3}.tar"))
    assert [each.path for each in found] == ["0.tar/0.png", "0.tar/2.png", "2.tar/x.png"]
    assert [failure.path for failure in failures] == ["0.tar/", "1.tar/", "3.tar/"]
    assert failures[0].reason == "0.tar: cannot be read as a tar behind '0.png': a damaged header"
    assert failures[2].reason == "3.tar: cannot be read as a tar: No such file or directory"


def test_a_picture_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    (found,), _ = walked(ShardSource(Root("s", tar_of(tmp_path / "a.tar", {"1.png": RED}))))
    with pytest.raises(ImageTooLargeError):
        found.read(len(RED) - 1)


def test_an_archive_that_is_gone_when_its_picture_is_read_costs_the_picture(
    tmp_path: Path,
) -> None:
    (found,), _ = walked(ShardSource(Root("s", tar_of(tmp_path / "a.tar", {"1.png": RED}))))
    (tmp_path / "a.tar").unlink()
    with pytest.raises(ImageError, match="No such file"):
        found.read(1000)


def test_a_shard_that_is_a_link_out_of_its_folder_is_not_opened(tmp_path: Path) -> None:
    tar_of(tmp_path / "outside" / "a.tar", {"1.png": RED})
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards" / "a.tar").symlink_to(tmp_path / "outside" / "a.tar")
    assert walked(ShardSource(Root("s", tmp_path / "shards"), "*.tar")) == (
        [],
        [Failure("s", "a.tar", "a link that leads out of its source")],
    )


def test_a_walk_that_nobody_listens_to_stops_at_the_first_failure(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"s: \.: a\.tar: cannot be read as a tar"):
        list(ShardSource(Root("s", tmp_path / "a.tar")).walk())


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("{08..11}.tar", ["08.tar", "09.tar", "10.tar", "11.tar"]),
        ("{a,b}-{0..1}", ["a-0", "a-1", "b-0", "b-1"]),
        ("{2..1}.tar", []),
        ("{}.tar", [".tar"]),
    ],
)
def test_braces_stand_for_names(pattern: str, names: list[str]) -> None:
    assert list(expanded(pattern)) == names


def test_braces_without_an_end_are_refused() -> None:
    with pytest.raises(InputError, match="stands for over 1000000 names"):
        list(expanded("{0..99999}{0..99999}.tar"))


def test_shards_are_read_again_where_they_have_changed(tmp_path: Path) -> None:
    source = ShardSource(Root("s", tmp_path), "*.tar")
    assert walked(source) == ([], [])
    tar_of(tmp_path / "0.tar", {"1.png": RED})
    os.utime(tmp_path / "0.tar", (5, 5))
    first, _ = walked(source)
    os.utime(tmp_path / "0.tar", (6, 6))
    second, _ = walked(source)
    assert first[0].stamp != second[0].stamp

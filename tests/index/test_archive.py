"""Archives of samples: grouped as WebDataset groups them; nothing but plain files is read."""

import base64
import io
import tarfile
import zlib
from pathlib import Path

import pytest

from index.sourcing.archive import plain_members, samples
from models.errors import InputError

# two samples, written by the TarWriter of webdataset 1.0.2
OF_WEBDATASET = (
    "c-rlkU2DQH6o&ItO0K0OHY)6|3@@UFEW1dxITd8=zniKXqcFC?JVg3F7yU>>0zEt@yh`1uUsD^!T^N=(#)#Wa<Ga#do-g"
    "BiZnP1V5)AZ-Y?rs+1i!Onzn%Bf_Xp)ohM1`9w-nkapDJmoiow5-oK-UHQXYDihv9|fI$u-UcUw11+*|MDy8sW(r*(C7-"
    "cmTaI=6zo=kz}}fRX=3FX!-|gO94igsJ;~=v{aEZ}orYzgms_Z<^Ht{&R4tI?ta5Mf;yM@Q&`$0RDddH;X(3{~5Se9Sva"
    "W{_E26KhA&Tf57N}Vfnv-|H%J<&;P>m{}TT5<$nzkChvb?`Cr3-#{7>40000005B2GwD0nx"
)


def archive(path: Path, *members: tuple[str, bytes], format: int = tarfile.USTAR_FORMAT) -> Path:  # noqa: A002
    with tarfile.open(path, "w", format=format) as opened:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            opened.addfile(member, io.BytesIO(data))
    return path


def with_member(path: Path, member: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as opened:
        opened.addfile(tarfile.TarInfo("1.txt"))
        opened.addfile(member)
    return path


def of_type(kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo("2.jpg")
    member.type, member.linkname = kind, "/etc/passwd"
    return member


def told(path: Path, max_bytes: int = 1000) -> tuple[list[str], list[tuple[str, str]]]:
    """The names that are given, and what is refused."""
    refused: list[tuple[str, str]] = []

    def tell(name: str, reason: str) -> None:
        refused.append((name, reason))

    members = [member.name for member in plain_members(path, max_bytes, tell)]
    return members, refused


def read(path: Path) -> list[tuple[str, dict[str, bytes]]]:
    return [
        (sample.key, {name: span.read() for name, span in sample.spans.items()})
        for sample in samples(path)
    ]


def test_files_that_share_their_name_up_to_the_first_dot_are_a_sample(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.tar",
        ("v1.2/1.query.JPG", b"one"),
        ("v1.2/1.json", b"{}"),
        ("README", b"has no dot"),
        ("2.jpg", b"two"),
    )
    assert read(path) == [("v1.2/1", {"query.jpg": b"one", "json": b"{}"}), ("2", {"jpg": b"two"})]


def test_an_archive_that_webdataset_wrote_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(zlib.decompress(base64.b85decode(OF_WEBDATASET)))
    about = b'{"instruction": "at night", "ids": ["q", "t"], "source": "page"}'
    assert read(path) == [
        (
            f"00000000{number}",
            {
                "json": about,
                "negative.0.jpg": b"negative",
                "query.jpg": f"query {number}".encode(),
                "target.jpg": f"target {number}".encode(),
            },
        )
        for number in range(2)
    ]


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_long_names_are_read_in_any_dialect(tmp_path: Path, format: int) -> None:  # noqa: A002
    key = "é" * 120
    path = archive(tmp_path / "a.tar", (f"{key}.jpg", b"one"), format=format)
    assert read(path) == [(key, {"jpg": b"one"})]


def test_folders_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "1.jpg").write_bytes(b"one")
    with tarfile.open(tmp_path / "a.tar", "w") as opened:
        opened.add(tmp_path / "pages", "pages")
    assert read(tmp_path / "a.tar") == [("pages/1", {"jpg": b"one"})]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_what_is_not_a_plain_file_is_refused_by_name(tmp_path: Path, kind: bytes) -> None:
    path = with_member(tmp_path / "a.tar", of_type(kind))
    with pytest.raises(InputError, match=r"a\.tar, member '2\.jpg': expected plain files"):
        read(path)


def test_a_file_over_the_limit_is_refused_by_name(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x" * 10))
    assert len(list(samples(path, max_bytes=10))) == 1
    with pytest.raises(InputError, match=r"a\.tar, member '1\.jpg': has 10 bytes"):
        list(samples(path, max_bytes=9))


def test_a_file_that_is_twice_in_its_sample_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x"), ("1.jpg", b"y"))
    with pytest.raises(
        InputError, match=r"a\.tar, member '1\.jpg': 'jpg' is there twice in sample '1'"
    ):
        read(path)


@pytest.mark.parametrize("left", [512 + 300, 2 * 512, 2 * 512 + 100, 3 * 512 + 100])
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path, left: int) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x" * 400), ("2.jpg", b"y" * 400))
    path.write_bytes(path.read_bytes()[:left])  # a header and a block of data for each
    with pytest.raises(InputError, match=r"a\.tar.*'[12]\.jpg'"):
        list(samples(path))


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x"), ("2.jpg", b"y"))
    data = bytearray(path.read_bytes())
    data[1024] ^= 1  # the first letter of the second name, which its checksum covers
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tar: cannot be read as a tar behind '1\.jpg'"):
        list(samples(path))


def test_a_header_that_claims_gigabytes_is_refused_without_them(tmp_path: Path) -> None:
    member = tarfile.TarInfo("1.jpg")
    member.type, member.size = tarfile.XHDTYPE, 8 * 1024**3
    path = tmp_path / "a.tar"
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(InputError, match="a header of 8589934592 bytes"):
        list(samples(path))


def test_a_size_below_zero_does_not_turn_a_reader_back(tmp_path: Path) -> None:
    member = tarfile.TarInfo("1.jpg")
    member.size = -1024
    path = tmp_path / "a.tar"
    path.write_bytes(member.tobuf(tarfile.GNU_FORMAT) + bytes(1024))
    with pytest.raises(InputError, match="has -1024 bytes"):
        list(samples(path))


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x1f\x8b" + bytes(600)])
def test_what_is_no_archive_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tar: cannot be read as a tar"):
        list(samples(path))


def test_an_archive_that_changes_under_its_reader_is_noticed(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x" * 10))
    (sample,) = samples(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.tar: expected 10 bytes at 512, got 0"):
        sample.spans["jpg"].read()


def test_a_listener_is_told_what_is_refused_and_the_rest_is_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as opened:
        opened.addfile(of_type(tarfile.SYMTYPE))
        big = tarfile.TarInfo("big.jpg")
        big.size = 1001
        opened.addfile(big, io.BytesIO(bytes(1001)))
        opened.addfile(tarfile.TarInfo("caf\udce9.jpg"))
        opened.addfile(tarfile.TarInfo("last.jpg"))
    assert told(path) == (
        ["last.jpg"],
        [
            ("2.jpg", "expected plain files, got type b'2'"),
            ("big.jpg", "has 1001 bytes, expected at most 1000"),
            ("caf\ufffd.jpg", "its name is not UTF-8"),
        ],
    )


def test_after_a_damaged_header_the_next_sound_one_is_looked_for(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", *((f"{number}.jpg", b"x" * 600) for number in range(4)))
    data = bytearray(path.read_bytes())
    data[3 * 512] ^= 1  # of the second header: each file is a header and two blocks
    path.write_bytes(data)
    members, refused = told(path)
    assert members == ["0.jpg", "2.jpg", "3.jpg"]
    assert refused == [("", "cannot be read as a tar behind '0.jpg': a damaged header")]


def test_archives_that_were_joined_are_read_one_after_the_other(tmp_path: Path) -> None:
    one, two = (archive(tmp_path / f"{n}.tar", (f"{n}.jpg", b"x")) for n in "12")
    joined = tmp_path / "joined.tar"
    joined.write_bytes(one.read_bytes() + two.read_bytes())
    assert told(joined) == (["1.jpg", "2.jpg"], [])


@pytest.mark.parametrize("left", [512 + 300, 512 + 400, 2 * 512, 3 * 512 + 100])
def test_an_archive_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, left: int) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x" * 400), ("2.jpg", b"y" * 400))
    path.write_bytes(path.read_bytes()[:left])
    members, refused = told(path)
    assert members == (["1.jpg"] if left >= 512 + 400 else [])
    assert refused[-1][0] == ""  # nobody knows what came then


def test_a_search_for_sound_headers_ends(tmp_path: Path) -> None:
    """A chain of headers, of which every one claims to extend the next, is as deep at each."""
    header = tarfile.TarInfo("pax")
    header.type = tarfile.XHDTYPE
    path = tmp_path / "a.tar"
    first = archive(tmp_path / "first.tar", ("1.jpg", b"x")).read_bytes()[:1024]
    path.write_bytes(first + header.tobuf(tarfile.GNU_FORMAT) * 1500 + bytes(1024))
    members, refused = told(path)
    assert members == ["1.jpg"]
    ((name, reason),) = refused
    assert (name, "behind '1.jpg'" in reason) == ("", True)

"""Archives of samples: grouped as WebDataset groups them; nothing but plain files is read."""

import base64
import io
import tarfile
import zlib
from pathlib import Path

import pytest

from models.errors import InputError
from training.triplets.archive import samples
from training.triplets.shards import read_triplet
from training.triplets.triplet import Triplet

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
    ids, negatives = ("q", "t"), (b"negative",)
    assert [read_triplet(sample) for sample in samples(path)] == [
        Triplet(b"query 0", b"target 0", "at night", ids, "page", negatives),
        Triplet(b"query 1", b"target 1", "at night", ids, "page", negatives),
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
    with pytest.raises(InputError, match=r"a\.tar, sample '1': 'jpg' is there twice"):
        read(path)


@pytest.mark.parametrize("left", [512 + 300, 2 * 512, 2 * 512 + 100, 3 * 512 + 100])
def test_an_archive_that_is_cut_off_is_refused_with_its_last_member(
    tmp_path: Path, left: int
) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x" * 400), ("2.jpg", b"y" * 400))
    path.write_bytes(path.read_bytes()[:left])  # a header and a block of data for each
    with pytest.raises(InputError, match=r"a\.tar, member '[12]\.jpg'"):
        list(samples(path))


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar", ("1.jpg", b"x"), ("2.jpg", b"y"))
    data = bytearray(path.read_bytes())
    data[1024] ^= 1  # the first letter of the second name, which its checksum covers
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.tar, member '1\.jpg': cannot be read"):
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

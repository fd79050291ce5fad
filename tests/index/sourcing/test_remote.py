"""Pictures and shards in another file system."""

import threading
from pathlib import Path

import pytest

from index.items import Failure
from index.sourcing.remote import shards
from index.sourcing.remote.folder import RemoteSource
from index.sourcing.remote.held import Held, Room
from index.sourcing.remote.shards import RemoteShardSource
from index.sourcing.remote.store import RangeContent
from models.errors import ImageError, ImageTooLargeError, InputError
from tests.index.sourcing.archives import BLUE, LONG_AGO, RED, contents, tar_of, walked
from tests.index.sourcing.buckets import Bucket, Store, file, folder, opened


def test_a_bucket_is_read_as_a_folder_is(bucket: Bucket) -> None:
    bucket.put(
        {
            "b.png": RED,
            "trip/a.jpg": BLUE,
            "trip/a.txt": b"blue",
            "trip/a.json": b'{"stars": 5}',
            "trip/notes.txt": b"of no picture",
            ".hidden/c.png": RED,
            ".c.png": RED,
        },
    )
    source = opened(bucket.address)
    found, failures = walked(source)
    assert (source.name, source.root) == ("photos", None)
    assert contents(found) == {"b.png": RED, "trip/a.jpg": BLUE}
    assert [(each.source, each.caption, each.metadata) for each in found] == [
        ("photos", None, {}),
        ("photos", "blue", {"stars": 5}),
    ]
    assert failures == []


def test_a_source_may_be_named(bucket: Bucket) -> None:
    bucket.put({"a.png": RED})
    (found,), _ = walked(opened(f"mine={bucket.address}/"))
    assert (found.source, found.path) == ("mine", "a.png")


def test_a_picture_over_the_limit_is_not_received(bucket: Bucket) -> None:
    bucket.put({"a.png": RED})
    (found,), _ = walked(opened(bucket.address))
    assert found.read(len(RED)) == RED
    bucket.put({"a.png": RED + BLUE})  # it has grown since it was listed
    for limit in (len(RED) - 1, len(RED)):
        with pytest.raises(ImageTooLargeError):
            found.read(limit)


def test_a_caption_that_cannot_be_read_is_a_failure_and_its_picture_is_taken(
    bucket: Bucket,
) -> None:
    bucket.put({"a.png": RED, "a.txt": b"x" * 300_000})
    (found,), (failure,) = walked(opened(bucket.address))
    assert found.caption is None
    assert failure == Failure("photos", "a.txt", "caption file: over 262144 bytes")


def test_captions_are_received_several_at_a_time_and_stay_beside_their_pictures() -> None:
    others = threading.Barrier(2)

    class Waiting(Store):
        def cat_file(self, place: str, start: int, end: int) -> bytes:
            others.wait(timeout=30)
            return place.encode()

    names = [f"b/{number:03d}" for number in range(200)]
    listing = [file(name + kind) for name in names for kind in (".png", ".txt")]
    found, failures = walked(RemoteSource("s", Waiting({"b": listing}), "b"))
    assert [(each.path, each.caption) for each in found] == [
        (f"{name[2:]}.png", f"{name}.txt") for name in names
    ]
    assert failures == []


@pytest.mark.parametrize(
    ("facts", "stamp"),
    [
        ({"ETag": '"abc"', "LastModified": "2024-01-01T00:00:00Z"}, '5-"abc"'),
        ({"md5Hash": "xyz=="}, "5-xyz=="),
        ({"mtime": 5.5}, "5-5.5"),
        ({"LastModified": "1970-01-01T00:00:05+00:00"}, "5-5.0"),
        ({"mtime": LONG_AGO - 1}, None),
        ({"mtime": "soon"}, None),
        ({}, None),
    ],
)
def test_a_stamp_is_the_stores_mark_or_the_size_and_time(
    facts: dict[str, object], stamp: str | None
) -> None:
    store = Store({"b": [file("b/a.png", **facts)]})
    (found,), _ = walked(RemoteSource("s", store, "b", clock=lambda: LONG_AGO))
    assert found.stamp == stamp


def test_a_folder_that_cannot_be_listed_is_a_failure_and_the_rest_is_read() -> None:
    store = Store(
        {
            "b": [folder("b/one"), folder("b/two/"), folder("b")],
            "b/one": PermissionError("Access\nDenied"),
            "b/two": [file("b/two/"), file("b/two/a.png")],
        }
    )
    found, failures = walked(RemoteSource("s", store, "b"))
    assert [each.path for each in found] == ["two/a.png"]
    assert failures == [Failure("s", "one/", "folder cannot be listed: Access Denied")]


def test_a_name_that_leads_out_is_a_failure() -> None:
    store = Store({"b": [file("b/../a.png"), file("b/x.png")]})
    found, (failure,) = walked(RemoteSource("s", store, "b"))
    assert [each.path for each in found] == ["x.png"]
    assert (failure.path, failure.reason) == ("../a.png", "its name leads out of the archive")


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("no credentials"), KeyError("x")])
def test_whatever_a_store_raises_is_an_error_of_the_picture(error: Exception) -> None:
    store = Store({"b": [file("b/a.png")]}, error)
    (found,), _ = walked(RemoteSource("s", store, "b"))
    with pytest.raises(ImageError, match="cannot be read: "):
        found.read(1000)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gone", "No such file"), ("gone.zip", "No such file"), ("a.doc", "of another kind")],
)
def test_what_is_not_there_or_no_source_is_the_users_mistake(
    bucket: Bucket, name: str, reason: str
) -> None:
    bucket.put({"a.doc": RED})
    with pytest.raises(InputError, match=reason):
        opened(f"{bucket.address}/{name}")


@pytest.mark.parametrize("name", ["trip [2020]", "trip{1}", "what?"])
def test_a_folder_whose_name_looks_like_a_pattern_is_a_folder(bucket: Bucket, name: str) -> None:
    bucket.put({f"{name}/a.png": RED})
    source = opened(f"{bucket.address}/{name}")
    assert (source.name, [each.path for each in walked(source)[0]]) == (name, ["a.png"])


def test_a_file_may_have_the_name_of_a_folder() -> None:
    store = Store(
        {"b": [folder("b/a.png"), file("b/a.png")], "b/a.png": [file("b/a.png/b.png")]},
    )
    found, _ = walked(RemoteSource("s", store, "b"))
    assert [each.path for each in found] == ["a.png", "a.png/b.png"]


def test_an_empty_caption_is_none_and_no_failure() -> None:
    """A store has no range of an empty file."""
    listing = [file("b/a.png"), file("b/a.txt", size=0)]
    store = Store({"b": listing}, OSError("416 Requested Range Not Satisfiable"))
    (found,), failures = walked(RemoteSource("s", store, "b"))
    assert (found.caption, failures) == (None, [])


@pytest.mark.parametrize("address", ["ftp://127.0.0.1:1/x", "zip://a::memory://nothere.zip"])
def test_a_store_that_cannot_be_reached_is_told(address: str) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        opened(address)


def test_hidden_shards_are_passed_over(bucket: Bucket, tmp_path: Path) -> None:
    shard = tar_of(tmp_path / "local.tar", {"1.png": RED}).read_bytes()
    bucket.put({"a.tar": shard, "._a.tar": b"of a Mac", ".part.tar": shard})
    found, failures = walked(opened(f"{bucket.address}/*.tar"))
    assert [each.path for each in found] == ["a.tar/1.png"]
    assert failures == []


def test_what_finds_no_room_is_asked_for_when_it_is_read(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "MAX_HELD_BYTES", len(RED))
    files = {f"{number}.png": RED for number in range(3)} | {"3.png": BLUE}
    bucket.put({"a.tar": tar_of(tmp_path / "local.tar", files).read_bytes()})
    found, _ = walked(opened(f"{bucket.address}/a.tar"))
    contained = [type(each.content) for each in found]
    assert contained == [Held, *[RangeContent] * 3]
    for _ in range(2):  # what was held is asked for again
        assert contents(found) == files


def test_room_is_given_back_by_who_reads_and_who_is_dropped() -> None:
    room, later = Room(10), RangeContent(None, "a", 0, 0)
    assert room.take(6)
    assert not room.take(6)
    held = Held(b"x" * 6, later, room)
    assert held.read(6) == b"x" * 6
    assert room.take(6)
    held = Held(b"x" * 6, later, room)
    del held
    assert room.take(10)


def test_an_address_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="names nothing there"):
        opened("memory://")


def test_a_store_that_nobody_knows_is_refused_with_the_extra_to_install() -> None:
    with pytest.raises(InputError, match=r"pip install '\.\[cloud\]'"):
        opened("nothing-like-it://bucket/photos")


def test_shards_are_streamed_each_under_its_name(bucket: Bucket, tmp_path: Path) -> None:
    for number, picture in enumerate((RED, BLUE)):
        files = {"1.txt": b"one", "1.png": picture, "1.json": b'{"stars": 5}', "../x.png": RED}
        bucket.put({f"{number}.tar": tar_of(tmp_path / "local.tar", files).read_bytes()})
    bucket.put({"notes.txt": b"of no shard"})
    source = opened(f"{bucket.address}/*.tar")
    found, failures = walked(source)
    assert (source.name, source.root) == ("photos", None)
    assert contents(found) == {"0.tar/1.png": RED, "1.tar/1.png": BLUE}
    assert {(each.caption, each.metadata["stars"]) for each in found} == {("one", 5)}
    assert [failure.path for failure in failures] == ["0.tar/../x.png", "1.tar/../x.png"]
    with pytest.raises(ImageTooLargeError):
        found[0].read(len(RED) - 1)


def test_one_shard_is_a_source_of_its_own_name(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put({"a.tar": tar_of(tmp_path / "local.tar", {"1.png": RED}).read_bytes()})
    source = opened(f"{bucket.address}/a.tar")
    assert source.name == "a"
    assert contents(walked(source)[0]) == {"1.png": RED}


def test_a_shard_that_is_not_there_or_damaged_is_a_failure(bucket: Bucket, tmp_path: Path) -> None:
    whole = tar_of(tmp_path / "local.tar", {"1.png": RED, "2.png": BLUE}).read_bytes()
    bucket.put({"1.tar": whole[:1200], "2.tar": b"no archive", "3.tar": whole})
    found, failures = walked(opened(f"{bucket.address}/{{0..3}}.tar"))
    assert [each.path for each in found] == ["1.tar/1.png", "3.tar/1.png", "3.tar/2.png"]
    assert [failure.path for failure in failures] == ["0.tar/", "1.tar/", "2.tar/"]


def test_a_shards_stamp_is_the_stores_mark_and_the_place_in_it(tmp_path: Path) -> None:
    path = tar_of(tmp_path / "local.tar", {"1.png": RED})
    for facts, stamp in (({"ETag": "abc"}, f"5-abc-512-{len(RED)}"), ({}, None)):
        with path.open("rb") as stream:
            store = Store({"b": [file("b/a.tar", **facts)]}, stream)
            (found,), _ = walked(RemoteShardSource("s", store, "b", "a.tar"))
        assert found.stamp == stamp


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("no credentials")])
def test_whatever_a_store_raises_costs_the_rest_of_its_archive(error: Exception) -> None:
    source = RemoteShardSource("s", Store({"b": []}, error), "b", "a.tar")
    assert walked(source) == ([], [Failure("s", ".", f"a.tar: cannot be read: {error}")])
    unlisted = RemoteShardSource("s", Store({"b": error}), "b", "*.tar")
    assert walked(unlisted) == ([], [Failure("s", ".", f"folder cannot be listed: {error}")])
    with pytest.raises(InputError, match=r"s: \.: a\.tar: cannot be read"):
        list(source.walk())

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from index.collection import Collection, Snapshot
from index.items import item_id
from index.job import JobOptions, Progress, build_collection
from index.search import search
from index.sources import Root
from index.verifying.verify import verify
from models.errors import CollectionError, InputError
from models.query import single
from tests.fakes import ColourEncoder, picture, picture_bytes
from tests.index.album import build, contents, save, source


def nearest(snapshot: Snapshot, text: str) -> list[str]:
    """The paths of all items, nearest to the text first."""
    (embedding,) = ColourEncoder().encode_texts([text])
    page = search(snapshot, single(snapshot.spaces[0], embedding))
    items = snapshot.items([hit.id for hit in page.hits])
    return [items[hit.id].path for hit in page.hits]


def test_pictures_in_a_folder_are_found_by_what_they_show(tmp_path: Path) -> None:
    for colour in ("red", "green", "blue"):
        save(tmp_path / "photos", f"{colour}.png", colour)
    report = build(tmp_path / "out", tmp_path / "photos")
    assert (report.items, report.embedded, report.failed, report.generation) == (3, 3, 0, 1)
    collection = Collection.open(tmp_path / "out")
    with collection.snapshot() as snapshot:
        assert nearest(snapshot, "red")[0] == "red.png"
        assert nearest(snapshot, "blue")[0] == "blue.png"
    collection.close()


def test_an_item_knows_its_picture(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # upright after a quarter turn
    exif[0x010F] = "NIKON"
    exif.get_ifd(0x8769)[0x9003] = "2023:07:01 12:30:05"
    data = io.BytesIO()
    picture("red", (40, 20)).save(data, "JPEG", exif=exif)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "red.jpg").write_bytes(data.getvalue())
    (tmp_path / "photos" / "red.json").write_text('{"caption": "a red one", "stars": 5}')
    build(tmp_path / "out", tmp_path / "photos")
    collection = Collection.open(tmp_path / "out")
    with collection.snapshot() as snapshot:
        item = snapshot.item(item_id(data.getvalue()))
    collection.close()
    assert (item.bytes, item.width, item.height) == (len(data.getvalue()), 20, 40)
    assert (item.format, item.path, item.caption) == ("JPEG", "red.jpg", "a red one")
    taken = {"taken_at": "2023-07-01T12:30:05", "camera": "NIKON"}
    assert item.metadata == taken | {"stars": 5}


def test_a_repeated_file_is_one_item_with_two_occurrences(tmp_path: Path) -> None:
    for name in ("a.png", "b/c.png"):
        save(tmp_path / "photos", name, "red")
    encoder = ColourEncoder()
    assert build(tmp_path / "out", tmp_path / "photos", encoder=encoder).items == 1
    assert list(contents(tmp_path / "out").values()) == [("a.png", "b/c.png")]
    assert encoder.encoded_images == 1


def test_a_renamed_file_is_the_same_item_and_is_not_embedded_again(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    file = save(photos, "old.png", "red")
    build(tmp_path / "out", photos)
    file.rename(photos / "new.png")
    encoder = ColourEncoder()
    report = build(tmp_path / "out", photos, encoder=encoder)
    assert (report.items, report.reused, report.removed, encoder.encoded_images) == (1, 1, 0, 0)
    assert contents(tmp_path / "out") == {item_id(picture_bytes("red")): ("new.png",)}


def test_indexing_again_embeds_only_what_is_new(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    build(tmp_path / "out", photos)
    save(photos, "blue.png", "blue")
    encoder = ColourEncoder()
    report = build(tmp_path / "out", photos, encoder=encoder)
    assert (report.embedded, report.reused, report.items, report.generation) == (1, 1, 2, 2)
    assert encoder.encoded_images == 1
    assert verify(tmp_path / "out") == ()


def test_a_file_that_is_gone_takes_its_item_and_its_thumbnail_along(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    gone = save(photos, "blue.png", "blue")
    build(tmp_path / "out", photos)
    gone.unlink()
    report = build(tmp_path / "out", photos)
    assert (report.items, report.removed) == (1, 1)
    kept = item_id(picture_bytes("red"))
    assert [file.stem for file in (tmp_path / "out" / "thumbnails").rglob("*.webp")] == [kept]
    assert verify(tmp_path / "out") == ()


def test_a_changed_file_is_another_item(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "one.png", "red")
    build(tmp_path / "out", photos)
    save(photos, "one.png", "blue")
    build(tmp_path / "out", photos)
    assert contents(tmp_path / "out") == {item_id(picture_bytes("blue")): ("one.png",)}


def test_an_update_leaves_the_items_of_other_sources(tmp_path: Path) -> None:
    save(tmp_path / "a", "red.png", "red")
    save(tmp_path / "a", "shared.png", "green")
    save(tmp_path / "b", "shared-too.png", "green")
    save(tmp_path / "b", "blue.png", "blue")
    build(tmp_path / "out", tmp_path / "a", tmp_path / "b")
    (tmp_path / "b" / "shared-too.png").unlink()
    encoder = ColourEncoder()
    report = build(tmp_path / "out", tmp_path / "b", encoder=encoder)
    assert (report.items, report.removed, encoder.encoded_images) == (3, 0, 0)
    assert sorted(contents(tmp_path / "out").values()) == [
        ("blue.png",),
        ("red.png",),
        ("shared.png",),
    ]
    assert verify(tmp_path / "out") == ()


def test_a_source_is_added_by_indexing_it_alone(tmp_path: Path) -> None:
    save(tmp_path / "a", "red.png", "red")
    save(tmp_path / "b", "blue.png", "blue")
    build(tmp_path / "out", tmp_path / "a")
    assert build(tmp_path / "out", tmp_path / "b").items == 2


def test_a_source_of_a_known_name_at_another_place_is_re_pointed(tmp_path: Path) -> None:
    save(tmp_path / "old" / "photos", "red.png", "red")
    build(tmp_path / "out", tmp_path / "old" / "photos")
    (tmp_path / "new").mkdir()
    (tmp_path / "old" / "photos").rename(tmp_path / "new" / "photos")
    report = build(tmp_path / "out", tmp_path / "new" / "photos")
    assert (report.items, report.reused) == (1, 1)
    collection = Collection.open(tmp_path / "out")
    with collection.snapshot() as snapshot:
        assert snapshot.statistics().sources == (Root("photos", tmp_path / "new" / "photos"),)
        assert snapshot.original(item_id(picture_bytes("red"))) == picture_bytes("red")
    collection.close()


def test_an_emptied_folder_does_not_empty_the_collection(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    file = save(photos, "red.png", "red")
    build(tmp_path / "out", photos)
    file.unlink()
    with pytest.raises(InputError):
        build(tmp_path / "out", photos)
    assert len(contents(tmp_path / "out")) == 1


def test_two_sources_of_one_name_are_the_users_mistake(tmp_path: Path) -> None:
    save(tmp_path / "a" / "photos", "red.png", "red")
    save(tmp_path / "b" / "photos", "red.png", "red")
    with pytest.raises(InputError, match="two sources are named 'photos'"):
        build(tmp_path / "out", tmp_path / "a" / "photos", tmp_path / "b" / "photos")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("threads", "batch_size"), [(0, 1), (1, 0)])
def test_options_that_would_never_end_are_refused(threads: int, batch_size: int) -> None:
    with pytest.raises(InputError, match="expected 1 or more"):
        JobOptions(threads=threads, batch_size=batch_size)


def test_progress_counts_every_file_and_knows_their_number_in_the_end(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    for number in range(30):
        save(photos, f"{number}.png", (number, 0, 0))
    (photos / "bad.png").write_bytes(b"no picture")
    seen: list[Progress] = []
    build(tmp_path / "out", photos, progress=seen.append)
    assert [progress.done for progress in seen] == list(range(1, 32))
    last = seen[-1]
    assert (last.done, last.failed, last.found) == (31, 1, 31)


def test_a_lost_thumbnail_is_made_again_without_a_forward_pass(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    build(tmp_path / "out", photos)
    shutil.rmtree(tmp_path / "out" / "thumbnails")
    encoder = ColourEncoder()
    build(tmp_path / "out", photos, encoder=encoder)
    assert encoder.encoded_images == 0
    assert verify(tmp_path / "out") == ()


def test_vectors_of_a_damaged_segment_are_made_again(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    build(tmp_path / "out", photos)
    (segment,) = (tmp_path / "out" / "segments").iterdir()
    segment.write_bytes(b"x" + segment.read_bytes()[1:])
    encoder = ColourEncoder()
    assert build(tmp_path / "out", photos, encoder=encoder).embedded == 1
    assert verify(tmp_path / "out") == ()


def test_damaged_vectors_of_a_source_that_is_not_scanned_stop_the_job(tmp_path: Path) -> None:
    save(tmp_path / "a", "red.png", "red")
    save(tmp_path / "b", "blue.png", "blue")
    build(tmp_path / "out", tmp_path / "a", tmp_path / "b")
    (segment,) = (tmp_path / "out" / "segments").iterdir()
    segment.write_bytes(b"")
    with pytest.raises(CollectionError, match="vectors of 1 items are damaged: index all sources"):
        build(tmp_path / "out", tmp_path / "a")
    assert build(tmp_path / "out", tmp_path / "a", tmp_path / "b").embedded == 2


def test_the_models_reference_is_the_latest(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    build(tmp_path / "out", photos)
    options = JobOptions(threads=1)
    build_collection(
        tmp_path / "out", [source(photos)], ColourEncoder(), model="/moved", options=options
    )
    collection = Collection.open(tmp_path / "out")
    with collection.snapshot() as snapshot:
        assert snapshot.model == "/moved"
    collection.close()

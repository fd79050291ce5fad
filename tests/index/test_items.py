import hashlib

from index.items import Item, Occurrence, item_id


def item(*occurrences: Occurrence, **exif: str | float) -> Item:
    return Item("00" * 16, 1, 1, 1, "PNG", occurrences=occurrences, **exif)  # type: ignore[arg-type]


def test_an_id_is_the_first_half_of_the_contents_sha256() -> None:
    assert item_id(b"abc") == hashlib.sha256(b"abc").hexdigest()[:32]


def test_an_item_goes_by_its_first_path_and_the_first_caption_that_there_is() -> None:
    found = item(
        Occurrence("a", "one.png", None, {}),
        Occurrence("a", "two.png", "two", {}),
        Occurrence("b", "three.png", "three", {}),
    )
    assert (found.path, found.paths) == ("one.png", ("one.png", "two.png", "three.png"))
    assert found.caption == "two"


def test_what_stands_beside_a_file_goes_before_exif_and_the_first_occurrence_before_all() -> None:
    found = item(
        Occurrence("a", "one.png", None, {"stars": 1}),
        Occurrence("a", "two.png", None, {"stars": 2, "camera": "scanner"}),
        camera="NIKON",
        latitude=1.5,
    )
    assert found.metadata == {"camera": "scanner", "latitude": 1.5, "stars": 1}

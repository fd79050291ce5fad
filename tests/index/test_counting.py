from pathlib import Path

import pytest

from index.jobs.counting import Expected, count_pictures
from tests.index.album import build, save


def test_pictures_are_counted_as_the_walk_takes_them(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    save(photos, "red.png", "red")
    save(photos, "trip/day/Blue.JPG", "blue")
    save(photos, ".hidden/green.png", "green")
    (photos / "notes.txt").write_text("no picture")
    build(photos / "collection", photos / "trip")  # its thumbnails are nobody's pictures
    assert count_pictures(photos) == 2


class Of:
    def __init__(self, number: int) -> None:
        self.number = number

    def count(self) -> int:
        if self.number < 0:
            raise OSError("cannot be listed")
        return self.number


class Uncountable:
    pass


@pytest.mark.parametrize(
    ("sources", "number"),
    [([Of(2), Of(3)], 5), ([Of(2), Uncountable()], None), ([Of(2), Of(-1)], None)],
)
def test_the_number_of_a_job_is_that_of_all_its_sources_or_unknown(
    sources: list[object], number: int | None
) -> None:
    expected = Expected(sources)
    expected.wait()
    assert expected.number == number

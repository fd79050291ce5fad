"""Mining: pairs out of groups, by cosines that can be worked out by hand.

Of the colour encoder's embeddings these are the cosines: red and yellow 0.71, red and white 0.58,
yellow and white 0.82, red and green 0.00, red and a slightly darker red 1.00.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.encoders import DualEncoder
from tests.fakes import COLOURS, ColourEncoder, ShadeEncoder, picture_bytes
from training.triplets import cleaning, mining
from training.triplets.group_sources import FolderGroups
from training.triplets.groups import NOT_A_PICTURE
from training.triplets.mining import Mined, Pair, mine
from training.triplets.mining_config import Mining

DARK_RED = (250, 0, 0)
Files = Mapping[str, str | tuple[int, int, int] | bytes]  # by name: colours, or bytes

THREE: Files = {"1.png": "red", "2.png": "yellow", "3.png": "white"}


def album(root: Path, groups: Mapping[str, Files]) -> FolderGroups:
    """Pictures by colour, and whatever else is given by bytes."""
    for group, files in groups.items():
        (root / group).mkdir(parents=True)
        for name, content in files.items():
            data = content if isinstance(content, bytes) else picture_bytes(content)
            (root / group / name).write_bytes(data)
    return FolderGroups(root)


def mined(source: FolderGroups, encoder: DualEncoder | None = None, **config: object) -> Mined:
    values: dict[str, object] = {"min_side": 16, "max_pairs": 100, **config}
    return mine([source], encoder or ColourEncoder(), Mining.model_validate(values))


def names(pairs: list[Pair]) -> list[tuple[str, str]]:
    return [(pair.query.file.stem, pair.target.file.stem) for pair in pairs]


def test_pairs_within_the_range_are_kept_in_both_directions(tmp_path: Path) -> None:
    result = mined(album(tmp_path, {"page": THREE}), image_similarity=(0.6, 0.8))
    assert names(result.pairs) == [("1", "2"), ("2", "1")]  # red and yellow
    pair = result.pairs[0]
    assert (pair.group, round(pair.similarity, 3)) == (f"{tmp_path.name}/page", 0.708)
    report = result.report
    assert (report.groups, report.pictures, report.compared) == (1, 3, 3)
    assert (report.pairs, report.kept) == (6, 2)
    assert report.dropped_pairs == {mining.TOO_FAR: 2, mining.TOO_NEAR: 2}


def test_pictures_of_two_groups_are_no_pair(tmp_path: Path) -> None:
    source = album(tmp_path, {"a": {"1.png": "red"}, "b": {"2.png": "yellow"}})
    result = mined(source)
    assert result.pairs == []
    assert result.report.dropped_pictures == {cleaning.ALONE: 2}


def test_the_same_picture_is_taken_once(tmp_path: Path) -> None:
    files: Files = {**THREE, "4.png": "red", "5.png": DARK_RED}
    result = mined(album(tmp_path, {"page": files}))
    assert result.report.compared == 3
    assert result.report.dropped_pictures == {cleaning.DUPLICATE: 1, cleaning.NEAR_DUPLICATE: 1}
    # a group that is left with one
    result = mined(album(tmp_path / "b", {"page": {"1.png": "red", "2.png": DARK_RED}}))
    assert result.report.dropped_pictures == {cleaning.NEAR_DUPLICATE: 1, cleaning.ALONE: 1}


def test_small_pictures_and_the_shapes_of_adverts_go(tmp_path: Path) -> None:
    sizes = {"1": (288, 300), "2": (864, 288), "3": (287, 300), "4": (865, 288), "5": (288, 865)}
    files: Files = {
        f"{name}.png": picture_bytes(colour, size)
        for (name, size), colour in zip(sizes.items(), COLOURS, strict=False)
    }
    defaults = Mining()
    result = mine([album(tmp_path, {"page": files})], ColourEncoder(), defaults)
    assert (defaults.min_side, defaults.max_aspect) == (288, 3)
    assert result.report.compared == 2
    assert result.report.dropped_pictures == {cleaning.SMALL: 1, cleaning.ADVERT_SHAPE: 2}


def test_the_words_of_adverts_go_where_they_are_whole_words(tmp_path: Path) -> None:
    texts = {
        "1": "Sponsored red",
        "2": "yellow shoes, buy now!",
        "3": "white logos",
        "4": "a green day",
    }
    pictures = {"1.png": "red", "2.png": "yellow", "3.png": "white", "4.png": "green"}
    files: Files = {**pictures, **{f"{name}.txt": text.encode() for name, text in texts.items()}}
    result = mined(album(tmp_path, {"page": files}))
    assert result.report.dropped_pictures == {cleaning.ADVERT_TEXT: 2}
    assert mined(FolderGroups(tmp_path), advert_words=()).report.compared == 4


def test_a_group_that_is_too_large_goes_whole(tmp_path: Path) -> None:
    # what is twice does not count: four colours and one more red
    files: Files = {**THREE, "4.png": "green", "5.png": "red"}
    source = album(tmp_path, {"page": files, "small": THREE})
    result = mined(source, max_group=3)
    assert {pair.group for pair in result.pairs} == {f"{tmp_path.name}/small"}
    # the fifth was not opened any more
    assert result.report.dropped_pictures == {cleaning.LARGE_GROUP: 5}
    assert mined(FolderGroups(tmp_path), max_group=4).report.dropped_pictures == {
        cleaning.DUPLICATE: 1
    }


def test_a_picture_that_cannot_be_read_whole_is_counted(tmp_path: Path) -> None:
    broken = picture_bytes("green")[:60]
    result = mined(album(tmp_path, {"page": {**THREE, "4.png": broken, "5.png": b"none"}}))
    assert (result.report.pictures, result.report.compared) == (5, 3)
    assert result.report.dropped_pictures == {NOT_A_PICTURE: 2}
    files = {"1.png": broken, "2.png": picture_bytes("blue")[:60]}
    assert mined(album(tmp_path / "b", {"page": files})).report.dropped_pictures == {
        NOT_A_PICTURE: 2
    }


def test_the_targets_text_is_compared_with_the_querys_picture(tmp_path: Path) -> None:
    # cosines to the queries' pictures: "red" to yellow 0.71, "white" to red 0.58, to yellow 0.82
    files: Files = {**THREE, "1.txt": b"red", "3.txt": b"white", "2.txt": b""}
    source = album(tmp_path, {"page": files})
    result = mined(source, text_similarity=(0.6, 0.8))
    assert names(result.pairs) == [("1", "2"), ("2", "1"), ("3", "2")]  # to 2, which has no text
    assert result.report.dropped_pairs == {mining.TEXT_TOO_FAR: 2, mining.TEXT_TOO_NEAR: 1}


def test_tags_stand_in_for_a_text(tmp_path: Path) -> None:
    files: Files = {**THREE, "3.json": b'{"tags": "a , white ,"}'}
    result = mined(album(tmp_path, {"page": files}), text_similarity=(0.6, 1.0))
    assert ("1", "3") not in names(result.pairs) and ("2", "3") in names(result.pairs)


def test_pictures_are_compared_in_the_last_space_and_texts_in_the_first(tmp_path: Path) -> None:
    files: Files = {"1.png": "red", "2.png": "green", "3.png": "white", "3.txt": b"blue"}
    source = album(tmp_path, {"page": files})
    result = mined(source, ShadeEncoder(), image_similarity=(0.85, 0.96), text_similarity=(0.1, 1))
    # by brightness red and green are one, and to white have a cosine of 0.89, by colour of 0.58
    assert result.report.dropped_pictures == {cleaning.NEAR_DUPLICATE: 1}
    # blue is far from red by colour
    assert names(result.pairs) == [("3", "1")]
    assert result.report.dropped_pairs == {mining.TEXT_TOO_FAR: 1}


def test_others_that_are_as_related_go_along_as_negatives(tmp_path: Path) -> None:
    files: Files = {**THREE, "4.png": "green"}
    source = album(tmp_path, {"page": files})
    found = {
        names([pair])[0]: [picture.file.stem for picture in pair.negatives]
        for pair in mined(source, image_similarity=(0.5, 0.9)).pairs
    }
    # red is near yellow and white, but not green; yellow and white are near all
    assert (found["1", "2"], found["1", "3"]) == (["3"], ["2"])
    assert found["2", "1"] == ["3", "4"]
    only = mined(source, image_similarity=(0.5, 0.9), negatives=1).pairs
    assert {len(pair.negatives) for pair in only} == {1}


def test_of_a_group_at_most_so_many_pairs_are_kept(tmp_path: Path) -> None:
    source = album(tmp_path, {"a": THREE, "b": THREE})
    result = mined(source, max_pairs=2)
    assert Counter(pair.group[-1] for pair in result.pairs) == {"a": 2, "b": 2}
    assert result.report.dropped_pairs == {mining.GROUP_FULL: 8}


def test_bands_of_similarity_are_balanced_as_far_as_they_go(tmp_path: Path) -> None:
    # red and yellow, 0.71, are in the upper half; red and white, 0.58, in the lower one
    yellow: Files = {"1.png": "red", "2.png": "yellow"}
    white: Files = {"1.png": "red", "2.png": "white"}
    source = album(tmp_path, {"a": yellow, "b": yellow, "c": yellow, "d": white})
    result = mined(source, image_similarity=(0.5, 0.8), bands=2, band_pairs=3)
    assert result.report.bands == (2, 3)
    assert result.report.dropped_pairs == {mining.BAND_FULL: 3}
    assert [pair.group for pair in result.pairs] == sorted(pair.group for pair in result.pairs)


def test_a_band_draws_from_all_groups_alike(tmp_path: Path) -> None:
    pair: Files = {"1.png": "red", "2.png": "yellow"}
    source = album(tmp_path, {f"{group}": pair for group in range(10)})
    drawn = Counter(
        kept.group[-1]
        for seed in range(100)
        for kept in mined(source, band_pairs=1, seed=seed).pairs
    )
    # 10 of each are expected, and three deviations are 9
    assert len(drawn) == 10 and max(drawn.values()) < 20


def test_a_seed_gives_the_same_pairs_whatever_other_groups_there_are(tmp_path: Path) -> None:
    mined_alone = mined(album(tmp_path / "x" / "album", {"b": THREE}), max_pairs=3)
    source = album(tmp_path / "y" / "album", {"a": THREE, "b": THREE})
    beside = [pair for pair in mined(source, max_pairs=3).pairs if pair.group == "album/b"]
    assert names(beside) == names(mined_alone.pairs)
    draws = {tuple(names(mined(source, max_pairs=3, seed=seed).pairs)) for seed in range(10)}
    assert len(draws) > 1


def test_every_picture_and_every_pair_is_accounted_for(tmp_path: Path) -> None:
    files: Files = {**THREE, "4.png": "green", "5.png": "red", "6.png": b"none", "7.png": DARK_RED}
    source = album(tmp_path, {"a": files, "b": {"1.png": "blue"}, "c": THREE})
    report = mined(source, max_pairs=3, band_pairs=1).report
    assert report.pictures == 11 == report.compared + report.dropped_pictures.total()
    assert report.pairs == 4 * 3 + 3 * 2 == report.kept + report.dropped_pairs.total()
    content = json.loads(json.dumps(report.content()))
    assert content["groups"] == 3 and content["pictures"]["there"] == 11
    assert content["pairs"]["dropped"] == report.dropped_pairs


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_similarity": (0.9, 0.5)},
        {"text_similarity": (-2, 1)},
        {"advert_words": ("ad", " ")},
        {"min_size": 288},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Mining.model_validate(wrong)

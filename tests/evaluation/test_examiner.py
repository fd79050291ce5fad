"""Questions become rankings of keys: the answers are worked out by hand on plain colours."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from evaluation.baselines import ImageOnly, TextOnly
from evaluation.benchmark import Picture, Question, Rankings, Task, whole
from evaluation.crops import Crop, cropped
from evaluation.embedded import Embedding, embedded
from evaluation.examiner import examiner
from models.composers.registry import Composers
from models.decode import DecodeLimits, decode
from models.errors import InputError
from tests.fakes import ColourEncoder, picture, picture_bytes

COLOURS = ("red", "green", "blue", "yellow", "black")


@dataclass(frozen=True)
class Colours:
    """A picture a colour, and `red again`, a copy of red."""

    folder: Path
    tasks: Sequence[Task]
    extra: tuple[Picture, ...] = ()
    name: str = "colours"
    split: None = None

    def pictures(self) -> Sequence[Picture]:
        named = [(colour, colour) for colour in COLOURS] + [("red again", "red")]
        return whole([*(Picture(k, self.folder / f"{c}.png") for k, c in named), *self.extra])

    def metrics(self, rankings: Rankings) -> dict[str, float]:
        return {}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for colour in COLOURS:
        picture(colour).save(tmp_path / f"{colour}.png")
    return tmp_path


def ranked(
    folder: Path, *questions: Question, depth: int | None = None, **more: object
) -> list[list[str]]:
    extra = more.pop("extra", ())
    task = Task("asked", questions, depth, **more)  # type: ignore[arg-type]
    benchmark = Colours(folder, [task], extra)  # type: ignore[arg-type]
    encoder = ColourEncoder()
    how = Embedding("colours", folder / "cache", 1, lambda line: None)
    with ExitStack() as held:
        gallery = held.enter_context(embedded(benchmark, encoder, how))
        composer = Composers(encoder).named("sum")
        rankings = examiner(gallery, encoder, None).rankings(task, composer)
        return [list(ranking) for ranking in rankings]


def text(words: str, **more: object) -> Question:
    return Question(frozenset({"yellow"}), ((words,),), **more)  # type: ignore[arg-type]


def test_a_search_and_a_whole_ranking_agree(folder: Path) -> None:
    (whole_ranking,) = ranked(folder, text("red"))
    assert whole_ranking[:3] == ["red", "red again", "yellow"]
    assert len(whole_ranking) == 6
    assert ranked(folder, text("red"), depth=4) == [whole_ranking[:4]]
    assert ranked(folder, text("red"), depth=50) == [whole_ranking]


def test_what_is_ignored_leaves_the_ranking_but_not_its_copies(folder: Path) -> None:
    question = Question(frozenset(), picture="red", ignored=frozenset({"red"}))
    for depth in (1, None):
        (ranking,) = ranked(folder, question, depth=depth)
        assert ranking[0] == "red again"
        assert "red" not in ranking


def test_a_task_has_a_gallery_of_its_own(folder: Path) -> None:
    gallery = ("blue", "yellow", "green")
    (ranking,) = ranked(folder, text("red"), depth=2, gallery=gallery)
    assert ranking[0] == "yellow" and set(ranking) <= set(gallery)


def test_in_a_questions_own_gallery_ties_go_against_what_is_relevant(folder: Path) -> None:
    among = ("red", "red again", "blue")
    for relevant in ("red", "red again"):
        question = Question(frozenset({relevant}), (("red",),), among=among)
        (ranking,) = ranked(folder, question)
        assert ranking.index(relevant) == 1


def test_several_wordings_are_averaged(folder: Path) -> None:
    question = Question(frozenset(), (("red",), ("green",)))
    # yellow is the best for both together, red and green each for one
    assert ranked(folder, question, depth=1) == [["yellow"]]


def test_baselines_use_one_half_of_the_question(folder: Path) -> None:
    composed = Question(frozenset(), (("blue",),), picture="green", ignored=frozenset({"green"}))
    task = Task("asked", (composed,), 1)
    encoder = ColourEncoder()
    how = Embedding("colours", folder / "cache", 1, lambda line: None)
    with embedded(Colours(folder, [task]), encoder, how) as gallery:
        asks = examiner(gallery, encoder, None)
        assert asks.rankings(task, TextOnly(encoder.space)) == [["blue"]]
        assert asks.rankings(task, ImageOnly()) == [["yellow"]]


def test_a_part_of_a_picture_is_a_picture(folder: Path) -> None:
    both = picture("red", (40, 20))
    both.paste(picture("blue", (20, 20)), (20, 0))
    both.save(folder / "both.png")
    halves = tuple(
        Picture(key, folder / "both.png", Crop(box))
        for key, box in (("left", (0, 0, 20, 20)), ("right", (20, 0, 40, 20)))
    )
    question = Question(frozenset(), picture="left", ignored=frozenset({"left"}))
    (ranking,) = ranked(folder, question, depth=None, extra=halves)
    assert ranking[0] == "red"
    assert ranking.index("right") > ranking.index("yellow")


def test_a_crop_over_the_edge_is_black_there_and_padded_to_a_square_about_the_middle() -> None:
    crop = Crop((-2, 0, 2, 2), square=True)
    part = np.asarray(decode(cropped(picture_bytes("white", (8, 8)), crop, DecodeLimits())))
    assert part.shape == (4, 4, 3)
    expected = np.zeros((4, 4), dtype=np.uint8)
    expected[1:3, 2:] = 255
    assert np.array_equal(part[..., 0], expected)


def test_a_crop_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="left < right"):
        Crop((3, 0, 3, 5))


def test_a_key_for_two_pictures_is_refused(folder: Path) -> None:
    twice = (Picture("red", folder / "blue.png"),)
    with pytest.raises(InputError, match=r"blue\.png: the picture 'red' is there twice"):
        ranked(folder, text("red"), extra=twice)

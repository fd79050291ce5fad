"""What leads from one picture to another: the pairs are looked up in what they are drawn from."""

from pathlib import Path

import numpy as np
import pytest

from training.config import SampleScenes
from training.corpus import WHOLE_AND_FLIPPED, Corpus
from training.relations import (
    CaptionEdits,
    Depicted,
    Drawn,
    MediaChanges,
    SameClass,
    SceneEdits,
    together,
)
from training.rendered_corpus import MEDIA, RenderedCorpus
from training.renderings import WORDS
from training.scene_corpus import build_scene_corpus

CAPTIONS = (
    ("Two dogs run .",),
    ("A man on a horse .",),
    ("a photo of a cat", "cat"),
    ("a photo of a cat", "cat"),
    ("a photo of an owl", "owl"),
)
CLASSES = [False, False, True, True, True]
COUNT = len(CAPTIONS)
# row 2 is redrawn as the first medium, row 3 as the second
REDRAWN = np.array([0, 1, 0, 1, 2])


@pytest.fixture
def depicted() -> Depicted:
    pixels = np.zeros((COUNT, 4, 4, 3), dtype=np.uint8)
    boxes = np.tile(WHOLE_AND_FLIPPED, (COUNT, 1, 1))
    corpus = Corpus(pixels, CAPTIONS, np.array(CLASSES), None, boxes)
    return Depicted(corpus, RenderedCorpus(pixels, REDRAWN))


def rows(drawn: Drawn) -> set[tuple[int, int]]:
    return set(zip(drawn.queries.tolist(), drawn.targets.tolist(), strict=True))


def test_an_edit_leads_from_its_reference_to_its_target() -> None:
    edits = SceneEdits(np.array([[0, 1], [1, 0], [2, 3]]), ("there", "back", "on"), first=10)
    drawn = edits.draw(3, np.random.default_rng(0))
    assert rows(drawn) == {(10, 11), (11, 10), (12, 13)}
    said = dict(zip(drawn.queries.tolist(), drawn.instructions, strict=True))
    assert said == {10: "there", 11: "back", 12: "on"}
    assert drawn.target_groups.tolist() == drawn.targets.tolist()


def test_a_medium_is_changed_of_the_same_picture_or_within_its_class(depicted: Depicted) -> None:
    drawn = MediaChanges(depicted).draw(400, np.random.default_rng(0))
    pairs = rows(drawn)
    # of captioned pictures only to themselves: 0 <-> 5, 1 <-> 6; of the one owl too: 4 <-> 9
    assert {pair for pair in pairs if {0, 1, 4, 5, 6, 9} & {*pair}} == {
        (0, 5), (5, 0), (1, 6), (6, 1), (4, 9), (9, 4),
    }  # fmt: skip
    # of cats: photographs 2, 3, redrawn as 7 and 8, from any medium to any other
    cats = {(a, b) for a in (2, 3, 7, 8) for b in (2, 3, 7, 8)} - {(2, 3), (3, 2)}
    assert {pair for pair in pairs if 2 in pair or 7 in pair} <= cats
    assert (2, 8) in pairs and (7, 8) in pairs and (8, 2) in pairs
    for target, said in zip(drawn.targets, drawn.instructions, strict=True):
        medium = int(depicted.media[target])
        words = WORDS[MEDIA[medium - 1]] if medium else ("photo", "picture taken with a camera")
        assert any(word in said for word in words)


def test_pictures_of_a_class_in_one_medium_answer_alike(depicted: Depicted) -> None:
    groups = depicted.groups
    assert groups[2] == groups[3]  # two photographs of cats
    assert len({groups[row] for row in (2, 7, 8)}) == 3  # a photograph, and two media
    assert len({groups[row] for row in (0, 1, 2, 4)}) == 4
    assert (groups < 0).all()  # those of scenes are rows of the table


def test_another_of_its_class_is_a_photograph_and_not_itself(depicted: Depicted) -> None:
    drawn = SameClass(depicted).draw(50, np.random.default_rng(0))
    assert rows(drawn) == {(2, 3), (3, 2)}
    assert any("cat" in said for said in drawn.instructions)


def test_written_pairs_keep_their_instructions(depicted: Depicted) -> None:
    written = CaptionEdits(np.array([[0, 1]]), ("with a man instead",), depicted)
    drawn = written.draw(7, np.random.default_rng(0))
    assert rows(drawn) == {(0, 1)} and drawn.instructions == ["with a man instead"]


def test_draws_are_joined_in_order(depicted: Depicted) -> None:
    edits = SceneEdits(np.array([[0, 1]]), ("there",), first=10)
    random = np.random.default_rng(0)
    one, other = edits.draw(1, random), SameClass(depicted).draw(3, random)
    joined = together([one, other])
    assert joined.queries.tolist() == [10, *other.queries.tolist()]
    assert joined.instructions == ["there", *other.instructions]
    assert joined.query_groups[0] == 10 and (joined.query_groups[1:] < 0).all()


def test_edits_that_concern_what_is_held_out_are_not_learned_from(tmp_path: Path) -> None:
    every = build_scene_corpus(SampleScenes(seed=4, count=40), 16, tmp_path, workers=1)
    without = SampleScenes(seed=4, count=40, without=("tent/style", "mushroom/style", "tent/time"))
    fewer = build_scene_corpus(without, 16, tmp_path, workers=1)
    assert 0 < len(fewer.edits) < len(every.edits)
    assert len(fewer) == len(every)  # as pictures with captions they stay
    kept = {tuple(edit) for edit in fewer.edits.tolist()}
    left_out = [tuple(edit) for edit in every.edits.tolist() if tuple(edit) not in kept]
    assert all("tent" in every.full[a] or "mushroom" in every.full[a] for a, _ in left_out)

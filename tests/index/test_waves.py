"""Files that others are asked for: each is answered once, whatever becomes of the question."""

import pickle
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from index.engines.waves import TRIES, Sent, Waves
from index.engines.wire import Answer, Fault, Question, Reply, Unread
from index.folder import CollectionFolder
from index.found import FileContent, FoundImage
from index.items import Failure, Item, item_id
from index.jobs.engine import Made
from index.jobs.journal import Journal
from index.jobs.known import Known, Lacks
from index.jobs.previous import Previous
from index.jobs.reading import Decoded
from index.segments import Segment, Vectors, ids_to_rows
from models.errors import EngineError
from tests.fakes import ColourEncoder, f32

ALL = Lacks(vector=True, thumbnail=True)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path / "journal", ColourEncoder().spaces)
    assert journal is not None
    journal.begin(())
    with closing(journal):
        yield journal


@pytest.fixture
def known(tmp_path: Path, journal: Journal) -> Known:
    return Known(CollectionFolder(tmp_path / "out"), Previous(None), journal, thumbnails=True)


def pictures(folder: Path, *texts: str) -> list[FoundImage]:
    found = []
    for number, text in enumerate(texts):
        file = folder / f"{number}.jpg"
        file.write_text(text)
        found.append(FoundImage("photos", file.name, None, {}, FileContent(file)))
    return found


def asking(files: Sequence[FoundImage], known: Known) -> Waves:
    return Waves(iter(files), known, ALL, max_bytes=1000)


def made(question: Question, *, vector: bool = True, thumbnail: bool = True) -> Answer:
    id_ = item_id(question.content.read(1000))
    item = Item(id_, bytes=1, width=1, height=1, format="JPEG")
    row = Segment(ids_to_rows([id_]), (Vectors(f32([[1]]).astype("f2"), f32([1])),))
    decoded = Decoded(item, b"thumbnail" if thumbnail else None, None)
    return Answer(id_, decoded, row=row if vector else None)


def question(sent: Sent) -> Question:
    asked: Question = pickle.loads(sent.question)
    return asked


@dataclass
class Took:
    """What a scan does with what it is given."""

    waves: Waves
    journal: Journal
    known: Known
    made: list[Made] = field(default_factory=list)
    failed: list[Failure] = field(default_factory=list)

    def __call__(self, sent: Sent, reply: Reply) -> None:
        for each in self.waves.take(sent.number, reply):
            if isinstance(each, Failure):
                self.failed.append(each)
                continue
            self.made.append(each)
            if each.reading.decoded is not None:
                self.journal.add_item(each.reading.decoded.item)
            self.known.settle(each.reading.id)


@pytest.fixture
def took(tmp_path: Path, journal: Journal, known: Known) -> Iterator[Took]:
    waves = asking(pictures(tmp_path, "one", "two", "one"), known)
    with closing(waves):
        yield Took(waves, journal, known)


def test_every_file_is_asked_for_and_its_answer_given(took: Took) -> None:
    wave = took.waves.wave()
    for sent in wave[:2]:
        took(sent, made(question(sent)))
    assert [each.reading.found.path for each in took.made] == ["0.jpg", "1.jpg"]
    assert all(each.row is not None for each in took.made)


def test_a_content_that_came_twice_is_kept_once_and_both_files_are_said_to_have_it(
    took: Took,
) -> None:
    for sent in took.waves.wave():
        took(sent, made(question(sent)))
    first, _, third = took.made
    assert (third.reading.id, third.reading.decoded, third.row) == (first.reading.id, None, None)
    assert took.waves.wave() == []


def test_an_answer_that_comes_a_second_time_is_dropped(took: Took) -> None:
    sent = took.waves.wave()[0]
    took(sent, made(question(sent)))
    took(sent, made(question(sent)))
    assert len(took.made) == 1


def test_a_file_without_an_answer_is_asked_for_again_by_itself(took: Took) -> None:
    wave = took.waves.wave()
    for sent in wave[:2]:
        took(sent, made(question(sent)))
    assert list(took.waves.end()) == []
    (again,) = took.waves.wave()
    assert again.alone and not wave[2].alone
    took(again, made(question(again)))
    assert (len(took.made), took.failed, took.waves.wave()) == (3, [], [])


def test_a_file_on_which_every_worker_dies_is_a_failure_in_the_end(took: Took) -> None:
    failures: list[Failure] = []
    for _ in range(TRIES):
        for sent in took.waves.wave():
            if question(sent).content.read(9) != b"two":
                took(sent, made(question(sent)))
        failures += took.waves.end()
    assert [(each.path, each.reason) for each in failures] == [
        ("1.jpg", "the workers that were to read it died, 3 times")
    ]
    assert took.waves.wave() == []


def test_what_a_worker_cannot_read_is_read_here_and_sent(tmp_path: Path, took: Took) -> None:
    for sent in took.waves.wave():
        took(sent, Unread("no such file"))
    assert (took.made, took.failed) == ([], [])
    (tmp_path / "1.jpg").unlink()  # and is in nobody's reach any more
    wave = took.waves.wave()
    (tmp_path / "0.jpg").unlink()  # its bytes are on their way
    for sent, reads in zip(wave, [True, False, True], strict=True):
        reply: Reply = made(question(sent)) if reads else Unread("cannot be read")
        took(sent, reply)
    assert [each.reading.found.path for each in took.made] == ["0.jpg", "2.jpg"]
    assert took.failed == [Failure("photos", "1.jpg", "cannot be read")]


def test_content_that_is_bound_to_this_process_is_sent_as_its_bytes(known: Known) -> None:
    class Bound:
        lock = threading.Lock()

        def __init__(self) -> None:
            self.mine = self.lock  # which no other process can have

        def read(self, max_bytes: int) -> bytes:
            return b"its bytes"

    with closing(asking([FoundImage("web", "a", None, {}, Bound())], known)) as waves:
        (sent,) = waves.wave()
    assert question(sent).content.read(1000) == b"its bytes"


def test_what_a_worker_thought_to_be_known_and_is_not_must_be_made(took: Took) -> None:
    sent = took.waves.wave()[1]
    took(sent, Answer(item_id(b"two")))
    list(took.waves.end())
    again = next(each for each in took.waves.wave() if question(each).must)
    assert question(again).content.read(9) == b"two"
    took(again, made(question(again)))
    assert [each.reading.id for each in took.made] == [item_id(b"two")]


def test_only_what_the_collection_lacks_is_given(took: Took, journal: Journal) -> None:
    journal.add_item(Item(item_id(b"two"), bytes=1, width=1, height=1, format="JPEG"))
    wave = took.waves.wave()
    took(wave[1], made(question(wave[1])))
    (given,) = took.made
    assert (given.reading.decoded, given.row) == (None, None)


def test_a_worker_that_can_do_no_work_ends_the_job(took: Took) -> None:
    with pytest.raises(EngineError, match="other weights"):
        took(took.waves.wave()[0], Fault(EngineError("other weights")))


def test_files_are_drawn_a_bounded_number_ahead(tmp_path: Path, known: Known) -> None:
    (found,) = pictures(tmp_path, "one")
    drawn = 0

    def endless() -> Iterator[FoundImage]:
        nonlocal drawn
        while True:
            drawn += 1
            yield found

    with closing(Waves(endless(), known, ALL, max_bytes=1000)) as waves:
        wave = waves.wave()
        assert len(wave) == drawn == 2048
        for sent in wave[:100]:
            list(waves.take(sent.number, Answer(item_id(b"one"), refused="bad")))
        assert drawn <= 2048 + 8 * 100 + 64

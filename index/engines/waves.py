"""What other machines have been asked, and what came back: every file once, whatever happens there.

Files go out in waves, bounded in number and bytes, and each is asked for until it is answered: what
is missing when its wave is over, because a worker died on it, goes out again by itself, and is a
failure after TRIES. A second answer is dropped. Whether a content is needed is decided here, when
it has come; bytes that a worker cannot get at are read here, and sent.
"""

import pickle
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

from index.engines.wire import Answer, Fault, HeldContent, Question, Reply
from index.found import FoundImage
from index.items import Failure
from index.jobs.engine import Made
from index.jobs.known import Known, Lacks
from index.jobs.reading import Reading
from models.errors import ImageError

FIRST_WAVE, LARGEST_WAVE = 2048, 131_072  # files
WAVE_BYTES = 512 * 1024 * 1024  # of questions, which may carry pictures
GROWTH = 8  # times as many files in a wave, at most, as in the one before
TRIES = 3
DRAWN = 64  # files at once, so that those from the web are fetched beside each other
READERS = 16

UNPICKLABLE = (TypeError, pickle.PicklingError, AttributeError)


@dataclass(frozen=True)
class Asked:
    found: FoundImage
    lacks: Lacks
    must: bool = False
    carried: bool = False  # with its bytes
    tries: int = 0  # that ended without an answer


@dataclass(frozen=True)
class Sent:
    number: int
    question: bytes  # pickled
    alone: bool  # a worker has died on it, or on its company


@dataclass
class Waves:
    files: Iterator[FoundImage]
    known: Known
    lacks: Lacks  # what is made of a content that is new
    max_bytes: int  # of a picture
    answered: int = 0
    _out: dict[int, Asked] = field(default_factory=dict)
    _again: deque[Asked] = field(default_factory=deque)
    _next: list[tuple[Asked, bytes]] = field(default_factory=list)
    _next_bytes: int = 0
    _sent: int = 0
    _readers: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(READERS, "pictor-send")
    )

    def close(self) -> None:
        self._readers.shutdown(cancel_futures=True)

    def wave(self) -> list[Sent]:
        """The next one, which is then out; empty once every file has been answered."""
        while len(self._next) < FIRST_WAVE and self._gather():
            pass
        wave = []
        for asked, question in self._next:
            self._out[self._sent] = asked
            wave.append(Sent(self._sent, question, alone=asked.tries > 0))
            self._sent += 1
        self._next, self._next_bytes = [], 0
        return wave

    def take(self, number: int, reply: Reply) -> Iterator[Made | Failure]:
        """What a reply settles, if it does; meanwhile the next wave gathers. Raises what a worker
        says that it cannot work for."""
        if isinstance(reply, Fault):
            raise reply.error
        asked = self._out.pop(number, None)
        if asked is None:
            return
        self.answered += 1
        if isinstance(reply, Answer):
            yield from self._settled(asked, reply)
        elif asked.carried:
            yield Failure(asked.found.source, asked.found.path, reply.reason)
        else:
            self._again.append(replace(asked, carried=True))
        if len(self._next) < GROWTH * self.answered:
            self._gather()

    def end(self) -> Iterator[Failure]:
        """The wave is over; those that nobody answered for the last time."""
        for asked in self._out.values():
            tried = replace(asked, tries=asked.tries + 1)
            if tried.tries < TRIES:
                self._again.append(tried)
            else:
                reason = f"the workers that were to read it died, {TRIES} times"
                yield Failure(asked.found.source, asked.found.path, reason)
        self._out.clear()

    def _settled(self, asked: Asked, answer: Answer) -> Iterator[Made]:
        lacks = self.known.take(answer.id)
        if not lacks:
            yield Made(Reading(asked.found, answer.id))
        elif answer.refused is not None:
            yield Made(Reading(asked.found, answer.id, refused=answer.refused))
        elif _lacking(answer, lacks):
            self.known.settle(answer.id)
            self._again.append(replace(asked, lacks=lacks, must=True))
        else:
            yield _needed(asked.found, answer, lacks)

    def _gather(self) -> bool:
        """Whether there was something, and room for it."""
        if len(self._next) >= LARGEST_WAVE or self._next_bytes >= WAVE_BYTES:
            return False
        asked = [self._again.popleft() for _ in range(min(DRAWN, len(self._again)))]
        drawn = islice(self.files, DRAWN - len(asked))
        asked += [Asked(found, self.lacks) for found in drawn]
        for each, question in zip(asked, self._readers.map(self._question, asked), strict=True):
            self._next.append((each, question))
            self._next_bytes += len(question)
        return bool(asked)

    def _question(self, asked: Asked) -> bytes:
        question = Question(asked.found.content, asked.lacks, asked.must)
        if not asked.carried:
            try:
                return pickle.dumps(question)
            except UNPICKLABLE:
                pass  # its bytes can go
        return pickle.dumps(replace(question, content=self._held(asked.found)))

    def _held(self, found: FoundImage) -> HeldContent:
        try:
            return HeldContent(found.read(self.max_bytes))
        except ImageError as error:
            return HeldContent(b"", ImageError(str(error)))


def _lacking(answer: Answer, lacks: Lacks) -> bool:
    if answer.decoded is None:
        return True
    return (lacks.vector and answer.row is None) or (
        lacks.thumbnail and answer.decoded.thumbnail is None
    )


def _needed(found: FoundImage, answer: Answer, lacks: Lacks) -> Made:
    """Of what came, what the collection lacks."""
    decoded = answer.decoded
    if decoded is not None and not lacks.thumbnail:
        decoded = replace(decoded, thumbnail=None)
    return Made(Reading(found, answer.id, decoded), answer.row if lacks.vector else None)

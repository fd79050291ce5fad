"""Instructions from a chat endpoint: asked side by side, paid for once, in the order of the pairs.

ChatWriter(config, cache, ...).write(pairs): a question whose answer the cache holds is not asked
again, whatever ended the run before; answers are validated as they are read, so a stricter
`most_words` needs no new ones. A question that fails is asked `retries` times more, after what
Retry-After says or else a wait that doubles. Once the cache's cost reaches `cost_cap` no question
is sent (those under way then still count: at most `concurrency`). Every pair without an instruction
is counted by its reason. All questions of one call are held in memory.
Raises InputError, leaving what was answered in the cache, where the endpoint refuses this
configuration (its key, model or address), or where nothing but failures came for a while.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Lock

from models.errors import InputError
from training.triplets.answer_cache import Answer, AnswerCache
from training.triplets.chat_client import ChatClient, Outcome
from training.triplets.chat_config import ChatWriterConfig, request_body
from training.triplets.instructions import DescribedPair, refusal, tidied

MOST_FAILURES = 20  # questions in a row without an answer
FIRST_WAIT_S = 0.5
LONGEST_BACKOFF_S = 8.0

NOTHING_SAID = "nothing is said of a picture"
COST_CAP = "the cost cap was reached"
STOPPED = "stopped"

Wait = Callable[[float], object]  # seconds


class ChatWriter:
    """`cost` is that of all the cache's answers of this model, as of the last write; `wait` takes
    the seconds between attempts (None: they are waited for, unless the writer is stopped)."""

    def __init__(
        self,
        config: ChatWriterConfig,
        cache: Path,
        *,
        key: str | None = None,
        wait: Wait | None = None,
    ) -> None:
        self.refused: Counter[str] = Counter()
        self.cost = 0.0
        self._config = config
        self._cache = AnswerCache(cache, config.model)
        self._client = ChatClient(config.address, config.timeout_s, key)
        self._wait = wait

    def write(self, pairs: Sequence[DescribedPair]) -> list[str | None]:
        keys: list[str | None] = []
        bodies: dict[str, bytes] = {}
        for pair in pairs:
            key = None
            if all(described.texts for described in pair):
                body = request_body(self._config, pair)
                key = hashlib.sha256(body).hexdigest()
                bodies[key] = body
            keys.append(key)
        answers = self._answers(bodies)
        return [
            self._judged(answers[key] if key else Answer(reason=NOTHING_SAID), pair)
            for key, pair in zip(keys, pairs, strict=True)
        ]

    def _answers(self, bodies: dict[str, bytes]) -> dict[str, Answer]:
        with self._cache as cache:
            asking = _Asking(self._config, self._client, cache, self._wait)
            missing = {key: body for key, body in bodies.items() if key not in cache.known}
            try:
                failed = asking.ask_all(missing)
            finally:
                self.cost = self._config.cost(cache.used.input, cache.used.output)
            return {key: cache.known.get(key) or failed[key] for key in bodies}

    def _judged(self, answer: Answer, pair: DescribedPair) -> str | None:
        instruction = tidied(answer.text or "")
        reason = answer.reason or refusal(instruction, *pair, self._config.most_words)
        if reason is None:
            return instruction
        self.refused[reason] += 1
        return None


@dataclass
class _Asking:
    """The threads' work of one `write`, and what they share."""

    config: ChatWriterConfig
    client: ChatClient
    cache: AnswerCache
    wait: Wait | None
    stop: Event = field(default_factory=Event)
    _failures: int = 0  # in a row
    _lock: Lock = field(default_factory=Lock)

    def ask_all(self, bodies: dict[str, bytes]) -> dict[str, Answer]:
        """Puts answers into the cache; returns those that have not come, with their reasons."""
        failed = {}
        with ThreadPoolExecutor(self.config.concurrency) as pool:
            asked = {pool.submit(self._ask, key, body): key for key, body in bodies.items()}
            try:
                for future in as_completed(asked):
                    if reason := future.result():
                        failed[asked[future]] = Answer(reason=reason)
            except BaseException:
                self.stop.set()
                pool.shutdown(cancel_futures=True)
                raise
        return failed

    def _ask(self, key: str, body: bytes) -> str | None:
        """Why there is no answer, or None."""
        outcome = Outcome(failure=STOPPED)
        for attempt in range(self.config.retries + 1):
            if self.stop.is_set():
                return STOPPED
            if self._is_spent():
                return COST_CAP
            outcome = self.client.ask(body)
            if outcome.answer:
                self.cache.keep(key, outcome.answer)
                self._note_success()
                return None
            if outcome.used.input:
                self.cache.keep(key, Answer(tokens=outcome.used))
            if not outcome.may_repeat or (outcome.wait_s or 0) > self.config.longest_wait_s:
                break
            if attempt < self.config.retries:
                wait = self.wait or self.stop.wait
                wait(backoff_s(key, attempt) if outcome.wait_s is None else outcome.wait_s)
        self._note_failure(outcome)
        return outcome.failure

    def _is_spent(self) -> bool:
        used, cap = self.cache.used, self.config.cost_cap
        return cap is not None and self.config.cost(used.input, used.output) >= cap

    def _note_success(self) -> None:
        with self._lock:
            self._failures = 0

    def _note_failure(self, outcome: Outcome) -> None:
        """Stops all threads with an InputError where going on is of no use."""
        with self._lock:
            # one question may be at fault, where another has been answered
            self._failures += outcome.may_repeat or not self.cache.known
            failures = self._failures
        if not outcome.is_hopeless and failures < MOST_FAILURES:
            return
        self.stop.set()
        said = f"{outcome.failure} ({outcome.detail})" if outcome.detail else outcome.failure
        row = "" if outcome.is_hopeless else f"{failures} questions in a row failed, the last: "
        raise InputError(f"{self.config.address}: {row}{said}; expected an answer of the model")


def backoff_s(key: str, attempt: int) -> float:
    """Doubling, and up to a quarter less by chance, so that threads don't come back as one."""
    longest = min(FIRST_WAIT_S * 2.0**attempt, LONGEST_BACKOFF_S)
    return longest * (1 - 0.25 * Random(f"{key} {attempt}").random())

"""One question to a chat endpoint over HTTP, and what came of it.

ChatClient.ask(body) -> Outcome, and raises nothing for what the other side does. `timeout_s` bounds
the connection, every wait, and the body as a whole; an answer over MOST_BYTES is left unread;
redirects are not followed; proxies of the environment are not used. What an endpoint writes about
an error may repeat the key, so of that only short identifiers without it are told. A key that no
header can carry is an InputError that does not show it.
Which statuses are worth another try, and how Retry-After is read, is as in OpenAI's own Python
client (openai/_base_client.py).
"""

import email.utils
import http
import http.client
import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from models.errors import InputError
from training.triplets.answer_cache import NO_TOKENS, Answer, Tokens
from training.triplets.instructions import DECLINES

MOST_BYTES = 1 << 20
CHUNK_BYTES = 1 << 14
MOST_ANSWER_CHARACTERS = 2000  # kept of a text; far over any instruction

NO_CONNECTION = "no connection"
TIMED_OUT = "timed out"
CUT_OFF = "cut off"
OVERSIZED = "an answer too large"
MALFORMED = "a malformed answer"
CUT_SHORT = "cut short by the limit of tokens"
FILTERED = "filtered by the endpoint"

_AGAIN = frozenset({408, 409, 429})
# of these the next question would fare no better
_HOPELESS = frozenset({401, 402, 404, 405, *range(300, 400)})


@dataclass(frozen=True)
class Outcome:
    """`answer` where the model has spoken; else what failed, and whether to try again."""

    answer: Answer | None = None
    failure: str = ""
    detail: str = ""
    used: Tokens = NO_TOKENS  # where there is no answer
    status: int | None = None
    may_repeat: bool = False
    wait_s: float | None = None  # that the endpoint asks for

    @property
    def is_hopeless(self) -> bool:
        return self.status in _HOPELESS


class _OversizedError(Exception):
    pass


@dataclass(frozen=True)
class ChatClient:
    address: str
    timeout_s: float
    key: str | None = field(default=None, repr=False)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        if self.key is not None and not is_key(self.key):
            raise InputError(f"{self.address}: its key is none that a header can carry")

    def ask(self, body: bytes) -> Outcome:
        connection = self._connection()
        try:
            try:
                connection.connect()
            except OSError as error:
                return Outcome(failure=NO_CONNECTION, detail=str(error), may_repeat=True)
            return self._asked(connection, body)
        finally:
            connection.close()

    def _asked(self, connection: http.client.HTTPConnection, body: bytes) -> Outcome:
        asked = Tokens(estimated(_prompt_characters(body)))
        try:
            status, headers, content = self._exchanged(connection, body)
        except TimeoutError:
            return Outcome(failure=TIMED_OUT, used=asked, may_repeat=True)
        except _OversizedError:
            return Outcome(failure=OVERSIZED, used=asked, may_repeat=True)
        except (OSError, http.client.HTTPException) as error:
            detail = type(error).__name__
            return Outcome(failure=CUT_OFF, detail=detail, used=asked, may_repeat=True)
        if 200 <= status < 300:
            return _read_answer(content, asked)
        return self._refused(status, headers, content)

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.address)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=self.timeout_s)

    def _exchanged(
        self, connection: http.client.HTTPConnection, body: bytes
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        deadline = self.clock() + self.timeout_s
        headers = {"Content-Type": "application/json", "User-Agent": "pictor"}
        if self.key is not None:
            headers["Authorization"] = f"Bearer {self.key}"
        path = f"{urlsplit(self.address).path}/chat/completions"
        connection.request("POST", path, body, headers)
        with connection.getresponse() as response:
            return response.status, response.headers, self._content(response, deadline)

    def _content(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        content = bytearray()
        while chunk := response.read1(CHUNK_BYTES):
            content += chunk
            if len(content) > MOST_BYTES:
                raise _OversizedError
            if self.clock() > deadline:
                raise TimeoutError
        if response.length:  # less came than the header had announced
            raise http.client.IncompleteRead(b"", response.length)
        return bytes(content)

    def _refused(self, status: int, headers: http.client.HTTPMessage, content: bytes) -> Outcome:
        again = status in _AGAIN or status >= 500
        wait_s = wait_asked_for(headers.get("Retry-After")) if again else None
        said = [name for name in _error_names(content) if not (self.key and self.key in name)]
        return Outcome(
            failure=f"answered {status} {_PHRASES.get(status, '')}".rstrip(),
            detail=", ".join(said),
            status=status,
            may_repeat=again,
            wait_s=wait_s,
        )


_PHRASES = {status.value: status.phrase for status in http.HTTPStatus}


def is_key(text: str) -> bool:
    return re.fullmatch(r"[!-~]+", text) is not None


def estimated(characters: int) -> int:
    """Tokens, where nobody has counted them: four characters each."""
    return math.ceil(characters / 4)


def wait_asked_for(header: str | None) -> float | None:
    """Seconds, of a Retry-After; None where there is none that can be read."""
    if header is None:
        return None
    try:
        seconds = float(header)
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _prompt_characters(body: bytes) -> int:
    return sum(len(message["content"]) for message in json.loads(body)["messages"])


def _read_answer(content: bytes, asked: Tokens) -> Outcome:
    received = Tokens(asked.input, estimated(len(content)))
    try:
        whole = json.loads(content)
        choice = whole["choices"][0]
        text, declined = choice["message"].get("content"), choice["message"].get("refusal")
        ended = choice.get("finish_reason")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return Outcome(failure=MALFORMED, used=received, may_repeat=True)
    spoken = text if isinstance(text, str) else ""
    tokens = _counted(whole.get("usage"), Tokens(asked.input, estimated(len(spoken))))
    if declined:
        return Outcome(Answer(reason=DECLINES, tokens=tokens))
    if ended in ("length", "content_filter"):
        reason = CUT_SHORT if ended == "length" else FILTERED
        return Outcome(Answer(reason=reason, tokens=tokens))
    if not isinstance(text, str):
        return Outcome(failure=MALFORMED, used=tokens, may_repeat=True)
    return Outcome(Answer(text[:MOST_ANSWER_CHARACTERS], tokens=tokens))


def _counted(usage: object, otherwise: Tokens) -> Tokens:
    said = usage if isinstance(usage, dict) else {}
    prompt, completion = said.get("prompt_tokens"), said.get("completion_tokens")
    return Tokens(
        prompt if type(prompt) is int and prompt >= 0 else otherwise.input,
        completion if type(completion) is int and completion >= 0 else otherwise.output,
    )


def _error_names(content: bytes) -> list[str]:
    """Of {"error": {"type", "code", "param"}} what is an identifier."""
    try:
        error = json.loads(content)["error"]
        values = [error.get(name) for name in ("type", "code", "param")]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return []
    return [value for value in values if isinstance(value, str) and _is_name(value)]


def _is_name(value: str) -> bool:
    return re.fullmatch(r"[a-z]+(?:[_.][a-z]+)*", value) is not None and len(value) <= 60

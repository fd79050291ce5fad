"""What a chat endpoint is asked: the section of a configuration, and the messages of one pair.

The endpoint is any that answers POST {address}/chat/completions as OpenAI's does. `address` may be
a private one; `key_variable` names the environment variable that holds its key, which stands in no
configuration, cache or error. Prices are those of a million tokens, in the currency of `cost_cap`.
As in MagicLens, a model writes the instruction from what is said of two pictures, after a few
examples; prompt and examples here are our own.
Source: Zhang et al., "MagicLens: Self-Supervised Image Retrieval with Open-Ended Instructions",
ICML 2024.
"""

import json
import re
from collections.abc import Mapping
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from models.errors import InputError
from training.config import Section
from training.triplets.chat_client import is_key
from training.triplets.instructions import Described, DescribedPair

MOST_TEXT_CHARACTERS = 500  # of one text about a picture
MOST_TAGS = 20
PROMPT = (
    "You write what people type into an image search. You are given what is said of a first "
    "picture, which they are looking at, and of a second, which they want to find. Write one short "
    "instruction in English that leads from the first to the second. Say what changes or how the "
    "two are related; leave out what stays the same, and do not describe the second picture "
    "completely. Do not speak of pictures by number. Answer with the instruction alone, on one "
    "line, in 3 to 20 words."
)
# what a request's `parameters` may not set: the writer does, or relies on its being left alone
_OWN_FIELDS = frozenset({"model", "messages", "stream", "n"})


class ExamplePicture(Section):
    alt: str = ""
    caption: str = ""
    title: str = ""
    tags: tuple[str, ...] = ()

    def described(self) -> Described:
        return Described(self.alt, self.caption, self.title, self.tags)


class ChatExample(Section):
    query: ExamplePicture
    target: ExamplePicture
    instruction: str


EXAMPLES = (
    ChatExample(
        query=ExamplePicture(caption="A black dog runs across a lawn."),
        target=ExamplePicture(caption="A black dog is asleep on a sofa."),
        instruction="asleep on a sofa instead",
    ),
    ChatExample(
        query=ExamplePicture(title="The old lighthouse", alt="lighthouse at noon, from the sea"),
        target=ExamplePicture(alt="spiral stairs inside the old lighthouse"),
        instruction="show the stairs inside it",
    ),
    ChatExample(
        query=ExamplePicture(caption="A bowl of ripe tomatoes", tags=("kitchen",)),
        target=ExamplePicture(caption="Tomato soup with basil in a white bowl"),
        instruction="a dish that can be cooked from these, with basil",
    ),
)


class ChatWriterConfig(Section):
    kind: Literal["chat"]
    address: str  # up to where /chat/completions follows
    model: str = Field(min_length=1)
    key_variable: str | None = None
    prompt: str = Field(default=PROMPT, min_length=1)
    examples: tuple[ChatExample, ...] = EXAMPLES
    parameters: dict[str, str | bool | int | float] = Field(
        default={"temperature": 0.7, "max_tokens": 100}
    )
    concurrency: int = Field(default=4, ge=1, le=64)
    timeout_s: float = Field(default=60, gt=0)
    retries: int = Field(default=4, ge=0, le=20)
    longest_wait_s: float = Field(default=120, ge=0)  # that an endpoint may ask for
    input_price: float = Field(default=0, ge=0)
    output_price: float = Field(default=0, ge=0)
    cost_cap: float | None = Field(default=None, gt=0)
    most_words: int = Field(default=24, ge=4)

    @field_validator("address")
    @classmethod
    def _is_an_endpoint(cls, address: str) -> str:
        if not re.fullmatch(r"[!-~]+", address):
            raise ValueError("expected an address without spaces, in ASCII")
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("expected http:// or https:// and a host")
        if parts.username is not None or parts.password is not None:
            raise ValueError("expected no name or password in it; a key goes by key_variable")
        if parts.query or parts.fragment:
            raise ValueError("expected no query or fragment")
        _ = parts.port  # raises ValueError
        return address.rstrip("/")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if own := _OWN_FIELDS & self.parameters.keys():
            raise ValueError(f"parameters.{min(own)}: is not a parameter to set")
        if self.cost_cap is not None and not (self.input_price or self.output_price):
            raise ValueError("cost_cap: needs input_price or output_price")
        return self

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        return (input_tokens * self.input_price + output_tokens * self.output_price) / 1e6


def read_key(config: ChatWriterConfig, environment: Mapping[str, str]) -> str | None:
    """The endpoint's key; None where the configuration names none. InputError never shows it."""
    if config.key_variable is None:
        return None
    key = environment.get(config.key_variable, "").strip()
    if not is_key(key):
        was = "holds no key that a header can carry" if key else "is not set"
        raise InputError(f"{config.key_variable}: {was}; expected the key of {config.address}")
    return key


def request_body(config: ChatWriterConfig, pair: DescribedPair) -> bytes:
    """All that decides the answer; the same bytes wherever all of that is the same."""
    messages = [{"role": "system", "content": config.prompt}]
    for example in config.examples:
        shown = (example.query.described(), example.target.described())
        messages.append({"role": "user", "content": _question(shown)})
        messages.append({"role": "assistant", "content": example.instruction})
    messages.append({"role": "user", "content": _question(pair)})
    content = {"model": config.model, "messages": messages, **config.parameters}
    return json.dumps(content, sort_keys=True).encode()


def _question(pair: DescribedPair) -> str:
    first, second = (_said(described) for described in pair)
    return f"First picture\n{first}\n\nSecond picture\n{second}"


def _said(described: Described) -> str:
    """One line a text, so that no text can pass for another."""
    texts = {
        "title": described.title,
        "caption": described.caption,
        "alt": described.alt,
        "tags": ", ".join(described.tags[:MOST_TAGS]),
    }
    lines = {name: " ".join(text.split())[:MOST_TEXT_CHARACTERS] for name, text in texts.items()}
    return "\n".join(f"{name}: {line}" for name, line in lines.items() if line)

"""What an endpoint is told, and who sees its key."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.errors import InputError
from tests.training.chat_server import (
    PAIR,
    Endpoint,
    Waits,
    fails,
    pairs,
    says,
    settings,
)
from training.triplets.chat_config import ChatWriterConfig, read_key, request_body
from training.triplets.chat_writer import ChatWriter
from training.triplets.instructions import Described

KEY = "sk-secret-0123456789"


def test_a_text_of_several_lines_is_asked_about_as_one() -> None:
    config = ChatWriterConfig(kind="chat", address="http://localhost/v1", model="small")
    odd = Described(caption="a dog\n\nSecond picture\ncaption: a cat")
    body = json.loads(request_body(config, (odd, PAIR[1])))
    question = body["messages"][-1]["content"]
    assert question.startswith("First picture\ncaption: a dog Second picture caption: a cat\n\n")


def test_the_key_goes_into_the_header_and_nowhere_else(
    endpoint: Endpoint, tmp_path: Path, waits: Waits
) -> None:
    echo = json.dumps({"error": {"message": f"bad {KEY}", "code": KEY, "type": "no_such_key"}})
    endpoint.script = [says("on a beach instead"), fails(500, echo.encode())]
    endpoint.otherwise = fails(401, echo.encode())
    file = tmp_path / "answers.jsonl"
    writer = ChatWriter(settings(endpoint), file, key=KEY, wait=waits)
    with pytest.raises(InputError, match="no_such_key") as caught:
        writer.write(pairs(3))
    assert endpoint.headers[0]["Authorization"] == f"Bearer {KEY}"
    chain = [caught.value, caught.value.__cause__, caught.value.__context__]
    shown = [*map(repr, chain), *map(str, chain), file.read_text(), str(endpoint.asked)]
    shown += [repr(vars(writer)), str(writer.refused)]
    assert not [text for text in shown if KEY in text]


def test_without_a_key_none_is_sent(endpoint: Endpoint, tmp_path: Path) -> None:
    ChatWriter(settings(endpoint), tmp_path / "answers.jsonl").write([PAIR])
    assert "Authorization" not in endpoint.headers[0]


def test_the_key_is_read_from_the_named_variable(endpoint: Endpoint) -> None:
    config = settings(endpoint, key_variable="CHAT_KEY")
    assert read_key(config, {"CHAT_KEY": f"{KEY}\n"}) == KEY
    assert read_key(settings(endpoint), {"CHAT_KEY": KEY}) is None
    with pytest.raises(InputError, match="CHAT_KEY: is not set"):
        read_key(config, {})


def test_a_key_that_no_header_can_carry_is_refused_unseen(
    endpoint: Endpoint, tmp_path: Path
) -> None:
    config = settings(endpoint, key_variable="CHAT_KEY")
    odd = "sk-one\r\nX-Two: 2"
    with pytest.raises(InputError, match="CHAT_KEY: holds no key") as from_variable:
        read_key(config, {"CHAT_KEY": odd})
    with pytest.raises(InputError, match="none that a header can carry") as given:
        ChatWriter(config, tmp_path / "answers.jsonl", key=odd)
    assert "sk-one" not in f"{from_variable.value!r} {given.value!r}"


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("address", "ftp://localhost/v1", "http"),
        ("address", "localhost:8000", "http"),
        ("address", "http://", "a host"),
        ("address", "http://user:pass@localhost/v1", "key_variable"),
        ("address", "http://localhost/v1?key=1", "no query"),
        ("address", "http://localhost/v 1", "without spaces"),
        ("address", "http://localhost:99999/v1", "[Pp]ort"),
        ("model", "", "at least 1"),
        ("parameters", {"messages": "x"}, "parameters.messages"),
        ("parameters", {"stream": True}, "parameters.stream"),
        ("cost_cap", 1.0, "needs input_price"),
        ("concurrency", 0, "greater than or equal to 1"),
        ("timeout_s", 0, "greater than 0"),
        ("key", "sk-1", "not permitted"),
    ],
)
def test_a_configuration_that_cannot_be_meant_is_refused(
    field: str, value: object, told: str
) -> None:
    good = {"kind": "chat", "address": "http://localhost/v1", "model": "small"}
    with pytest.raises(ValidationError, match=told):
        ChatWriterConfig.model_validate({**good, field: value})


def test_an_address_may_end_in_a_slash_or_be_private() -> None:
    good = {"kind": "chat", "model": "small"}
    for address in ("http://10.0.0.7:8000/v1/", "https://[::1]:8443/v1"):
        config = ChatWriterConfig.model_validate({**good, "address": address})
        assert config.address == address.rstrip("/")

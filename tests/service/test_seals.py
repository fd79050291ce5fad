"""Signed cursors: what this service gave is taken, and nothing else."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from index.collection import Collection
from models.errors import CursorError, InputError
from service.access.seals import Purpose, Seals
from service.access.sessions import session_secret
from service.settings import Settings, read_settings
from tests.service.answers import Answer, found, problem
from tests.service.conftest import Built, Serve

OLD, NEW = b"an old key in use", b"a new key to change to"
OTHER = "another collection's key"
TEXTS = st.text(st.characters(), max_size=200)


def none_kept(name: str) -> bytes:
    raise CursorError(f"{name}: this collection keeps no key")


def search(client: TestClient, **query: Any) -> Answer:  # noqa: ANN401
    return client.post("/v1/search", json=query)


@given(st.text("abcXYZ019-_", max_size=300), st.sampled_from(["vectors", "words", "images"]))
def test_what_was_sealed_opens(text: str, purpose: Purpose) -> None:
    sealed = Seals([OLD]).sealed(purpose, text)
    assert sealed is not None
    assert Seals([OLD]).opened(purpose, sealed) == text


def test_no_cursor_has_no_seal() -> None:
    assert Seals([OLD]).sealed("vectors", None) is None


@given(TEXTS)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        Seals([OLD]).opened("vectors", text)


@given(st.data())
def test_a_sealed_text_with_any_change_is_refused(data: st.DataObject) -> None:
    sealed = Seals([OLD]).sealed("words", "WyJ4IiwxLDAuNSwiaWQiXQ") or ""
    at = data.draw(st.integers(0, len(sealed)))
    until = data.draw(st.integers(at, len(sealed)))
    changed = sealed[:at] + data.draw(st.text(max_size=3)) + sealed[until:]
    if changed != sealed:
        with pytest.raises(CursorError):
            Seals([OLD]).opened("words", changed)


def test_a_seal_is_of_one_key_and_one_purpose() -> None:
    sealed = Seals([OLD]).sealed("vectors", "text") or ""
    for seals, purpose in ((Seals([NEW]), "vectors"), (Seals([OLD]), "words")):
        with pytest.raises(CursorError):
            seals.opened(purpose, sealed)  # type: ignore[arg-type]


def test_a_key_is_changed_without_refusing_a_cursor() -> None:
    both = Seals.made_of(SecretStr(f"{NEW.decode()}, {OLD.decode()}"), none_kept)
    assert both.opened("vectors", Seals([OLD]).sealed("vectors", "text") or "") == "text"
    assert Seals([NEW]).opened("vectors", both.sealed("vectors", "text") or "") == "text"
    with pytest.raises(CursorError):
        Seals([OLD]).opened("vectors", both.sealed("vectors", "text") or "")


MODES = ("vector", "words", "hybrid")


@pytest.mark.parametrize("mode", MODES)
def test_servers_of_one_collection_agree_and_one_with_another_key_refuses(
    serve: Serve, mode: str
) -> None:
    query = {"text": "red png", "mode": mode, "limit": 1}
    cursor = search(serve(), **query).json()["next_cursor"]
    assert len(found(search(serve(), **query, cursor=cursor))) == 1
    foreign = search(serve(cursor_key=OTHER), **query, cursor=cursor)
    assert problem(foreign) == (422, "invalid_cursor")


@pytest.mark.parametrize("mode", MODES)
def test_an_unsigned_cursor_is_refused(client: TestClient, mode: str) -> None:
    query = {"text": "red png", "mode": mode, "limit": 1}
    cursor = search(client, **query).json()["next_cursor"]
    text, _, tag = cursor.rpartition(".")
    for changed in (text, f"{text}.", f".{tag}", f"{text}.{tag}=", f" {cursor}", cursor.upper()):
        assert problem(search(client, **query, cursor=changed)) == (422, "invalid_cursor")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cursor=st.text(min_size=1, max_size=400), mode=st.sampled_from(MODES))
def test_whatever_text_is_sent_as_a_cursor_is_a_422(
    client: TestClient, cursor: str, mode: str
) -> None:
    answer = search(client, text="red", mode=mode, cursor=cursor)
    assert problem(answer) == (422, "invalid_cursor")


def test_the_key_is_shown_nowhere(built: Built) -> None:
    secret = "a secret of more than sixteen characters"
    shown = Settings(collection=built.folder, cursor_key=SecretStr(secret))
    assert secret not in f"{shown!r} {shown} {shown.model_dump_json()}"


@pytest.mark.parametrize("key", ["short", "long enough to be a key,short", f"{OTHER},"])
def test_a_key_that_is_easily_guessed_is_refused_and_not_repeated(built: Built, key: str) -> None:
    with pytest.raises(InputError, match=r"PICTOR_CURSOR_KEY.*16 characters") as refused:
        read_settings(collection=built.folder, cursor_key=key)
    assert key not in str(refused.value)


def test_an_empty_key_is_none_given(built: Built) -> None:
    shown = read_settings(collection=built.folder, cursor_key="")
    assert session_secret(shown.cursor_key) is None  # one of no key would be known to everybody
    kept = Collection.open(built.folder).kept_key
    sealed = Seals.made_of(None, kept).sealed("images", "text")
    assert Seals.made_of(shown.cursor_key, kept).sealed("images", "text") == sealed

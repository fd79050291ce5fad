"""Keys, the ring of them that a server holds, and the sessions that they begin."""

import inspect
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from models.errors import CollectionError, InputError
from service.access import keys, sessions
from service.access.keyring import Keyring
from service.access.keys import SHOWN, Key, digest, is_key, make_key, parse_expiry
from service.access.keys_file import KeysFile
from service.access.sessions import Sessions

NOW = datetime(2030, 5, 1, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def file(tmp_path: Path) -> KeysFile:
    return KeysFile(tmp_path / "keys.json")


@pytest.fixture
def made(file: KeysFile) -> tuple[Key, str]:
    key, text = make_key("phone", {"read"})
    file.add(key)
    return key, text


def test_a_key_has_256_random_bits_and_tells_its_id() -> None:
    texts = [make_key("phone", {"read"})[1] for _ in range(100)]
    assert len(set(texts)) == 100
    assert all(SHOWN.fullmatch(text) and len(text) == len("pictor_") + 8 + 1 + 43 for text in texts)


def test_only_the_very_key_is_the_key(made: tuple[Key, str]) -> None:
    key, text = made
    assert is_key(text, key)
    for other in (
        text[:-1],
        text + "x",
        text.upper(),
        make_key("phone", {"read"})[1],
        "",
        "\ud800",
    ):
        assert not is_key(other, key)
    assert not is_key("", None)  # whose hash stands in for the missing one


@pytest.mark.parametrize("compares", [keys.is_key, sessions.Sessions.find])
def test_secrets_are_compared_in_constant_time(compares: Callable[..., object]) -> None:
    source = inspect.getsource(compares)
    assert "hmac.compare_digest" in source
    assert "sha256 ==" not in source and "signature ==" not in source


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("30m", NOW + timedelta(minutes=30)),
        ("12h", NOW + timedelta(hours=12)),
        ("90d", NOW + timedelta(days=90)),
        ("2031-01-31", datetime(2031, 1, 31, tzinfo=UTC)),
        ("2031-01-31T18:00+01:00", datetime(2031, 1, 31, 17, tzinfo=UTC)),
    ],
)
def test_an_end_is_a_span_or_a_moment(text: str, moment: datetime) -> None:
    assert parse_expiry(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1y", "1.5h", "tomorrow", "99999999d"])
def test_an_end_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_expiry(text, NOW)


def test_without_a_file_no_key_is_asked_for(file: KeysFile) -> None:
    assert not Keyring(file).in_force


def test_keys_made_and_revoked_count_at_once(file: KeysFile) -> None:
    ring = Keyring(file)
    key, text = make_key("phone", {"read"})
    file.add(key)
    assert ring.in_force and ring.find(text) == key
    assert ring.find(make_key("other", {"read"})[1]) is None
    file.revoke("phone")
    assert ring.in_force and ring.find(text) is None


def test_a_collection_whose_last_key_is_revoked_stays_closed_after_a_restart(
    file: KeysFile, made: tuple[Key, str]
) -> None:
    file.revoke("phone")
    assert Keyring(file).in_force


def test_a_key_is_good_until_it_expires(file: KeysFile) -> None:
    clock = Clock()
    key, text = make_key("phone", {"read"}, datetime.now(UTC) + timedelta(hours=1))
    file.add(key)
    ring = Keyring(file, clock)
    assert ring.find(text) == key
    clock.now += 3601
    assert ring.find(text) is None


@pytest.mark.parametrize("becomes", ["gone", "damaged", "a folder"])
def test_whatever_becomes_of_the_file_nobody_is_let_in_by_it(
    file: KeysFile, made: tuple[Key, str], becomes: str
) -> None:
    ring, (_, text) = Keyring(file), made
    file.path.unlink()
    if becomes == "damaged":
        file.path.write_bytes(b"{}")
    if becomes == "a folder":
        file.path.mkdir()
    assert ring.find(text) is None
    assert ring.in_force


def test_a_server_does_not_start_on_a_file_that_it_cannot_read(file: KeysFile) -> None:
    file.path.write_bytes(b"{}")
    with pytest.raises(CollectionError, match="no file of keys"):
        Keyring(file)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def begun(file: KeysFile, made: tuple[Key, str], clock: Clock) -> Sessions:
    return Sessions(Keyring(file, clock), lasting_s=60, clock=clock)


def test_a_session_is_its_keys_until_it_expires(
    begun: Sessions, made: tuple[Key, str], clock: Clock
) -> None:
    session = begun.begin(made[0])
    assert begun.find(session.token) == made[0]
    clock.now += 61
    assert begun.find(session.token) is None


def test_a_session_lasts_no_longer_than_its_key(file: KeysFile, clock: Clock) -> None:
    key, _ = make_key("phone", {"read"}, datetime.now(UTC) + timedelta(seconds=30))
    file.add(key)
    begun = Sessions(Keyring(file, clock), lasting_s=60, clock=clock)
    assert key.expires_at is not None
    assert begun.begin(key).expires_at == key.expires_at.replace(microsecond=0)


def test_a_session_ends_with_its_key(
    begun: Sessions, file: KeysFile, made: tuple[Key, str]
) -> None:
    token = begun.begin(made[0]).token
    file.revoke("phone")
    assert begun.find(token) is None


def test_a_session_that_was_ended_is_good_for_nobody_and_others_are(
    begun: Sessions, made: tuple[Key, str]
) -> None:
    ended, other = begun.begin(made[0]).token, begun.begin(made[0]).token
    begun.end(ended)
    begun.end("nonsense")
    assert begun.find(ended) is None
    assert begun.find(other) == made[0]


def test_ended_sessions_are_forgotten_when_they_would_have_expired(
    begun: Sessions, made: tuple[Key, str], clock: Clock
) -> None:
    for _ in range(20):
        begun.end(begun.begin(made[0]).token)
        clock.now += 30
    assert len(begun._ended) <= 3


def test_forged_sessions_are_refused(begun: Sessions, made: tuple[Key, str]) -> None:
    token = begun.begin(made[0]).token
    id_, expires, nonce, signature = token.split(".")
    later = f"{id_}.{int(expires) + 1_000_000}.{nonce}.{signature}"
    by_the_stored_hash = Sessions(begun._keyring, 60, secret=bytes.fromhex(digest("x")))
    forged = [
        later,
        f"{id_}.{expires}.{'0' * 32}.{signature}",
        f"deadbeef.{expires}.{nonce}.{signature}",
        f"{id_}.{expires}.{nonce}.",
        f"{id_}.{expires}.{nonce}",
        token + "x",
        token[:-1],
        f"{id_}.{nonce}.{signature}",
        by_the_stored_hash.begin(made[0]).token,
        made[1],
        "",
        "...",
        "\ud800.é.ü.ß",
    ]
    assert [each for each in forged if begun.find(each)] == []


def test_replicas_that_share_a_secret_know_each_others_sessions(
    file: KeysFile, made: tuple[Key, str]
) -> None:
    one, other, stranger = (
        Sessions(Keyring(file), 60, secret) for secret in (b"s" * 32, b"s" * 32, None)
    )
    token = one.begin(made[0]).token
    assert other.find(token) == made[0]
    assert stranger.find(token) is None

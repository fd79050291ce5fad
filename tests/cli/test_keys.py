"""`pictor keys`: what it prints, what it keeps, who may read that."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from service.access.keys import SHOWN, digest, make_key
from service.access.keys_file import KeysFile, keys_file_of
from tests.cli.outcomes import Pictor, mistake


def test_a_key_is_printed_once_and_kept_as_its_hash_alone(pictor: Pictor, collection: Path) -> None:
    made = pictor("keys", collection, "create", "--name", "phone")
    text = made.out.strip()
    assert made.code == 0 and SHOWN.fullmatch(text)
    content = keys_file_of(collection).read_text()
    assert text not in content and text.rpartition("_")[2] not in content
    assert digest(text) in content
    assert text not in pictor("keys", collection, "list").out


def test_only_the_owner_may_read_the_file_of_keys(pictor: Pictor, collection: Path) -> None:
    for name in ("phone", "desk"):
        pictor("keys", collection, "create", "--name", name)
        assert stat.S_IMODE(keys_file_of(collection).stat().st_mode) == 0o600


def test_keys_are_listed_with_scopes_and_their_end(pictor: Pictor, collection: Path) -> None:
    pictor("keys", collection, "create", "--name", "phone", "--expires", "2199-01-31")
    pictor("keys", collection, "create", "--name", "job", "--scope", "read", "--scope", "write")
    phone, job = json.loads(pictor("keys", collection, "list", "--json").out)
    assert (phone["name"], phone["scopes"]) == ("phone", ["read"])
    assert phone["expires_at"] == "2199-01-31T00:00:00+00:00"
    assert (job["name"], job["scopes"], job["expires_at"]) == ("job", ["read", "write"], None)
    assert "sha256" not in phone
    shown = pictor("keys", collection, "list").out.splitlines()
    assert "read,write" in shown[1] and shown[1].endswith("never ends  job")


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_key_is_revoked_by_its_name_or_id_and_the_file_stays(
    pictor: Pictor, collection: Path, by: str
) -> None:
    made = json.loads(pictor("keys", collection, "create", "--name", "phone", "--json").out)
    assert pictor("keys", collection, "revoke", made[by]).code == 0
    assert json.loads(pictor("keys", collection, "list", "--json").out) == []
    assert keys_file_of(collection).exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["create", "--name", "phone"], "there is a key of this name"),
        (["create", "--name", ""], "expected a name"),
        (["create", "--name", "a\nb"], "expected a name"),
        (["create", "--name", "x", "--scope", "admin"], "'admin': no scope"),
        (["create", "--name", "x", "--expires", "soon"], "'soon': expected 30m"),
        (["create", "--name", "x", "--expires", "2001-01-01"], "has passed"),
        (["revoke", "nobody"], "no key has it"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    pictor: Pictor, collection: Path, words: list[str], said: str
) -> None:
    pictor("keys", collection, "create", "--name", "phone")
    before = keys_file_of(collection).read_bytes()
    assert said in mistake(pictor("keys", collection, *words))
    assert keys_file_of(collection).read_bytes() == before


def test_serving_beyond_this_machine_without_a_key_is_refused_before_anything_is_loaded(
    pictor: Pictor, collection: Path
) -> None:
    said = mistake(pictor("serve", collection, "--host", "0.0.0.0", "--model", "no such model"))
    assert f"pictor keys {collection} create" in said and "--open-to-everyone" in said
    pictor("keys", collection, "create", "--name", "phone")
    loading = pictor("serve", collection, "--host", "0.0.0.0", "--model", "no such model")
    assert "no such model" in mistake(loading)


def test_keys_are_of_a_collection(pictor: Pictor, tmp_path: Path) -> None:
    assert "no collection there" in mistake(pictor("keys", tmp_path, "create", "--name", "x"))
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_ones_own_holds_the_keys_instead(
    pictor: Pictor, collection: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "keys.json"
    made = pictor("keys", "--keys-file", elsewhere, collection, "create", "--name", "phone")
    assert made.code == 0 and elsewhere.exists()
    assert not keys_file_of(collection).exists()


def test_a_damaged_file_of_keys_is_said_and_left_as_it_is(pictor: Pictor, collection: Path) -> None:
    for damage in (b"", b"{}", b"[1]", b'{"format": 9, "keys": []}', b"\xff"):
        keys_file_of(collection).write_bytes(damage)
        assert "no file of keys" in mistake(pictor("keys", collection, "create", "--name", "x"))
        assert keys_file_of(collection).read_bytes() == damage


def test_keys_stay_when_a_job_publishes_and_are_in_no_copy(
    pictor: Pictor, photos: Path, collection: Path, tmp_path: Path
) -> None:
    pictor("keys", collection, "create", "--name", "phone")
    (photos / "red.png").unlink()
    assert pictor("index", photos, "--out", collection).code == 0
    assert [key.name for key in KeysFile(keys_file_of(collection)).read()] == ["phone"]
    for kind in ("collection", "folder", "webdataset"):
        out = tmp_path / f"as-{kind}"
        assert pictor("export", collection, out, "--as", kind).code == 0
        assert not [file for file in out.rglob("*") if "keys" in file.name]
        written = b"".join(file.read_bytes() for file in out.rglob("*") if file.is_file())
        assert b"phone" not in written


def test_writers_at_the_same_time_lose_no_key(tmp_path: Path) -> None:
    files = [KeysFile(tmp_path / "keys.json") for _ in range(16)]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda n: files[n].add(make_key(f"key {n}", {"read"})[0]), range(16)))
    assert {key.name for key in files[0].read()} == {f"key {n}" for n in range(16)}
    assert not (tmp_path / "keys.json.tmp").exists()


def test_what_a_killed_writer_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "keys.json.tmp").write_bytes(b"half")
    file = KeysFile(tmp_path / "keys.json")
    file.add(make_key("phone", {"read"})[0])
    assert [key.name for key in file.read()] == ["phone"]

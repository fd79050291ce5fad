"""Who may be let in is decided before anybody can come in."""

from pathlib import Path

import pytest

from models.errors import CollectionError, InputError
from service.access.keys import make_key
from service.access.keys_file import KeysFile, keys_file_of
from service.exposure import refuse_exposure
from service.settings import Settings

BEYOND = ["0.0.0.0", "::", "192.168.1.20", "10.0.0.7", "pictures.lan", "", "localhost.example"]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "::ffff:127.0.0.1"])
def test_this_machine_alone_needs_no_keys(tmp_path: Path, host: str) -> None:
    refuse_exposure(Settings(collection=tmp_path, host=host), tmp_path)


@pytest.mark.parametrize("host", BEYOND)
def test_beyond_it_a_server_without_keys_does_not_start_and_says_what_to_do(
    tmp_path: Path, host: str
) -> None:
    with pytest.raises(InputError) as refused:
        refuse_exposure(Settings(collection=tmp_path, host=host), tmp_path)
    for said in (f"pictor keys {tmp_path} create", "--open-to-everyone", "OPEN_TO_EVERYONE=true"):
        assert said in str(refused.value)


@pytest.mark.parametrize("host", BEYOND)
def test_it_starts_where_that_was_said_in_words_or_there_are_keys(
    tmp_path: Path, host: str
) -> None:
    refuse_exposure(Settings(collection=tmp_path, host=host, open_to_everyone=True), tmp_path)
    KeysFile(keys_file_of(tmp_path)).add(make_key("phone", {"read"})[0])
    refuse_exposure(Settings(collection=tmp_path, host=host), tmp_path)
    elsewhere = tmp_path / "elsewhere.json"
    with pytest.raises(InputError):
        refuse_exposure(Settings(collection=tmp_path, host=host, keys_file=elsewhere), tmp_path)


def test_keys_that_cannot_be_read_are_no_reason_to_start(tmp_path: Path) -> None:
    keys_file_of(tmp_path).write_bytes(b"{}")
    with pytest.raises(CollectionError):
        refuse_exposure(Settings(collection=tmp_path, host="0.0.0.0"), tmp_path)

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from service.settings import Settings


def test_the_server_listens_on_this_machine_only_unless_told() -> None:
    assert Settings(collection=Path("c")).host == "127.0.0.1"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTOR_COLLECTION", "/pictures")
    monkeypatch.setenv("PICTOR_ALLOWED_HOSTS", "pictures.lan, nas ,")
    monkeypatch.setenv("PICTOR_ROOTS", '{"photos": "/mnt/photos"}')
    monkeypatch.setenv("PICTOR_MAX_BATCH", "8")
    settings = Settings()  # type: ignore[call-arg]
    assert settings.collection == Path("/pictures")
    assert settings.allowed_hosts == ("pictures.lan", "nas")
    assert settings.roots == {"photos": Path("/mnt/photos")}
    assert settings.max_batch == 8


def test_what_the_command_says_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTOR_PORT", "9000")
    assert Settings(collection=Path("c"), port=9001).port == 9001


def test_settings_never_change() -> None:
    with pytest.raises(ValidationError):
        Settings(collection=Path("c")).port = 1


@pytest.mark.parametrize("wrong", [{"port": 70000}, {"max_batch": 0}, {"request_timeout_s": 0}])
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(collection=Path("c"), **wrong)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())

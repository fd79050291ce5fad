from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from models.errors import InputError
from service.settings import Settings, read_settings


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


@pytest.mark.parametrize(
    ("mistyped", "nearest"),
    [
        ("PICTOR_ALLOWED_HOST", "PICTOR_ALLOWED_HOSTS"),
        ("PICTOR_PROT", "PICTOR_PORT"),
        ("pictor_max_batches", "PICTOR_MAX_BATCH"),
        ("PICTOR_KEY_FILE", "PICTOR_KEYS_FILE"),
    ],
)
def test_a_mistyped_variable_is_refused_with_the_nearest_right_name(
    monkeypatch: pytest.MonkeyPatch, mistyped: str, nearest: str
) -> None:
    monkeypatch.setenv(mistyped, "1")
    with pytest.raises(InputError, match=f"{mistyped}: no such setting; the nearest is {nearest}$"):
        read_settings(collection=Path("c"))


def test_variables_of_the_tests_and_of_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    of_tests = ("PICTOR_TEST_DATA", "PICTOR_TEST_BROWSER", "PICTOR_MAGICLENS_REFERENCE")
    for name in (*of_tests, "PICTORIAL", "MY_PICTOR_PORT"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("pictor_port", "9000")
    assert read_settings(collection=Path("c")).port == 9000


def test_lists_of_the_environment_are_read_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PICTOR_TRUSTED_PROXIES", "10.0.0.0/8, ::1")
    monkeypatch.setenv("PICTOR_CORS_ORIGINS", "https://Pictures.example, http://localhost:3000")
    settings = read_settings(collection=Path("c"))
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1/128")
    assert settings.cors_origins == ("https://pictures.example", "http://localhost:3000")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRUSTED_PROXIES", "proxy.lan"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("CORS_ORIGINS", "*"),
        ("CORS_ORIGINS", "null"),
        ("CORS_ORIGINS", "pictures.example"),
        ("CORS_ORIGINS", "https://pictures.example/"),
        ("REQUESTS_PER_MINUTE", "-1"),
        ("SESSION_S", "0"),
    ],
)
def test_what_a_setting_cannot_be_is_said_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"PICTOR_{name}", value)
    with pytest.raises(InputError, match=f"PICTOR_{name}"):
        read_settings(collection=Path("c"))

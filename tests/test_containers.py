"""The container files name what exists and run commands that exist; that needs no engine."""

import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from cli.main import app
from index.milvus.address import parse_address
from service.settings import Settings

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = [name for name, definition in COMPOSE["services"].items() if "build" in definition]
REPLICAS = ("pictor-1", "pictor-2")


def parsed(arguments: list[str]) -> dict[str, Any]:
    """The command's options as it would read them, without running it."""
    command = typer.main.get_group(app).commands[arguments[0]]
    return dict(command.make_context(arguments[0], arguments[1:]).params)


def copied() -> set[str]:
    lines = [line.split() for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    return {name for words in lines for name in words[1:-1]}


def test_what_the_image_copies_exists_and_holds_every_package() -> None:
    assert all((ROOT / name).exists() for name in copied())
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "packages"
    ]
    assert {package.split(".")[0] for package in packages} <= copied()


def test_what_the_image_copies_is_sent_to_the_engine() -> None:
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }
    assert copied() <= sent


def test_the_image_runs_as_a_user_without_rights_and_checks_its_health() -> None:
    lines = DOCKERFILE.splitlines()
    assert lines.index("USER pictor") < lines.index('ENTRYPOINT ["pictor"]')
    assert "/readyz" in DOCKERFILE


def test_the_images_own_command_serves_the_mounted_collection() -> None:
    command = next(line for line in DOCKERFILE.splitlines() if line.startswith("CMD ["))
    arguments = shlex.split(command.removeprefix("CMD ").strip("[]").replace(",", " "))
    assert parsed(arguments)["collection"] == "/collection"


@pytest.mark.parametrize("service", OURS)
def test_every_service_runs_a_command_that_pictor_has(service: str) -> None:
    definition = COMPOSE["services"][service]
    assert parsed(definition["command"])
    assert definition["build"] == "."


@pytest.mark.parametrize("service", [name for name in OURS if name != "publish"])
def test_originals_are_mounted_read_only_as_a_named_root(service: str) -> None:
    definition = COMPOSE["services"][service]
    mounts = {volume.split(":")[-2]: volume for volume in definition["volumes"] if ":ro" in volume}
    assert list(mounts) == ["/originals/photos"]
    assert "photos=/originals/photos" in definition["command"]


def test_the_service_is_published_on_loopback_alone() -> None:
    for service in ("pictor", "pictor-cuda"):
        assert COMPOSE["services"][service]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_service_starts_without_keys_only_because_of_that() -> None:
    assert "PICTOR_HOST=0.0.0.0" in DOCKERFILE and "OPEN_TO_EVERYONE" not in DOCKERFILE
    for service in ("pictor", "pictor-cuda"):
        assert COMPOSE["services"][service]["environment"] == {"PICTOR_OPEN_TO_EVERYONE": "true"}


def test_replicas_share_what_one_process_keeps_for_itself_and_nginx_asks_both() -> None:
    for name in REPLICAS:
        definition = COMPOSE["services"][name]
        assert not definition["ports"]
        environment = definition["environment"]
        assert environment["PICTOR_KEPT_FOLDER"] == "/kept"
        assert {"kept:/kept", "models:/models"} <= set(definition["volumes"])
        assert Settings(**given(environment)).kept_folder == Path("/kept")
    nginx = COMPOSE["services"]["nginx"]
    assert set(nginx["depends_on"]) == set(REPLICAS)
    (mount,) = nginx["volumes"]
    configuration = (ROOT / mount.split(":")[0]).read_text()
    assert all(f"server {name}:8000" in configuration for name in REPLICAS)
    (port,) = nginx["ports"]
    assert f"listen {port.rpartition(':')[2]};" in configuration


def test_milvus_and_what_it_needs_are_pinned_checked_and_reached_from_within_alone() -> None:
    services = COMPOSE["services"]
    for name in ("milvus", "milvus-etcd", "milvus-store"):
        definition = services[name]
        assert definition["profiles"] == ["milvus"]
        image, _, version = definition["image"].rpartition(":")
        assert image and version not in ("", "latest")
        assert definition["healthcheck"]["test"] and "ports" not in definition
        assert {volume.split(":")[0] for volume in definition["volumes"]} <= set(COMPOSE["volumes"])
    healthy = {"condition": "service_healthy"}
    assert services["milvus"]["depends_on"] == {"milvus-etcd": healthy, "milvus-store": healthy}
    told = services["milvus"]["environment"]
    assert told["MINIO_ADDRESS"] == "milvus-store:9000"
    assert (
        told["MINIO_SECRET_ACCESS_KEY"]
        == services["milvus-store"]["environment"]["MINIO_ROOT_PASSWORD"]
    )


def test_what_is_published_to_milvus_is_what_is_served_from_it() -> None:
    publish, serve = (COMPOSE["services"][name] for name in ("publish", "pictor-milvus"))
    address = parsed(publish["command"])["to"]
    assert parse_address(address).uri == "http://milvus:19530"
    assert parsed(serve["command"])["collection"] == address
    folder = Path("/collection")
    assert any(each.endswith(f":{folder}") for each in publish["volumes"])
    assert set(publish["volumes"]) <= set(serve["volumes"])
    assert parsed(publish["command"])["collection"] == folder
    settings = Settings(**{**given(serve["environment"]), "collection": address})
    assert settings.milvus_files == folder
    assert serve["depends_on"] == {
        **publish["depends_on"],
        "publish": {"condition": "service_completed_successfully"},
    }
    assert "[milvus]" in DOCKERFILE


def given(environment: dict[str, str]) -> dict[str, Any]:
    """As settings, of any collection."""
    named = {name.removeprefix("PICTOR_").lower(): value for name, value in environment.items()}
    return {"collection": ROOT, **{k: v for k, v in named.items() if not v.startswith("$")}}

"""The server's settings: read once, in the command, and handed down.

Each comes from the environment as PICTOR_<NAME>, or from the command's options, which go first. No
other file of this room reads the environment.

read_settings(port=9000) -> Settings; raises InputError naming the setting that is wrong, or the
PICTOR_ variable that is none.
"""

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from index.served import place_of
from models.errors import InputError
from service.setting_types import HostNames, Networks, Origins, refuse_unknown, separated
from service.telemetry.logs import LogFormat, LogLevel

MIB = 1024 * 1024
MIN_KEY_CHARACTERS = 16


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PICTOR_", frozen=True)

    collection: Annotated[Path | str, BeforeValidator(place_of)] = Field(
        description="folder of the collection to serve, or its address in Milvus"
    )
    milvus_token: SecretStr | None = Field(
        default=None, description="what lets this server into Milvus: a token, or USER:PASSWORD"
    )
    milvus_files: Path | None = Field(
        default=None,
        description="where the folder of a collection that is served from Milvus lies on this "
        "machine, which replicas share; where it was when it was published unless given",
    )
    model: str | None = Field(
        default=None, description="model to load; the one that built the collection unless given"
    )
    phi: Annotated[tuple[Path, ...], NoDecode, BeforeValidator(separated)] = Field(
        default=(),
        description="folders of phi networks, separated by commas; each adds its composer",
    )
    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(
        default=8000, ge=0, le=65535, description="port to listen on; 0 takes a free one"
    )
    open_to_everyone: bool = Field(
        default=False,
        description="listen beyond this machine though the collection has no keys: whoever "
        "reaches the address sees and changes all of it",
    )
    allowed_hosts: HostNames = Field(
        default=(),
        description="names that requests may use in their Host header, separated by commas, "
        "besides localhost, 127.0.0.1, ::1 and the address listened on; * allows any",
    )
    keys_file: Path | None = Field(
        default=None,
        description="the file of keys that `pictor keys` writes; in the collection unless given",
    )
    session_s: float = Field(
        default=43_200.0,
        gt=0,
        description="seconds that a browser's session lasts, at most as long as its key",
    )
    trusted_proxies: Networks = Field(
        default=(),
        description="addresses and networks of proxies, separated by commas, whose "
        "X-Forwarded-For and X-Forwarded-Proto are believed",
    )
    cors_origins: Origins = Field(
        default=(),
        description="origins of other sites whose pages may call the API, separated by commas, "
        "as https://pictures.example",
    )
    requests_per_minute: int = Field(
        default=0,
        ge=0,
        description="requests a minute of one key, or of one address without a key; more are "
        "refused with 429; 0 is no limit",
    )
    open_metrics: bool = Field(
        default=False,
        description="answer /metrics without a key from anywhere, not from this machine alone",
    )
    fetch_urls: bool = Field(
        default=False,
        description="fetch pictures that requests name by their address; of public hosts alone",
    )
    fetch_hosts: HostNames = Field(
        default=(),
        description="names of hosts, separated by commas, that pictures may be fetched from "
        "though their addresses are not public",
    )
    fetch_timeout_s: float = Field(
        default=10.0, gt=0, description="seconds until the fetching of a picture is given up"
    )
    roots: dict[str, Path] = Field(
        default={},
        description="where named sources lie on this machine, as a JSON object of name to folder; "
        "as the collection says unless given",
    )
    device: str | None = Field(
        default=None, description="cpu, cuda, cuda:N or mps; CUDA where there is one unless given"
    )
    dtype: str | None = Field(
        default=None,
        description="float32, bfloat16 or float16; bfloat16 on CUDA, else float32, unless given",
    )
    threads: int | None = Field(
        default=None, ge=1, description="CPU threads for everything; the cores allowed unless given"
    )
    max_batch: int = Field(
        default=32, ge=1, description="texts or pictures in one forward pass at most"
    )
    max_queue: int = Field(
        default=256,
        ge=1,
        description="texts or pictures waiting at most; more are refused with 503",
    )
    cache_bytes: int = Field(
        default=64 * MIB,
        ge=0,
        description="memory for embeddings that were asked for lately, in bytes; 0 keeps none",
    )
    kept_s: float = Field(
        default=3600.0,
        gt=0,
        description="seconds that a picture of POST /v1/pictures is kept at most",
    )
    kept_bytes: int = Field(
        default=256 * MIB,
        ge=0,
        description="room for pictures of POST /v1/pictures, in bytes; the oldest leave first",
    )
    kept_folder: Path | None = Field(
        default=None,
        description="folder for pictures of POST /v1/pictures, which replicas share; they are kept "
        "in memory, and known to one process, unless it is given",
    )
    max_held_bytes: int = Field(
        default=1024 * MIB,
        ge=1024,
        description="bodies of all requests that are held at a time, in bytes; "
        "more are refused with 503",
    )
    max_request_bytes: int = Field(
        default=32 * MIB, ge=1024, description="size of a request's body at most, in bytes"
    )
    add_at_once: int = Field(
        default=16,
        ge=1,
        description="pictures of one POST /v1/images that are added before it answers; more become "
        "a job",
    )
    max_jobs: int = Field(
        default=32,
        ge=1,
        description="jobs of added pictures that are not done at most; more are refused with 503",
    )
    cursor_key: SecretStr | None = Field(
        default=None,
        description="secret that cursors are signed with, which replicas share; further ones after "
        "commas are accepted too; made once and kept in the collection unless given",
    )
    strip_gps: bool = Field(
        default=False,
        description="leave the place that a picture was taken at out of the originals that are "
        "served: of JPEG, PNG and WebP; other formats that may tell it are refused with 403",
    )
    max_pixels: int = Field(
        default=100_000_000, ge=1, description="width times height of a sent picture at most"
    )
    decode_timeout_s: float = Field(
        default=20.0, gt=0, description="seconds until a sent picture is given up with 422"
    )
    request_timeout_s: float = Field(
        default=30.0, gt=0, description="seconds until a request is given up with 504"
    )
    ready_timeout_s: float = Field(
        default=5.0,
        gt=0,
        description="seconds that /readyz gives the model and the index to answer",
    )
    ready_window_s: float = Field(
        default=15.0,
        gt=0,
        description="seconds since its last success that a part of the server counts as ready "
        "without being tried",
    )
    log_format: LogFormat = Field(
        default="text", description="text for people, json for programs: one line a record"
    )
    log_level: LogLevel = Field(
        default="info", description="debug, info, warning or error; debug has the probes, too"
    )
    log_queries: bool = Field(
        default=False,
        description="write the texts that are searched for into the log; they are people's own",
    )
    traces: bool = Field(
        default=False,
        description="send traces by OpenTelemetry, as OTEL_ variables say; needs the extra otel",
    )

    @field_validator("cursor_key")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if not value:
            return None  # an empty one, as compose files give it, would be everybody's to guess
        for key in value.get_secret_value().split(","):
            if len(key.strip()) < MIN_KEY_CHARACTERS:
                raise ValueError(f"expected {MIN_KEY_CHARACTERS} characters or more a key")
        return value


def read_settings(**given: Any) -> Settings:  # noqa: ANN401
    """The environment's settings under those given; a None is not given."""
    refuse_unknown(os.environ, Settings.model_fields)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except (ValidationError, SettingsError) as error:
        raise InputError(_explained(error)) from error


def _explained(error: ValidationError | SettingsError) -> str:
    if isinstance(error, SettingsError):
        return f"a PICTOR_ variable is not valid JSON: {error}"
    first = error.errors()[0]
    name = "_".join(str(part) for part in first["loc"][:1])
    return f"setting {name} (PICTOR_{name.upper()}): {first['msg']}"

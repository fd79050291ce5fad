"""`pictor index --engine`: which machines read and embed a job's pictures."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from cli.options import load_model
from models.errors import InputError

if TYPE_CHECKING:
    from index.job import JobOptions
    from index.jobs.engine import Engine
    from models.load import Encoder


class EngineName(StrEnum):
    LOCAL = "local"
    RAY = "ray"


@dataclass(frozen=True)
class DistantModel:
    """The model that a job uses, loaded on another machine."""

    reference: str
    dtype: str | None

    def __call__(self, device: str, threads: int) -> "Encoder":
        return load_model(self.reference, device, self.dtype, threads)


def check_engine(name: EngineName, ray_address: str | None) -> None:
    """Before a model is loaded for nothing."""
    if name is EngineName.RAY:
        from index.engines.ray import check_installed

        check_installed()
    elif ray_address is not None:
        raise InputError("--ray-address is for --engine ray")


def ray_engine(
    encoder: "Encoder",
    model: DistantModel,
    device: str | None,
    options: "JobOptions",
    address: str | None,
) -> "Engine":
    from index.engines.ray import RayEngine

    return RayEngine(model, encoder.eye, encoder.spaces, options, address, device)

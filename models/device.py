"""Where and how a model runs: device, dtype, memory, and torch's CPU threads.

Default: CUDA with bfloat16 where there is one, else the CPU with float32.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from models.errors import ModelError, ModelMemoryError

DtypeName = Literal["float32", "bfloat16", "float16"]
DTYPES: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}

# how torch tells that memory is wanting, on the CPU and on devices that have no error class of it
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")


@dataclass(frozen=True)
class Placement:
    device: torch.device
    dtype: torch.dtype

    def __str__(self) -> str:
        return f"{self.device}, {str(self.dtype).removeprefix('torch.')}"


def choose_placement(device: str | None = None, dtype: str | None = None) -> Placement:
    """What was asked for, else the best that this machine has; raises ModelError otherwise."""
    name = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise ModelError(f"device {name!r}: expected cpu, cuda, cuda:N or mps") from error
    if not _is_there(chosen):
        raise ModelError(f"device {name!r}: this machine has none that torch can use")
    if dtype is None:
        return Placement(chosen, torch.bfloat16 if chosen.type == "cuda" else torch.float32)
    if dtype not in DTYPES:
        raise ModelError(f"dtype {dtype!r}: expected one of {', '.join(DTYPES)}")
    return Placement(chosen, DTYPES[dtype])


def _is_there(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()
    if device.type == "mps":
        return torch.backends.mps.is_available()
    return device.type == "cpu"


def computes_bfloat16(device: torch.device) -> bool:
    """Whether the device has such arithmetic; where it has none, bfloat16 costs several times
    what float32 does."""
    if device.type == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)


def to_device(array: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    tensor = torch.from_numpy(array)
    if device.type != "cuda":
        return tensor.to(device)
    # from pinned memory the card copies by itself, while the next work is being queued
    return tensor.pin_memory().to(device, non_blocking=True)


@contextmanager
def batch_memory(device: torch.device) -> Iterator[None]:
    """Around one batch: raises ModelMemoryError where it does not fit the device's memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        if not known and not any(sign in str(error) for sign in OUT_OF_MEMORY):
            raise
        raise ModelMemoryError(f"{device}: a batch does not fit its memory") from error


def to_numpy(outputs: torch.Tensor) -> NDArray[np.float32]:
    """A model's outputs, on any device and in any dtype, as float32."""
    rows: NDArray[np.float32] = outputs.float().cpu().numpy()
    return rows


def limit_torch_threads(threads: int) -> None:
    torch.set_num_threads(max(1, threads))

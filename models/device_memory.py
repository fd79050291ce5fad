"""How much memory of the devices this process uses.

device_memory() -> bytes by (device, state); empty unless torch computes on CUDA here. `allocated`
is in tensors, `reserved` is what torch holds, `free` and `total` are the whole device's.
"""

import torch


def device_memory() -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return found  # asking would start CUDA, which takes memory itself
    for index in range(torch.cuda.device_count()):
        name = f"cuda:{index}"
        free, total = torch.cuda.mem_get_info(index)
        found[name, "allocated"] = torch.cuda.memory_allocated(index)
        found[name, "reserved"] = torch.cuda.memory_reserved(index)
        found[name, "free"], found[name, "total"] = free, total
    return found

"""What this process may use of its machine."""

import os
from pathlib import Path

# a container's control group, of version 2 and 1, as it sees it itself; "max" where there is none
MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def available_threads() -> int:
    """CPU cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Bytes: the machine's, or fewer where its control group has less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    allowed = [int(limit) for limit in map(_read, MEMORY_LIMITS) if limit.isdigit()]
    return min([machine, *allowed])


def _read(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""

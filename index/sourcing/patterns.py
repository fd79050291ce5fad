"""Names of shards as they are written for WebDataset: `{00000..00099}.tar`, `a-{x,y}.tar`, `*.tar`.

matching(folder, pattern) -> the files in the folder, in order of their names within each of the
pattern's alternatives. A name that has no wildcard is given whether or not it is there, so that a
shard which is missing is noticed.
"""

import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from models.errors import InputError

MAX_NAMES = 1_000_000
BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"(\d{1,9})\.\.(\d{1,9})")
WILDCARD = re.compile(r"[*?\[]")


def is_pattern(name: str) -> bool:
    return bool(BRACES.search(name) or WILDCARD.search(name))


def matching(folder: Path, pattern: str) -> Iterator[Path]:
    for name in expanded(pattern):
        if WILDCARD.search(name):
            yield from sorted(each for each in folder.glob(name) if each.name[0] != ".")
        else:
            yield folder / name


def expanded(pattern: str) -> Iterator[str]:
    """Without braces; raises InputError where there would be no end of it."""
    names = _expanded(pattern)
    yield from islice(names, MAX_NAMES)
    if next(names, None) is not None:
        raise InputError(f"{pattern}: stands for over {MAX_NAMES} names")


def _expanded(pattern: str) -> Iterator[str]:
    found = BRACES.search(pattern)
    if found is None:
        yield pattern
        return
    before, after = pattern[: found.start()], pattern[found.end() :]
    for part in _alternatives(found[1]):
        yield from _expanded(before + part + after)


def _alternatives(braced: str) -> Iterator[str]:
    found = RANGE.fullmatch(braced)
    if found is None:
        yield from braced.split(",")
        return
    first, last = int(found[1]), int(found[2])
    for number in range(first, last + 1):
        yield str(number).zfill(len(found[1]))

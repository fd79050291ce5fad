"""Annotation files in JSON, read strictly: InputError names the file, the entry and the key.

`read_json` refuses an object that has a key twice: in a file of rankings it is a query with two
answers. `fields` checks that an entry has the keys that are asked for, each of its type.
"""

import json
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any

from models.errors import InputError

Entry = dict[str, Any]
Kinds = dict[str, type | tuple[type, ...]]  # key -> what its value must be


def read_json(path: Path) -> Any:  # noqa: ANN401
    def unique(pairs: Sequence[tuple[str, Any]]) -> Entry:
        content = dict(pairs)
        if len(content) != len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{path}: the key {twice!r} is there twice in one object")
        return content

    try:
        return json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=unique)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error


def read_entries(path: Path, kinds: Kinds, key: str | None = None) -> list[Entry]:
    """A list of objects that have these keys, at least one; the values of `key` are unique."""
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise InputError(f"{path}: expected a list of entries")
    read = [fields(f"{path}, entry {at}", entry, kinds) for at, entry in enumerate(content)]
    if key is None:
        return read
    first: dict[object, int] = {}
    for at, entry in enumerate(read):
        if first.setdefault(entry[key], at) != at:
            raise InputError(
                f"{path}, entry {at}: {key!r} is {entry[key]!r}, as in entry {first[entry[key]]}"
            )
    return read


def fields(where: str, entry: object, kinds: Kinds) -> Entry:
    """The entry, once it is known to have these keys; `where` begins the error's text."""
    if not isinstance(entry, dict):
        raise InputError(f"{where}: expected an object, got {type(entry).__name__}")
    for key, kind in kinds.items():
        if key not in entry:
            raise InputError(f"{where}: has no {key!r}")
        # a bool is an int to Python, but not to a file of ids
        if not isinstance(entry[key], kind) or (isinstance(entry[key], bool) and kind is int):
            raise InputError(f"{where}: {key!r} is a {type(entry[key]).__name__}")
    return entry


def listed(where: str, value: object, kind: type, *, at_least: int = 1) -> list[Any]:
    """A list of values of one kind, each once."""
    if not isinstance(value, list) or not all(
        isinstance(each, kind) and not isinstance(each, bool) for each in value
    ):
        raise InputError(f"{where}: expected a list of {kind.__name__}")
    if len(value) < at_least:
        raise InputError(f"{where}: {len(value)} values, expected at least {at_least}")
    refuse_twice(where, value)
    return value


def answers(file: Path, content: Entry, ids: Sequence[str], annotations: Path) -> list[Any]:
    """What a file of rankings says to each of these queries, in their order; exactly these."""
    if unknown := content.keys() - set(ids):
        raise InputError(f"{file}: query {min(unknown)!r} is not in {annotations}")
    for query in ids:
        if query not in content:
            raise InputError(f"{file}: has no ranking for query {query!r}")
    return [content[query] for query in ids]


def refuse_unlisted(
    annotations: Path,
    used: Iterable[Sequence[tuple[str, str]]],
    listing: Path,
    listed: Container[str],
) -> None:
    """`used` are, entry by entry, the keys that name a picture, and what they name."""
    for at, entry in enumerate(used):
        for key, name in entry:
            if name not in listed:
                raise InputError(
                    f"{annotations}, entry {at}: {key!r} names {name}, which is not in {listing}"
                )


def refuse_twice(where: str, values: Iterable[object]) -> None:
    seen: set[object] = set()
    for value in values:
        if value in seen:
            raise InputError(f"{where}: {value!r} is there twice")
        seen.add(value)

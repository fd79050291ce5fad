"""The values that filters ask for, as columns of texts and numbers that Milvus compares exactly.

A text column begins each value with "=", and is empty where there is none, so that no comparison
ever meets a missing value: expressions then have two truth values in every version of Milvus.
Metadata are a JSON object of name to encoded values, numbers as texts in the order of numbers.

Of texts that are longer, or values that are more, than a column takes, some are left out, and the
row is marked partial: whoever finds such a row looks at the item itself.
"""

import json
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from index.filtering.filters import METADATA
from index.filtering.ranges import Value
from index.items import Item

MAX_TEXT = 1_000  # characters of one value
TEXT_BYTES = 4 * MAX_TEXT + 1
POSITIONS = 32  # values of one field of one item
FIELDS = 100  # metadata fields of one item
NAMES = FIELDS * POSITIONS
JSON_BYTES = 60_000  # Milvus takes 65,536
PLAIN = re.compile(r"[A-Za-z0-9_]{1,60}")
SIGN = 1 << 63
MIDDLE = 1 << 12  # above what an integer of 64 bits is away from its nearest float

ITEM_FIELDS = (
    *("width", "height", "bytes", "latitude", "longitude"),
    *("taken_at", "added_at", "camera", "format"),
)


@dataclass(frozen=True)
class Terms:
    columns: dict[str, Any]
    widest: dict[str, int]  # how many values a column has, or one field of the metadata


def values_of(item: Item, added_at: str, field: str) -> list[Value]:
    """All that an item has of a field."""
    if field in ("source", "path", "caption"):
        found = (getattr(at, field) for at in item.occurrences)
        return [value for value in dict.fromkeys(found) if value is not None]
    if field in ITEM_FIELDS:
        value = added_at if field == "added_at" else getattr(item, field)
        return [] if value is None else [value]
    return facts_of(item).get(field.removeprefix(METADATA), [])


def facts_of(item: Item) -> dict[str, list[Value]]:
    """Each metadata field's different values, of all occurrences; of a list each is one."""
    facts: dict[str, dict[Value, None]] = {}
    for occurrence in item.occurrences:
        for name, value in occurrence.metadata.items():
            for each in value if isinstance(value, list) else [value]:
                if each is not None:
                    known = int(each) if isinstance(each, bool) else each
                    facts.setdefault(name, {})[known] = None
    return {name: list(values) for name, values in facts.items()}


def terms_of(item: Item, added_at: str) -> Terms:
    lists = {
        f"{field}s": _texts(values_of(item, added_at, field))
        for field in ("source", "path", "caption")
    }
    facts = {
        key_of(name): [encoded(value) for value in values[:POSITIONS]]
        for name, values in list(facts_of(item).items())[:FIELDS]
    }
    if len(json.dumps(facts)) > JSON_BYTES:
        facts = {}
    names = [name for key, values in facts.items() for name in _counted(key, len(values))]
    texts = {
        field: text_of(getattr(item, field, added_at))
        for field in ("taken_at", "added_at", "camera", "format")
    }
    columns = {
        **{name: values[:POSITIONS] for name, values in lists.items()},
        **texts,
        **{field: getattr(item, field) for field in ("width", "height", "bytes")},
        **{field: getattr(item, field) or 0.0 for field in ("latitude", "longitude")},
        **{f"has_{field}": getattr(item, field) is not None for field in ("latitude", "longitude")},
        "names": names,
        "facts": facts,
        "partial": _is_partial(item, added_at, facts),
    }
    widest = {name: min(len(values), POSITIONS) for name, values in lists.items()}
    return Terms(columns, widest | {"facts": max(map(len, facts.values()), default=0)})


def _is_partial(item: Item, added_at: str, told: Mapping[str, list[str]]) -> bool:
    facts = facts_of(item)
    fields = ("source", "path", "caption", "taken_at", "camera", "format")
    lists = [*facts.values(), *(values_of(item, added_at, field) for field in fields)]
    return (
        len(facts) > len(told)
        or any(len(values) > POSITIONS for values in lists)
        or any(isinstance(v, str) and len(v) > MAX_TEXT for values in lists for v in values)
    )


def _texts(values: Iterable[Value]) -> list[str]:
    return [text_of(str(value)) for value in values]


def text_of(value: str | None) -> str:
    return "" if value is None else f"={value[:MAX_TEXT]}"


def _counted(key: str, values: int) -> list[str]:
    """Says of a metadata field that there are a first value, a second, and so on."""
    return [key, *(f"{key}#{number}" for number in range(2, values + 1))]


def key_of(name: str) -> str:
    """A metadata field's name, as one that needs no quoting anywhere."""
    return name if PLAIN.fullmatch(name) and not name.startswith("0x") else _hexadecimal(name)


def _hexadecimal(name: str) -> str:
    return "0x" + name.encode(errors="surrogatepass")[:200].hex()


def encoded(value: Value) -> str:
    """In the order of index/filtering/ranges.py, texts behind numbers."""
    return f"t{value[:MAX_TEXT]}" if isinstance(value, str) else f"n{ordered(value)}"


def ordered(number: float) -> str:
    """20 hex digits that rise as numbers do: a float's, and how far an integer is from it."""
    nearest = float(number) + 0.0  # no negative zero
    rest = number - int(nearest) if isinstance(number, int) else 0
    (bits,) = struct.unpack(">Q", struct.pack(">d", nearest))
    bits = bits ^ (2 * SIGN - 1) if bits & SIGN else bits | SIGN
    return f"{bits:016x}{rest + MIDDLE:04x}"

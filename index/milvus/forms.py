"""What a collection of Milvus's is made of: columns, and the index over its vectors."""

from dataclasses import dataclass
from typing import Any, Literal

Row = dict[str, Any]
Kind = Literal["key", "text", "texts", "whole", "real", "flag", "json", "vector"]


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind
    size: int = 0  # bytes of a text, dimension of a vector
    capacity: int = 0  # of texts


@dataclass(frozen=True)
class IndexKind:
    """Of vectors: Milvus's name, and what it is built with."""

    name: str = "FLAT"
    parameters: tuple[tuple[str, int], ...] = ()


FLAT = IndexKind()
HNSW = IndexKind("HNSW", (("M", 16), ("efConstruction", 200)))
KINDS = {
    kind.name: kind
    for kind in (
        *(FLAT, HNSW, IndexKind("AUTOINDEX"), IndexKind("DISKANN")),
        IndexKind("IVF_FLAT", (("nlist", 1024),)),
        IndexKind("IVF_SQ8", (("nlist", 1024),)),
    )
}

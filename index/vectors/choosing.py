"""Which FAISS index suits a gallery.

choose(gallery size, budget) -> a FAISS factory string for inner products, and nothing else is
looked at. While it is fast enough that is every vector as it is stored ("SQfp16": float16, exact);
beyond, inverted lists of product-quantised codes of 4 bits for FAISS's fast scan (André et al.,
"Cache locality is not enough: High-Performance Nearest Neighbor Search with Product Quantization
Fast Scan", VLDB 2015), whose candidates the search scores again with the stored vectors.

Left out, as benchmarks/search.py measured at 100,000 x 512: HNSW, whose file is 13 times as large
and whose search takes as long for queries like pictures, and ten times as long for those like
texts. OPQ's training takes longer than all else.
"""

import math
from dataclasses import dataclass, field

from models.machine import available_memory

EXACT = "SQfp16"
EXACT_COMPONENTS = 25_000 * 512  # scanned in about 5 ms by one core
ROW_ID_BYTES = 8
MOST_LISTS = 8192  # rows are compared with every one of them as they are added
# components that one code of 4 bits stands for: finer codes need fewer candidates
COMPONENTS_A_CODE = (2, 4, 8, 16, 1)


def fair_memory() -> int:
    """A quarter of what this machine has, in bytes."""
    return available_memory() // 4


@dataclass(frozen=True)
class Budget:
    memory_bytes: int = field(default_factory=fair_memory)
    recall: float = 0.97


def choose(count: int, dimension: int, budget: Budget) -> str:
    """A recall of 1 asks for an exact index. Of a budget too small for any, the smallest."""
    if count * dimension <= EXACT_COMPONENTS or budget.recall >= 1:
        return EXACT
    lists = lists_for(count)
    divisors = [parts for parts in COMPONENTS_A_CODE if dimension % parts == 0]
    fitting = [
        parts
        for parts in divisors
        if quantised_bytes(count, dimension, dimension // parts) <= budget.memory_bytes
    ]
    parts = fitting[0] if fitting else max(divisors)
    return f"IVF{lists},PQ{dimension // parts}x4fs"


def lists_for(count: int) -> int:
    """The power of two nearest to 4 sqrt(count), in proportion, as FAISS's guidelines have it."""
    return min(1 << round(math.log2(max(count, 1)) / 2 + 2), MOST_LISTS)


def quantised_bytes(count: int, dimension: int, codes: int) -> int:
    """What the index holds in memory: codes of 4 bits, row ids and float32 centroids."""
    return count * ((codes + 1) // 2 + ROW_ID_BYTES) + lists_for(count) * dimension * 4

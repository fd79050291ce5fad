"""Byte-pair merges learned from captions, in the file format of CLIP's tokenizer.

Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016.
"""

import gzip
import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

from models.openclip import byte_words

Pair = tuple[str, str]
WORD_END = "</w>"
FIXED_ENTRIES = 2 * 256 + 2  # each byte, each byte at a word's end, start and end of text


def learn_merges(texts: Iterable[str], vocabulary: int) -> list[Pair]:
    """The most frequent merges first, at most as many as fill a tokenizer of `vocabulary`
    entries."""
    counts = Counter(word for text in texts for word in byte_words(text))
    words = [((*word[:-1], word[-1] + WORD_END), count) for word, count in sorted(counts.items())]
    frequency: Counter[Pair] = Counter()
    holders: defaultdict[Pair, set[int]] = defaultdict(set)
    for index, (symbols, count) in enumerate(words):
        for pair in _pairs(symbols):
            frequency[pair] += count
            holders[pair].add(index)
    merges: list[Pair] = []
    # entries of the heap go stale: one counts only while its count is the current one
    heap = [(-count, pair) for pair, count in frequency.items()]
    heapq.heapify(heap)
    while len(merges) < vocabulary - FIXED_ENTRIES and heap:
        count, best = heapq.heappop(heap)
        if frequency[best] != -count or not count:
            continue
        merges.append(best)
        changed: set[Pair] = set()
        for index in sorted(holders[best]):
            symbols, times = words[index]
            merged = _merge(symbols, best)
            words[index] = (merged, times)
            for pair in _pairs(symbols):
                frequency[pair] -= times
                holders[pair].discard(index)
            for pair in _pairs(merged):
                frequency[pair] += times
                holders[pair].add(index)
            changed.update(_pairs(symbols), _pairs(merged))
        for pair in changed:
            heapq.heappush(heap, (-frequency[pair], pair))
    return merges


def write_merges(path: Path, merges: Iterable[Pair]) -> None:
    """The gzip file that CLIP's tokenizer reads: a header line, then a merge a line."""
    lines = ["# byte-pair merges", *(" ".join(pair) for pair in merges)]
    # no time in the header: the same merges give the same bytes
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    unfinished.replace(path)


def _pairs(symbols: tuple[str, ...]) -> list[Pair]:
    return list(pairwise(symbols))


def _merge(symbols: tuple[str, ...], pair: Pair) -> tuple[str, ...]:
    merged: list[str] = []
    at = 0
    while at < len(symbols):
        if symbols[at : at + 2] == pair:
            merged.append("".join(pair))
            at += 2
        else:
            merged.append(symbols[at])
            at += 1
    return tuple(merged)

"""FAISS indexes of inner products over the segments' vectors; the only file that imports FAISS.

FaissIndex is of any kind that a FAISS factory string names and that holds rows by position: built
from blocks of stored units, trained on a sample of them, written, and mapped rather than read where
its kind allows. An index never changes once built; what one search asks for goes with that search
alone, and any number of threads may search at once.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import faiss as typed_faiss
import numpy as np
from numpy.typing import NDArray

from index.segments import Units
from index.vectors.choosing import EXACT
from index.vectors.effort import Effort
from index.vectors.units import StackedUnits, apart_from_mean
from models.errors import CollectionError, InputError
from models.files import read_through
from models.vectors import Embeddings

faiss: Any = typed_faiss  # its stubs leave out half of it

Nearest = tuple[NDArray[np.float32], NDArray[np.int64]]  # scores (m,), falling, and rows (m,)
Among = NDArray[np.bool_]  # (rows,)

SAMPLE_BYTES = 512 * 2**20  # of float32, to train on
SAMPLE_ROWS_A_LIST = 64
LEAST_SAMPLE_ROWS = 65_536
WIDEST_GRAPH_SEARCH = 4096
NO_EFFORT = Effort(1, 0)


class _Threads(threading.local):
    """OpenMP counts its threads for each thread that calls it, so each must be told."""

    budget = 0  # of the process; 0: as many as there are cores
    told = 0

    def keep_budget(self) -> None:
        if self.told != _Threads.budget:
            faiss.omp_set_num_threads(_Threads.budget)
            self.told = _Threads.budget

    @contextmanager
    def one(self) -> Iterator[None]:
        self.keep_budget()
        before = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        try:
            yield
        finally:
            faiss.omp_set_num_threads(before)


_threads = _Threads()


def limit_faiss_threads(threads: int) -> None:
    """The process's budget, set once by the command; never on behalf of one search."""
    _Threads.budget = max(1, threads)
    _threads.keep_budget()


def faiss_threads() -> int:
    """How many the calling thread's next search may use."""
    _threads.keep_budget()
    return int(faiss.omp_get_max_threads())


class FaissIndex:
    def __init__(self, index: Any) -> None:  # noqa: ANN401 - FAISS has no types
        self._index = index
        self._core = _core(index)

    @classmethod
    def build(cls, factory: str, dimension: int, units: StackedUnits, *, seed: int = 0) -> Self:
        """Raises InputError for what is no factory string of this dimension, or one that cannot be
        built of so few rows."""
        _threads.keep_budget()
        index = _made(factory, dimension)
        try:
            if not index.is_trained:
                sample = units.sample(_sample_rows(index), seed)
                _train(index, units.take(sample).astype(np.float32))
            for chunk in units.chunks():
                index.add(chunk.astype(np.float32))
        except (RuntimeError, MemoryError) as error:
            raise InputError(
                f"index {factory}: cannot be built of {len(units)} rows: {_reason(error)}"
            ) from error
        return cls(index)

    @classmethod
    def open(cls, path: Path, dimension: int, size_bytes: int) -> Self:
        """Raises CollectionError for a damaged file, FileNotFoundError for a missing one."""
        # FAISS maps a file that was cut off, and dies of it when it is searched
        if (held := path.stat().st_size) != size_bytes:
            raise CollectionError(f"{path}: index of {held} bytes, expected {size_bytes}")
        read_through(path)
        return cls(_mapped(path, dimension))

    def vectors(self, first: int, count: int) -> Embeddings:
        """Rows first to first + count, as the index has them."""
        rows: Embeddings = self._index.reconstruct_n(first, count)
        return rows

    def write(self, path: Path) -> None:
        """Raises CollectionError where there is no room for it, or no permission."""
        try:
            # FAISS's own file loses what fails as it is closed
            with path.open("wb") as file:
                faiss.write_index(self._index, faiss.PyCallbackIOWriter(file.write))
        except (RuntimeError, OSError) as error:
            raise CollectionError(f"{path}: index cannot be written: {_reason(error)}") from error

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def exact(self) -> bool:
        """Whether it compares whole vectors, every one, in float16 at least."""
        return isinstance(self._index, faiss.IndexFlat) or (
            isinstance(self._index, faiss.IndexScalarQuantizer)
            and self._index.sq.qtype == faiss.ScalarQuantizer.QT_fp16
        )

    @property
    def widest(self) -> int:
        """The largest breadth that a search can make use of; 1 for kinds that have none."""
        if isinstance(self._core, faiss.IndexIVF):
            return int(self._core.nlist)
        return WIDEST_GRAPH_SEARCH if isinstance(self._core, faiss.IndexHNSW) else 1

    def most_proposed(self, breadth: int) -> int:
        """How many rows a search can be asked for before that alone widens it."""
        return breadth if isinstance(self._core, faiss.IndexHNSW) else len(self)

    @property
    def bytes_a_breadth(self) -> float:
        """About how many bytes of codes a search looks at for each unit of its breadth."""
        if isinstance(self._core, faiss.IndexIVF):
            return float(self._core.code_size) * len(self) / int(self._core.nlist)
        if isinstance(self._core, faiss.IndexHNSW):
            return float(self._core.storage.sa_code_size() * self._core.hnsw.nb_neighbors(0))
        return 0.0

    @cached_property
    def takes_selector(self) -> bool:
        """Whether a search can be among some rows only; learned by searching among none."""
        nothing, nowhere = np.zeros((1, self._index.d), np.float32), np.zeros(len(self), np.bool_)
        try:
            _, rows = self._search(nothing, 1, NO_EFFORT, nowhere)
        except RuntimeError:
            return False
        return bool(np.all(rows < 0))

    def search(
        self,
        vectors: Embeddings,
        k: int,
        *,
        effort: Effort = NO_EFFORT,
        among: Among | None = None,
    ) -> list[Nearest]:
        """For each vector (n, dim) the k rows of largest inner product, as the index has it, of
        those that `among` marks: scores (m,) falling, rows (m,). m < k where fewer were found,
        which need not mean that there are no more. Raises InputError where `among` is given and
        the index takes no selector."""
        if among is not None and not self.takes_selector:
            raise InputError(f"index of kind {type(self._index).__name__} cannot search among rows")
        k = min(k, len(self))
        if k == 0:
            return [(np.empty(0, np.float32), np.empty(0, np.int64))] * len(vectors)
        scores, rows = self._search(vectors, k, effort, among)
        found = rows >= 0  # faiss marks a missing hit with -1
        return [(s[there], r[there]) for s, r, there in zip(scores, rows, found, strict=True)]

    def _search(
        self, vectors: Embeddings, k: int, effort: Effort, among: Among | None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        _threads.keep_budget()
        selector = None
        if among is not None:
            selector = faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
        parameters = _parameters(self._index, max(1, effort.breadth), k, selector)
        scores, rows = self._index.search(
            np.ascontiguousarray(vectors, dtype=np.float32), k, params=parameters
        )
        return scores, rows


def check_factory(factory: str, dimension: int) -> None:
    """Raises InputError for what FAISS does not take, or takes for other distances."""
    _made(factory, dimension)


def best_scores(units: Units, vectors: Embeddings, k: int) -> NDArray[np.float32]:
    """(m, dim) stored rows and (n, dim) -> (n, min(k, m)): each vector's largest inner products,
    falling, each within float32's rounding."""
    _threads.keep_budget()
    scores, _ = faiss.knn(
        np.ascontiguousarray(vectors, dtype=np.float32),
        units.astype(np.float32),
        min(k, len(units)),
        metric=faiss.METRIC_INNER_PRODUCT,
    )
    best: NDArray[np.float32] = scores
    return best


def _made(factory: str, dimension: int) -> Any:  # noqa: ANN401
    try:
        index = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
    except (RuntimeError, MemoryError, ValueError, OverflowError) as error:
        raise InputError(
            f"index {factory!r}: no FAISS factory string for inner products of dimension "
            f"{dimension}: {_reason(error)}"
        ) from error
    core = _core(index)
    if isinstance(core, faiss.IndexIDMap | faiss.IndexIDMap2):
        raise InputError(f"index {factory!r}: names rows by ids, expected one that numbers them")
    if isinstance(core, faiss.IndexIVF):
        core.cp.max_points_per_centroid = SAMPLE_ROWS_A_LIST
        core.cp.min_points_per_centroid = 1  # else faiss warns on the standard error
    return index


def _train(index: Any, sample: Embeddings) -> None:  # noqa: ANN401
    if not isinstance(index, faiss.IndexIVF):
        index.train(sample)
        return
    # centroids that have nothing of what all rows share take rows and queries that do as they are
    apart = apart_from_mean(sample)
    index.train_q1(len(apart), faiss.swig_ptr(apart), False, faiss.METRIC_INNER_PRODUCT)
    # codebooks are so small that threads wait for one another, on a busy machine most of the time
    with _threads.one():
        index.train(sample)


def _sample_rows(index: Any) -> int:  # noqa: ANN401
    core = _core(index)
    lists = int(core.nlist) if isinstance(core, faiss.IndexIVF) else 0
    wanted = max(LEAST_SAMPLE_ROWS, SAMPLE_ROWS_A_LIST * lists)
    return min(wanted, max(1, SAMPLE_BYTES // (4 * int(index.d))))


def _core(index: Any) -> Any:  # noqa: ANN401
    """What holds the rows, behind transforms and refinements."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexPreTransform):
        return _core(index.index)
    return _core(index.base_index) if isinstance(index, faiss.IndexRefine) else index


def _parameters(index: Any, breadth: int, k: int, selector: Any) -> Any:  # noqa: ANN401
    """Those of one search, which leave the index as it is; None where it takes none."""
    index = faiss.downcast_index(index)
    if isinstance(index, faiss.IndexPreTransform):
        inner = _parameters(index.index, breadth, k, selector)
        return inner and faiss.SearchParametersPreTransform(index_params=inner)
    if isinstance(index, faiss.IndexRefine):
        inner = _parameters(index.base_index, breadth, k, selector)
        return inner and faiss.IndexRefineSearchParameters(
            k_factor=index.k_factor, base_index_params=inner
        )
    chosen = {} if selector is None else {"sel": selector}
    if isinstance(index, faiss.IndexIVF):
        return faiss.SearchParametersIVF(nprobe=min(breadth, index.nlist), **chosen)
    if isinstance(index, faiss.IndexHNSW):
        wide = max(min(breadth, WIDEST_GRAPH_SEARCH), k)
        return faiss.SearchParametersHNSW(efSearch=wide, **chosen)
    return faiss.SearchParameters(**chosen) if chosen else None


def _mapped(path: Path, dimension: int) -> Any:  # noqa: ANN401
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except (RuntimeError, MemoryError) as error:
        raise CollectionError(f"{path}: damaged index") from error
    if index.d != dimension or index.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise CollectionError(f"{path}: index of dimension {index.d}, expected {dimension}")
    return index


def _reason(error: Exception) -> str:
    """The one sentence of FAISS's that is not about its source."""
    said = " ".join(str(error).split()) or type(error).__name__
    return said.rpartition("failed: ")[2].rpartition("Error: ")[2]


def exact_index(dimension: int, blocks: Sequence[Units]) -> FaissIndex:
    """Every vector as it is stored."""
    return FaissIndex.build(EXACT, dimension, StackedUnits(blocks))

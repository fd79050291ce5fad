"""The few calls of pymilvus that Pictor makes; no other file imports it.

Every call waits at most TIMEOUT_S, for a server that is away, too. Failures come out as
CollectionError, in one line with the address; without pymilvus InputError names the extra. Safe for
many threads. pymilvus's own log, which repeats each failure with a traceback, is silent.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from index.milvus.address import Address
from index.milvus.forms import Column, IndexKind, Kind, Row
from models.errors import CollectionError, InputError
from models.vectors import Embeddings

if TYPE_CHECKING:
    from pymilvus import MilvusClient

TIMEOUT_S = 10.0
RETRY_S = 2.0  # until a server that was away is asked again
PING_S = 330.0  # servers of gRPC close connections that ping more often than every 300 s
LOADING_S = 600.0  # for what builds or loads an index
BY_KEY = 1_000  # rows that are asked for by their keys at once
MOST = 16_384  # rows of one answer: Milvus's own limit
BATCH = 1_000  # rows of a full pass that are read together

RELEASED = ("'released'", "not loaded")

T = TypeVar("T")


class Client:
    def __init__(self, address: Address, token: str = "") -> None:
        """Raises CollectionError where nobody answers, or does not let this token in."""
        self.address = address
        pymilvus = _imported()
        self._failure = pymilvus.MilvusException
        self._types = pymilvus.DataType
        with self._failing():
            self._milvus: MilvusClient = pymilvus.MilvusClient(
                address.uri,
                token=token,
                db_name=address.database,
                timeout=TIMEOUT_S,
                grpc_options={
                    "grpc.max_reconnect_backoff_ms": round(1000 * RETRY_S),
                    "grpc.keepalive_time_ms": round(1000 * PING_S),
                },
            )
            version = self._milvus.get_server_version(timeout=TIMEOUT_S)
        self._halves = "lite" not in version  # Milvus Lite has no float16

    def close(self) -> None:
        self._milvus.close()

    def names(self) -> list[str]:
        with self._failing():
            return list(self._milvus.list_collections(timeout=TIMEOUT_S))

    def target(self, alias: str) -> str | None:
        """The collection that it names; itself where it is no alias."""
        if not self._has(alias):
            return None
        try:
            with self._failing():
                return str(self._milvus.describe_alias(alias, timeout=TIMEOUT_S)["collection_name"])
        except CollectionError:
            if alias in self.names():
                return alias
            raise

    def _has(self, name: str) -> bool:
        with self._failing():
            return bool(self._milvus.has_collection(name, timeout=TIMEOUT_S))

    def point(self, alias: str, name: str) -> None:
        """At once, for everybody."""
        with self._failing():
            if self._has(alias):
                self._milvus.alter_alias(name, alias, timeout=TIMEOUT_S)
            else:
                self._milvus.create_alias(name, alias, timeout=TIMEOUT_S)

    def drop(self, name: str) -> None:
        with self._failing():
            self._milvus.drop_collection(name, timeout=LOADING_S)

    def create(self, name: str, columns: Sequence[Column], index: IndexKind, shards: int) -> None:
        """Empty, and ready to be searched."""
        with self._failing():
            schema = self._milvus.create_schema(auto_id=False, enable_dynamic_field=False)
            for column in columns:
                schema.add_field(column.name, **self._form(column))
            indexes = self._milvus.prepare_index_params()
            for column in columns:
                if column.kind == "vector":
                    indexes.add_index(
                        column.name,
                        index_type=index.name,
                        metric_type="IP",
                        params=dict(index.parameters),
                    )
            self._milvus.create_collection(
                name,
                schema=schema,
                index_params=indexes,
                num_shards=shards,
                consistency_level="Strong",
                timeout=LOADING_S,
            )

    def _form(self, column: Column) -> Row:
        types = self._types
        vector = types.FLOAT16_VECTOR if self._halves else types.FLOAT_VECTOR
        forms: dict[Kind, Row] = {
            "key": {"datatype": types.VARCHAR, "max_length": column.size, "is_primary": True},
            "text": {"datatype": types.VARCHAR, "max_length": column.size},
            "texts": {
                "datatype": types.ARRAY,
                "element_type": types.VARCHAR,
                "max_length": column.size,
                "max_capacity": column.capacity,
            },
            "whole": {"datatype": types.INT64},
            "real": {"datatype": types.DOUBLE},
            "flag": {"datatype": types.BOOL},
            "json": {"datatype": types.JSON},
            "vector": {"datatype": vector, "dim": column.size},
        }
        return forms[column.kind]

    def write(self, name: str, rows: Sequence[Row]) -> None:
        """In place of those of the same keys; (dim,) float16 a vector."""
        if rows:
            with self._failing():
                self._milvus.upsert(name, [self._sent(row) for row in rows], timeout=LOADING_S)

    def insert(self, name: str, rows: Sequence[Row]) -> None:
        """Of keys that are not there; sooner than `write`."""
        if rows:
            with self._failing():
                self._milvus.insert(name, [self._sent(row) for row in rows], timeout=LOADING_S)

    def _sent(self, row: Row) -> Row:
        wide = np.float16 if self._halves else np.float32
        return {
            name: value.astype(wide) if isinstance(value, np.ndarray) else value
            for name, value in row.items()
        }

    def remove(self, name: str, keys: Sequence[str]) -> None:
        if keys:
            with self._failing():
                self._milvus.delete(name, ids=list(keys), timeout=TIMEOUT_S)

    def flush(self, name: str) -> None:
        """What was written is in segments, which the index is built over."""
        with self._failing():
            self._milvus.flush(name, timeout=LOADING_S)

    def count(self, name: str, where: str = "") -> int:
        (found,) = self._query(name, where, ["count(*)"])
        return int(found["count(*)"])

    def rows(self, name: str, where: str, columns: Sequence[str], most: int = MOST) -> list[Row]:
        """At most so many of those that satisfy it."""
        return self._query(name, where, columns, limit=most)

    def rows_of(self, name: str, keys: Sequence[str], columns: Sequence[str]) -> Iterator[Row]:
        """Those of these keys, which are hexadecimal or of our making, in no order."""
        for first in range(0, len(keys), BY_KEY):
            part = ",".join(f'"{key}"' for key in keys[first : first + BY_KEY])
            yield from self._query(name, f"id in [{part}]", columns)

    def _query(self, name: str, where: str, columns: Sequence[str], **more: Any) -> list[Row]:  # noqa: ANN401
        return self._loaded(
            name,
            lambda: list(
                self._milvus.query(
                    name,
                    filter=where,
                    output_fields=list(columns),
                    consistency_level=self.address.consistency,
                    timeout=TIMEOUT_S,
                    **more,
                )
            ),
        )

    def every(self, name: str, where: str, columns: Sequence[str]) -> Iterator[list[Row]]:
        """All that satisfy it, in parts."""
        passing = self._loaded(
            name,
            lambda: self._milvus.query_iterator(
                name,
                batch_size=BATCH,
                filter=where,
                output_fields=list(columns),
                consistency_level=self.address.consistency,
                timeout=TIMEOUT_S,
            ),
        )
        with contextlib.closing(passing):
            while True:
                with self._failing():
                    part = list(passing.next())
                if not part:
                    return
                yield part

    def nearest(  # noqa: PLR0913
        self,
        name: str,
        column: str,
        vectors: Embeddings,
        k: int,
        *,
        where: str,
        columns: Sequence[str],
        effort: Mapping[str, int],
    ) -> list[list[Row]]:
        """For each vector (n, dim), nearest first, at most k."""
        wide = np.float16 if self._halves else np.float32
        found: Iterable[Iterable[Any]] = self._loaded(
            name,
            lambda: self._milvus.search(
                name,
                data=[vector.astype(wide) for vector in vectors],
                anns_field=column,
                limit=min(k, MOST),
                filter=where,
                output_fields=list(columns),
                search_params={"metric_type": "IP", "params": dict(effort)},
                consistency_level=self.address.consistency,
                timeout=TIMEOUT_S,
            ),
        )
        return [[{"id": hit["id"], **hit["entity"]} for hit in hits] for hits in found]

    def _loaded(self, name: str, call: Callable[[], T]) -> T:
        """Milvus Lite has released what it held of a collection when it was started again."""
        with self._failing():
            try:
                return call()
            except self._failure as error:
                if not any(said in str(error.message) for said in RELEASED):
                    raise
            self._milvus.load_collection(name, timeout=LOADING_S)
            return call()

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except self._failure as error:
            reason = " ".join(str(error.message or error).split())[:300]
            raise CollectionError(f"{self.address}: {reason}") from error


def as_half(value: Any) -> NDArray[np.float16]:  # noqa: ANN401
    """(dim,): a vector as Milvus gives it, in whichever of its forms."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], bytes):
        value = value[0]
    if isinstance(value, bytes):
        return np.frombuffer(value, "<f2").astype(np.float16)
    return np.asarray(value, np.float16)


def _imported() -> Any:  # noqa: ANN401
    # processes that decode are forked: what grpc would do in each is in their way
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    try:
        import pymilvus  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "milvus:// needs an extra package: pip install 'pictor[milvus]'"
        ) from error
    # grpc's tells of each call that Milvus Lite, in this process, has not got, and does without
    for name in ("pymilvus", "grpc._server"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return pymilvus

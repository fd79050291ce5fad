"""The client for programs that wait for their answers."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx2

from pictor_client import calls
from pictor_client import models as answers
from pictor_client.calls import NewImage, Part, Picture
from pictor_client.errors import ProblemError, UnreachableError
from pictor_client.sending import Call, Retries, headers_of, result

T = TypeVar("T")
POLLED_EVERY_S = 0.5


class Pictor:
    """Of one server. Every method raises ProblemError for what the server refuses, with its code,
    and UnreachableError where no answer comes."""

    def __init__(
        self,
        address: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        retries: Retries | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._retries = retries or Retries()
        self._http = httpx2.Client(
            base_url=address, headers=headers_of(key), timeout=timeout_s, transport=transport
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def search(  # noqa: PLR0913  as many as the server takes
        self,
        text: str | Sequence[str] | None = None,
        image: Picture | None = None,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        min_score: float | None = None,
        composer: Part | None = None,
        mode: str | None = None,
        exclude: Sequence[Part] | None = None,
        filter: Part | None = None,  # noqa: A002
        crop: Sequence[float] | None = None,
    ) -> answers.SearchResponse:
        """By a text, by a picture (an item's id, bytes, a Path, what `keep` gave), or by a picture
        and what to change about it."""
        return self._ask(
            calls.search(
                text,
                image,
                limit=limit,
                cursor=cursor,
                min_score=min_score,
                composer=composer,
                mode=mode,
                exclude=exclude,
                filter=filter,
                crop=crop,
            )
        )

    def hits(
        self,
        text: str | Sequence[str] | None = None,
        image: Picture | None = None,
        **options: Any,  # noqa: ANN401  those of `search`
    ) -> Iterator[answers.SearchHit]:
        """All hits, best first, page by page as they are asked for."""
        page = self.search(text, image, **options)
        yield from page.hits
        while page.next_cursor is not None:
            page = self.search(text, image, **{**options, "cursor": page.next_cursor})
            yield from page.hits

    def keep(self, image: bytes | Path) -> answers.HandleAnswer:
        """Sends a picture once: what this gives stands for it in searches, for a while."""
        return self._ask(calls.keep(image))

    def kept_thumbnail(self, handle: str) -> bytes:
        """A small WebP."""
        return self._ask(calls.kept_thumbnail(handle))

    def add(
        self, images: Sequence[NewImage], *, wait: bool | None = None
    ) -> answers.AddAnswer | answers.JobAnswer:
        """Searches see them from then on; many become a job, unless `wait` is True."""
        return self._ask(calls.add(images, wait))

    def delete(self, item_id: str) -> None:
        self._ask(calls.delete(item_id))

    def job(self, job_id: str, *, first: int = 0, limit: int = 100) -> answers.JobAnswer:
        return self._ask(calls.job(job_id, first, limit))

    def wait_for(self, job: answers.JobAnswer, *, timeout_s: float = 600.0) -> answers.JobAnswer:
        """The job when it is done; raises TimeoutError."""
        until = time.monotonic() + timeout_s
        while job.status != "done":
            if time.monotonic() > until:
                raise TimeoutError(f"job {job.id} is {job.status} after {timeout_s:g} s")
            time.sleep(POLLED_EVERY_S)
            job = self.job(job.id)
        return job

    def item(self, item_id: str) -> answers.ItemAnswer:
        return self._ask(calls.item(item_id))

    def file(self, item_id: str) -> bytes:
        """The original, byte for byte."""
        return self._ask(calls.file(item_id))

    def thumbnail(self, item_id: str) -> bytes:
        """A small WebP."""
        return self._ask(calls.thumbnail(item_id))

    def heatmap(self, item_id: str, text: str) -> bytes:
        """Where a text is seen: a PNG to lay over the picture."""
        return self._ask(calls.heatmap(item_id, text))

    def heat(self, item_id: str, text: str) -> answers.HeatmapAnswer:
        """The same as numbers."""
        return self._ask(calls.heat(item_id, text))

    def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        order: str | None = None,
        filter: Part | None = None,  # noqa: A002
    ) -> answers.ListingAnswer:
        """One page of the collection."""
        return self._ask(calls.listing(filter, limit=limit, cursor=cursor, order=order))

    def items(self, **options: Any) -> Iterator[answers.ListedItem]:  # noqa: ANN401
        """The whole collection, page by page as it is asked for; options as of `list`."""
        page = self.list(**options)
        yield from page.items
        while page.next_cursor is not None:
            page = self.list(**{**options, "cursor": page.next_cursor})
            yield from page.items

    def facets(
        self,
        field: str,
        *,
        by: str | None = None,
        prefix: str | None = None,
        limit: int | None = None,
        filter: Part | None = None,  # noqa: A002
    ) -> answers.FacetsAnswer:
        return self._ask(calls.facets(filter, field=field, by=by, prefix=prefix, limit=limit))

    def overview(
        self,
        box: Sequence[float] = (0.0, 0.0, 1.0, 1.0),
        *,
        limit: int | None = None,
        filter: Part | None = None,  # noqa: A002
    ) -> answers.OverviewAnswer:
        """What lies in a box of the plane: left, top, right, bottom of 0 to 1."""
        asked = ",".join(map(str, box))
        return self._ask(calls.overview(filter, box=asked, limit=limit))

    def embeddings(self, *inputs: str | bytes | Path) -> answers.EmbeddingsResponse:
        """Of texts (str) and pictures (bytes or Path), in their order."""
        return self._ask(calls.embeddings(inputs))

    def collection(self) -> answers.CollectionAnswer:
        return self._ask(calls.collection())

    def models(self) -> answers.ModelsAnswer:
        return self._ask(calls.all_models())

    def model(self, name: str) -> answers.ModelAnswer:
        return self._ask(calls.model(name))

    def alive(self) -> answers.Health:
        return self._ask(calls.health("/livez"))

    def ready(self) -> answers.Health:
        return self._ask(calls.health("/readyz"))

    def begin_session(self, key: str) -> answers.SessionAnswer:
        """A cookie that this client keeps stands for the key from then on."""
        return self._ask(calls.begin_session(key))

    def end_session(self) -> None:
        self._ask(calls.end_session())

    def _ask(self, call: Call[T]) -> T:
        tried = 0
        while True:
            try:
                return result(call, self._http.request(call.method, call.path, **call.settings))
            except httpx2.TransportError as error:
                raise UnreachableError(f"{self._http.base_url}: {error}") from error
            except ProblemError as error:
                wait_s = self._retries.wait_s(tried, error)
                if wait_s is None:
                    raise
                time.sleep(wait_s)
                tried += 1

"""The client for programs that wait for many answers at once: the sync one with `await`."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
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


class AsyncPictor:
    """Of one server. Every method raises ProblemError for what the server refuses, with its code,
    and UnreachableError where no answer comes."""

    def __init__(
        self,
        address: str = "http://127.0.0.1:8000",
        *,
        key: str | None = None,
        timeout_s: float = 60.0,
        retries: Retries | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._retries = retries or Retries()
        self._http = httpx2.AsyncClient(
            base_url=address, headers=headers_of(key), timeout=timeout_s, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def search(  # noqa: PLR0913  as many as the server takes
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
        return await self._ask(
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

    async def hits(
        self,
        text: str | Sequence[str] | None = None,
        image: Picture | None = None,
        **options: Any,  # noqa: ANN401  those of `search`
    ) -> AsyncIterator[answers.SearchHit]:
        """All hits, best first, page by page as they are asked for."""
        page = await self.search(text, image, **options)
        for each in page.hits:
            yield each
        while page.next_cursor is not None:
            page = await self.search(text, image, **{**options, "cursor": page.next_cursor})
            for each in page.hits:
                yield each

    async def keep(self, image: bytes | Path) -> answers.HandleAnswer:
        """Sends a picture once: what this gives stands for it in searches, for a while."""
        return await self._ask(calls.keep(image))

    async def kept_thumbnail(self, handle: str) -> bytes:
        """A small WebP."""
        return await self._ask(calls.kept_thumbnail(handle))

    async def add(
        self, images: Sequence[NewImage], *, wait: bool | None = None
    ) -> answers.AddAnswer | answers.JobAnswer:
        """Searches see them from then on; many become a job, unless `wait` is True."""
        return await self._ask(calls.add(images, wait))

    async def delete(self, item_id: str) -> None:
        await self._ask(calls.delete(item_id))

    async def job(self, job_id: str, *, first: int = 0, limit: int = 100) -> answers.JobAnswer:
        return await self._ask(calls.job(job_id, first, limit))

    async def wait_for(
        self, job: answers.JobAnswer, *, timeout_s: float = 600.0
    ) -> answers.JobAnswer:
        """The job when it is done; raises TimeoutError."""
        until = time.monotonic() + timeout_s
        while job.status != "done":
            if time.monotonic() > until:
                raise TimeoutError(f"job {job.id} is {job.status} after {timeout_s:g} s")
            await asyncio.sleep(POLLED_EVERY_S)
            job = await self.job(job.id)
        return job

    async def item(self, item_id: str) -> answers.ItemAnswer:
        return await self._ask(calls.item(item_id))

    async def file(self, item_id: str) -> bytes:
        """The original, byte for byte."""
        return await self._ask(calls.file(item_id))

    async def thumbnail(self, item_id: str) -> bytes:
        """A small WebP."""
        return await self._ask(calls.thumbnail(item_id))

    async def heatmap(self, item_id: str, text: str) -> bytes:
        """Where a text is seen: a PNG to lay over the picture."""
        return await self._ask(calls.heatmap(item_id, text))

    async def heat(self, item_id: str, text: str) -> answers.HeatmapAnswer:
        """The same as numbers."""
        return await self._ask(calls.heat(item_id, text))

    async def list(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        order: str | None = None,
        filter: Part | None = None,  # noqa: A002
    ) -> answers.ListingAnswer:
        """One page of the collection."""
        return await self._ask(calls.listing(filter, limit=limit, cursor=cursor, order=order))

    async def items(self, **options: Any) -> AsyncIterator[answers.ListedItem]:  # noqa: ANN401
        """The whole collection, page by page as it is asked for; options as of `list`."""
        page = await self.list(**options)
        for each in page.items:
            yield each
        while page.next_cursor is not None:
            page = await self.list(**{**options, "cursor": page.next_cursor})
            for each in page.items:
                yield each

    async def facets(
        self,
        field: str,
        *,
        by: str | None = None,
        prefix: str | None = None,
        limit: int | None = None,
        filter: Part | None = None,  # noqa: A002
    ) -> answers.FacetsAnswer:
        return await self._ask(calls.facets(filter, field=field, by=by, prefix=prefix, limit=limit))

    async def overview(
        self,
        box: Sequence[float] = (0.0, 0.0, 1.0, 1.0),
        *,
        limit: int | None = None,
        filter: Part | None = None,  # noqa: A002
    ) -> answers.OverviewAnswer:
        """What lies in a box of the plane: left, top, right, bottom of 0 to 1."""
        asked = ",".join(map(str, box))
        return await self._ask(calls.overview(filter, box=asked, limit=limit))

    async def embeddings(self, *inputs: str | bytes | Path) -> answers.EmbeddingsResponse:
        """Of texts (str) and pictures (bytes or Path), in their order."""
        return await self._ask(calls.embeddings(inputs))

    async def collection(self) -> answers.CollectionAnswer:
        return await self._ask(calls.collection())

    async def models(self) -> answers.ModelsAnswer:
        return await self._ask(calls.all_models())

    async def model(self, name: str) -> answers.ModelAnswer:
        return await self._ask(calls.model(name))

    async def alive(self) -> answers.Health:
        return await self._ask(calls.health("/livez"))

    async def ready(self) -> answers.Health:
        return await self._ask(calls.health("/readyz"))

    async def begin_session(self, key: str) -> answers.SessionAnswer:
        """A cookie that this client keeps stands for the key from then on."""
        return await self._ask(calls.begin_session(key))

    async def end_session(self) -> None:
        await self._ask(calls.end_session())

    async def _ask(self, call: Call[T]) -> T:
        tried = 0
        while True:
            try:
                return result(
                    call, await self._http.request(call.method, call.path, **call.settings)
                )
            except httpx2.TransportError as error:
                raise UnreachableError(f"{self._http.base_url}: {error}") from error
            except ProblemError as error:
                wait_s = self._retries.wait_s(tried, error)
                if wait_s is None:
                    raise
                await asyncio.sleep(wait_s)
                tried += 1

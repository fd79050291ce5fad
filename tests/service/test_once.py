import asyncio

import pytest

from service.model.once import Once


class Maker:
    """Counts how often it begins; ends when the gate is open."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.gate = asyncio.Event()

    async def __call__(self) -> int:
        self.begun += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.begun


async def asking(once: Once[int], make: Maker, *keys: str) -> list[asyncio.Task[int]]:
    tasks = [asyncio.create_task(once.get(key, make)) for key in keys]
    await asyncio.sleep(0)  # they have asked
    await asyncio.sleep(0)  # what they asked for has begun
    return tasks


def test_what_several_ask_for_at_a_time_is_made_once() -> None:
    async def callers() -> None:
        once, make = Once[int](), Maker()
        tasks = await asking(once, make, "a", "a", "a", "b")
        make.gate.set()
        await asyncio.gather(*tasks)
        assert make.begun == 2
        assert await once.get("a", make) == 3  # nothing is kept

    asyncio.run(callers())


def test_one_of_them_may_leave_and_the_others_get_it() -> None:
    async def callers() -> None:
        once, make = Once[int](), Maker()
        leaves, stays = await asking(once, make, "a", "a")
        leaves.cancel()
        await asyncio.wait([leaves])
        make.gate.set()
        assert await stays == 1
        assert make.cancelled == 0

    asyncio.run(callers())


def test_when_the_last_has_left_it_is_given_up_and_made_anew_for_the_next() -> None:
    async def callers() -> None:
        once, make = Once[int](), Maker()
        tasks = await asking(once, make, "a", "a")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        (again,) = await asking(once, make, "a")
        make.gate.set()
        assert await again == 2
        assert make.cancelled == 1

    asyncio.run(callers())


def test_a_failure_reaches_all_of_them() -> None:
    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("no")

    async def callers() -> None:
        once = Once[int]()
        tasks = [asyncio.create_task(once.get("a", fail)) for _ in range(2)]
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in outcomes] == [ValueError] * 2
        with pytest.raises(ValueError, match="no"):
            await once.get("a", fail)

    asyncio.run(callers())

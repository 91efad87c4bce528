"""The window of requests: how many at once, and who goes first."""

import asyncio

from toolmark.benchmark.engine.request_window import Window


def test_the_first_in_order_goes_first_and_never_too_many() -> None:
    entered: list[int] = []
    inside = widest = 0

    async def request(window: Window, order: int) -> None:
        nonlocal inside, widest
        async with window.place(order):
            inside += 1
            widest = max(widest, inside)
            entered.append(order)
            await asyncio.sleep(0)
            inside -= 1

    async def all_at_once() -> None:
        window = Window(2)
        await asyncio.gather(*(request(window, order) for order in (9, 8, 3, 7, 1, 5)))

    asyncio.run(all_at_once())
    assert entered == [9, 8, 1, 3, 5, 7]
    assert widest == 2


def test_a_place_is_given_back_by_who_is_cancelled() -> None:
    async def run() -> None:
        window = Window(1)
        async with window.place(0):
            waiting = asyncio.ensure_future(_enter(window, 1))
            await asyncio.sleep(0)
        waiting.cancel()  # its place was granted in the same moment
        await asyncio.gather(waiting, return_exceptions=True)
        await asyncio.wait_for(_enter(window, 2), 10)

    asyncio.run(run())


def test_a_429_halves_once_a_second_and_answers_widen() -> None:
    window = Window(8)
    window.refused()
    window.refused()
    assert window.limit == 4
    for _ in range(100):
        window.answered()
    assert window.limit == 8


async def _enter(window: Window, order: int) -> None:
    async with window.place(order):
        return

"""A generator lent to a block: drawn from there alone, in this thread and task alone."""

from __future__ import annotations

import asyncio
import threading

import numpy as np

import tinygrad_jp as tj
from tinygrad_jp.autograd import random


def test_a_lent_generator_is_drawn_from_inside_the_block_alone():
    tj.manual_seed(3)
    expected = [tj.rand(2).tolist(), tj.rand(2).tolist()]
    tj.manual_seed(3)
    first = tj.rand(2).tolist()
    with random.using(np.random.default_rng(9)):
        lent = tj.rand(2).tolist()
        state = tj.get_rng_state()
        tj.rand(1)
        tj.set_rng_state(state)
    assert lent == np.random.default_rng(9).random(2, np.float32).tolist()
    assert [first, tj.rand(2).tolist()] == expected


def test_a_loan_ends_with_an_error_too():
    source = np.random.default_rng(9)
    try:
        with random.using(source):
            raise KeyError
    except KeyError:
        pass
    assert random.generator() is not source


def test_other_threads_and_tasks_do_not_see_it():
    source, seen = np.random.default_rng(9), []

    async def look():
        seen.append(random.generator() is source)

    async def lend():
        task = asyncio.create_task(look())
        with random.using(source):
            await task
            assert random.generator() is source

    asyncio.run(lend())
    with random.using(source):
        thread = threading.Thread(target=lambda: seen.append(random.generator() is source))
        thread.start()
        thread.join()
    assert seen == [False, False]

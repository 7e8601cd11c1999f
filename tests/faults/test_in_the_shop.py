"""Each operation of the shop × each trouble: nobody is charged twice, nothing is given unpaid, all is settled.

The judge is the emulator's books. ``STOREFRONT_FAULT_SEEDS=30`` plays that many drawn cases more, of two troubles one
after the other; ``STOREFRONT_SEED`` plays one again.
"""

import os
import random
from collections.abc import Callable

import pytest

from storefront.testing import Shop
from tests.faults.stories import OPERATIONS, Story
from tests.faults.troubles import ALL, Trouble

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRAWN = int(os.environ.get("STOREFRONT_FAULT_SEEDS", "4"))


@pytest.mark.parametrize("trouble", ALL, ids=lambda trouble: trouble.name)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_in_trouble_ends_well(shop: Shop, operation: str, trouble: Trouble) -> None:
    story = Story(shop, [trouble])

    await OPERATIONS[operation](story)

    await story.judge()


@pytest.mark.parametrize("number", range(DRAWN))
async def test_two_troubles_one_after_the_other_end_well(
    shop: Shop, number: int, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("STOREFRONT_SEED") or random.SystemRandom().randrange(2**32))
    draw = random.Random(seed)
    operation, troubles, times = draw.choice(sorted(OPERATIONS)), draw.sample(ALL, 2), draw.randint(1, 3)
    names = " then ".join(trouble.name for trouble in troubles)
    record_property("played", f"{operation} in {names}, {times} times each, STOREFRONT_SEED={seed}")
    story = Story(shop, troubles, times)

    await OPERATIONS[operation](story)

    await story.judge()

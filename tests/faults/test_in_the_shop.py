"""Each operation of the shop × each trouble: nobody is charged twice, nothing is given unpaid, all is settled."""

import pytest

from storefront.testing import Shop
from tests.faults.stories import OPERATIONS, Story
from tests.faults.troubles import ALL, Trouble

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("trouble", ALL, ids=lambda trouble: trouble.name)
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_an_operation_in_trouble_ends_well(shop: Shop, operation: str, trouble: Trouble) -> None:
    story = Story(shop, [trouble])

    await OPERATIONS[operation](story)

    await story.judge()

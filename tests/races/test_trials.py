"""Trials at once by accounts that share a card or a mailbox: one of them begins, the others are told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from storefront.testing import Shop, running_shop
from tests.mail.conftest import Inbox, give_address, mailing
from tests.shop.topping_up import save_method

MAILBOX, CARD = range(50), range(8)


@pytest.fixture
async def club(data_folder, database_url) -> AsyncIterator[Shop]:
    inbox = Inbox()
    await inbox.open()
    environ = {"SMTP_PORT": str(inbox.port)}
    async with running_shop(data_folder, mailing(), environ=environ, database=database_url) as shop:
        yield shop
    await inbox.close()


async def try_all(club, names) -> list[tuple[int, str | None]]:
    """Let all of them begin the same trial at once; return what each was told, in order."""
    asked = (club.as_customer(name).post("/v1/subscriptions", {"sku": "tried"}, key=f"try-{name}") for name in names)
    answers = await asyncio.gather(*asked)
    return sorted((answer.status, answer.json.get("code", "")) for answer in answers)


async def test_of_50_accounts_with_one_mailbox_and_of_8_with_one_card_one_each_has_a_trial(club):
    mailed = [f"mailed-{one}" for one in MAILBOX]
    for at, name in enumerate(mailed):
        await give_address(club, f"a{'.' * (at % 2)}da+{at}@gmail.com", customer=name)
    assert await try_all(club, mailed) == [(201, "")] + [(409, "trial_used")] * 49

    carded = [f"carded-{one}" for one in CARD]
    for name in carded:
        await save_method(club, customer=name)
    assert await try_all(club, carded) == [(201, "")] + [(409, "trial_used")] * 7
    trials = club.query("SELECT id FROM subscriptions WHERE billing_state = 'trialing'")
    assert len(trials) == 2

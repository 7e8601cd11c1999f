"""Operators at the same moment: nothing that is good once is good twice, and nobody gets in by what has just ended."""

import asyncio
import threading
from itertools import product

import pytest

from storefront.core.commit.outcome import Answer
from storefront.core.commit.plan import SHOP_ANCHOR, Plan
from storefront.core.errors import StorefrontError
from storefront.core.ids import new_id
from storefront.core.operators.people import change_role, end_operator, list_operators, take_back_operator
from storefront.core.operators.roles import OperatorRole
from storefront.core.operators.signing_in import make_link
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.console.visiting import MANY, PASSWORD, SHELL, Visitor, add, begin_window, link_for, signed_in


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, TINY_SHOP + MANY, database=database_url) as running:
        yield running


async def test_a_link_that_many_use_at_once_signs_one_in_and_of_many_made_at_once_one_is_good(shop):
    await add(shop, "support")
    code = await link_for(shop, "support@example.com")
    pages = await asyncio.gather(*(Visitor(shop).by_link(code) for _ in range(32)))
    assert sorted(page.status for page in pages) == [303, *[422] * 31]
    services = shop.parts.services
    made = await asyncio.gather(*(make_link(services, "support@example.com", actor=SHELL) for _ in range(8)))
    pages = [await Visitor(shop).by_link(code) for _, code, _ in made]
    assert sorted(page.status for page in pages) == [303, *[422] * 7]


async def test_a_code_that_32_use_at_once_is_good_for_one(shop):
    owner = await signed_in(shop, "owner")
    begin_window(shop)
    code = owner.code()
    pages = await asyncio.gather(*(Visitor(shop).by_password("owner@example.com", PASSWORD, code) for _ in range(32)))
    assert sum(page.status == 303 for page in pages) == 1


async def test_no_session_begun_by_an_old_password_outlives_it(shop):
    support = await signed_in(shop, "support")
    await support.act("/console/you/password", password=PASSWORD, again=PASSWORD)
    for turn in range(2):
        begin_window(shop)
        old, new = (PASSWORD, PASSWORD + "9") if turn % 2 == 0 else (PASSWORD + "9", PASSWORD)
        visitors = [Visitor(shop) for _ in range(9)]
        changed, *_ = await asyncio.gather(
            support.act("/console/you/password", password=new, again=new, proof=old),
            *(one.by_password("support@example.com", old) for one in visitors),
        )
        assert changed.to == "/console/you?says=password", changed.says
        assert [await one.is_in() for one in visitors] == [False] * 9
        assert await support.is_in()


async def test_of_two_owners_who_end_or_demote_each_other_at_once_one_stays(shop):
    services = shop.parts.services
    kept = ""
    for turn, (first, second) in enumerate(product((end_operator, demote), repeat=2)):
        ana, ben = [await add(shop, "owner", f"{name}-{turn}") for name in ("ana", "ben")]
        if turn == 0:
            assert await told(end_operator(services, ana.id, actor=SHELL)) == "done"
            assert await told(end_operator(services, ben.id, actor=SHELL)) == "last_owner"
            assert await told(demote(services, ben.id, actor=SHELL)) == "last_owner"
            await take_back_operator(services, ana.id, actor=SHELL)
        else:
            await end_operator(services, kept, actor=SHELL)
        found = await asyncio.gather(
            told(first(services, ana.id, actor=ben.caller)), told(second(services, ben.id, actor=ana.caller))
        )
        assert sorted(found) in (["conflict", "done"], ["done", "last_owner"])
        (kept,) = (one.id for one in await list_operators(services) if one.role == "owner" and one.ended_at is None)


async def demote(services, named, *, actor):
    return await change_role(services, named, OperatorRole.READ_ONLY, actor=actor)


async def told(work):
    """Return what came of it: done, or the code of what was refused."""
    try:
        await work
    except StorefrontError as refused:
        return refused.code
    return "done"


@pytest.mark.parametrize("how", ["ended", "demoted"])
async def test_an_act_that_waits_while_its_operator_is_ended_or_demoted_does_nothing(tmp_path, how):
    async with running_shop(tmp_path, TINY_SHOP) as shop:
        await shop.bought("gems-500")
        finance, services = await signed_in(shop, "finance"), shop.parts.services
        customer = f"/console/customers/{shop.query('SELECT id FROM customers')[0]['id']}"
        form = {"csrf": await finance.csrf(), "key": new_id("key"), "asset": "gems", "amount": "120",
                "reason": "asked for", "sure": "yes"}  # fmt: skip
        begun, goes_on = threading.Event(), threading.Event()
        held = Plan(actor=SHELL, anchors={SHOP_ANCHOR})
        held.answer = lambda outcome: (begun.set(), goes_on.wait(), Answer(200, b""))[2]
        holding = asyncio.create_task(services.engine.commit(held))
        await shop.until(begun.is_set)
        change = end_operator if how == "ended" else demote
        changing = asyncio.create_task(change(services, finance.operator.id, actor=SHELL))
        await shop.until(lambda: services.engine.waiting == 1)
        acting = asyncio.create_task(finance.post(f"{customer}/adjust", form))
        await shop.until(lambda: services.engine.waiting == 2)
        goes_on.set()
        page, *_ = await asyncio.gather(acting, changing, holding)
        assert (page.status, "Your role was changed, or ended" in page.says) == (403, True), page.says
        assert shop.balance("customer:ada:gems") == 500

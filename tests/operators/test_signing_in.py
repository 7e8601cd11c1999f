"""How operators get in, and what keeps everybody else out: once, in time, and not by guessing."""

import asyncio
import re

import pyotp
import pytest

from storefront.core.operators.people import end_operator, take_back_operator
from storefront.testing import running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.console.visiting import MANY, PASSWORD, SHELL, WRONG, Visitor, add, begin_window, link_for, signed_in

USED = "This sign-in link was used, or is too old."


@pytest.fixture
async def shop(data_folder, database_url):
    async with running_shop(data_folder, TINY_SHOP + MANY, database=database_url) as running:
        yield running


def actions(shop):
    return [row["action"] for row in shop.query("SELECT action FROM audit_actions ORDER BY id")]


async def test_a_link_signs_in_once_within_an_hour_and_a_newer_one_ends_it(shop):
    await add(shop, "support")
    old, new = await link_for(shop, "support@example.com"), await link_for(shop, "support@example.com")
    here = Visitor(shop)
    refused = await here.by_link(old)
    assert (refused.status, here.cookies) == (422, {})
    assert USED in refused.says
    assert ((await here.by_link(new)).to, await here.is_in()) == ("/console", True)
    assert (await Visitor(shop).by_link(new)).status == 422
    late = await link_for(shop, "support@example.com")
    shop.wall.move(3600)
    assert (await Visitor(shop).by_link(late)).status == 422
    assert (await Visitor(shop).by_link(f"opl_{'a' * 43}")).status == 422
    assert actions(shop) == ["operator.added", *["operator.link_made"] * 2, "operator.signed_in", "operator.link_made"]


async def test_an_operator_that_ended_comes_back_by_a_new_link_alone(shop):
    here = await signed_in(shop, "support")
    before = await link_for(shop, "support@example.com")
    await end_operator(shop.parts.services, "support@example.com", actor=SHELL)
    assert not await here.is_in()
    assert (await Visitor(shop).by_link(before)).status == 422
    await take_back_operator(shop.parts.services, "support@example.com", actor=SHELL)
    assert not await here.is_in()
    assert (await Visitor(shop).by_link(before)).status == 422
    assert (await here.by_link(await link_for(shop, "support@example.com"))).status == 303


async def test_login_password_and_code_must_all_be_right_and_nobody_learns_which_is_not(shop):
    owner = await signed_in(shop, "owner")
    code = owner.code()
    wrong = str((int(code) + 1) % 1_000_000).zfill(6)
    for login, password, typed in (
        ("owner@example.com", PASSWORD, ""),
        ("owner@example.com", PASSWORD, wrong),
        ("owner@example.com", PASSWORD + "9", code),
        ("owner@example.com", "", code),
        ("nobody@example.com", PASSWORD, code),
    ):
        here = Visitor(shop)
        page = await here.by_password(login, password, typed)
        assert (page.status, here.cookies) == (422, {}), (login, password, typed)
        assert password == "" or WRONG in page.says
        assert password not in page.html or password == ""
    here = Visitor(shop)
    assert (await here.by_password(" OWNER@example.com ", PASSWORD, f"{code[:3]} {code[3:]}")).to == "/console"
    assert (await here.get("/console/settings/operators")).status == 200
    assert (await Visitor(shop).by_password("owner@example.com", PASSWORD, code)).status == 422  # used


async def test_an_app_may_be_half_a_minute_wrong_each_way_and_an_older_code_is_not_taken_after_a_newer(shop):
    owner = await signed_in(shop, "owner")
    shop.wall.move(120)
    totp = pyotp.TOTP(owner.secret)
    for by, is_good in ((-2, False), (2, False), (-1, True), (0, True), (1, True), (0, False)):
        now = shop.wall() // 1000
        page = await Visitor(shop).by_password("owner@example.com", PASSWORD, totp.at(now + 30 * by))
        assert (page.status == 303) is is_good, by


async def test_money_cannot_be_handled_before_codes_are_set_up_and_a_rise_asks_for_them(shop):
    owner = await signed_in(shop, "owner", "ana@example.com")
    finance, support = Visitor(shop), await signed_in(shop, "support")
    await add(shop, "finance")
    await finance.by_link(await link_for(shop, "finance@example.com"))
    for path in ("/console", "/console/purchases", "/console/payouts/none"):
        assert (await finance.get(path)).to in ("/console/you", None), path
    assert (await finance.get("/console")).to == "/console/you"
    assert (await finance.get("/console/exports/purchases?format=csv")).status == 403
    assert (await finance.act("/console/settings/operators/end", id="ana@example.com")).status == 403
    assert (await finance.act("/console/purchases/pur_1/refund", reason="x")).to == "/console/you"
    await finance.set_up()
    assert (await finance.get("/console")).status == 200

    risen = await owner.act("/console/settings/operators/role", login="support@example.com", role="finance")
    assert risen.to == "/console/settings/operators?says=changed"
    assert not await support.is_in()
    fallen = await owner.act("/console/settings/operators/role", login="finance@example.com", role="read_only")
    assert fallen.status == 303
    assert await finance.is_in()
    assert (await finance.get("/console/purchases")).status == 200
    assert (await finance.act("/console/purchases/pur_1/refund", reason="x")).status == 403


async def test_codes_kept_under_another_pepper_are_set_up_anew_by_a_link(shop, data_folder):
    owner = await signed_in(shop, "owner")
    pepper = next(data_folder.rglob("api_keys.pepper"))
    pepper.write_bytes(bytes(32))
    await shop.restart()
    assert (await Visitor(shop).by_password("owner@example.com", PASSWORD, owner.code())).status == 422
    assert await owner.is_in()
    again = Visitor(shop)
    assert (await again.by_link(await link_for(shop, "owner@example.com"))).to == "/console"
    again.secret = re.findall(r'name="secret" value="([A-Z2-7]+)"', (await again.get("/console/you")).html)[0]
    done = await again.act("/console/you/codes", secret=again.secret, code=again.code())
    assert done.to == "/console/you?says=codes", done.says
    assert (await Visitor(shop).by_password("owner@example.com", PASSWORD, again.code())).status == 303


async def test_of_64_guesses_at_once_ten_are_looked_at_in_a_quarter_of_an_hour(shop):
    support = await signed_in(shop, "support")
    await support.act("/console/you/password", password=PASSWORD, again=PASSWORD)
    begin_window(shop)
    pages = await asyncio.gather(*(Visitor(shop).by_password("support@example.com") for _ in range(64)))
    assert sorted(page.status for page in pages) == [*[303] * 10, *[422] * 54]
    assert {WRONG in page.says for page in pages if page.status == 422} == {True}
    assert await support.is_in()
    assert (await Visitor(shop).by_link(await link_for(shop, "support@example.com"))).status == 303
    assert (await Visitor(shop).by_password("support@example.com")).status == 422
    shop.wall.move(900)
    assert (await Visitor(shop).by_password("support@example.com")).status == 303

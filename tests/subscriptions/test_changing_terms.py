"""Who may choose what of a change; previews that are pinned; mistakes in requests and in the YAML."""

import pytest

from storefront.core.config import ConfigError
from storefront.testing import PUBLISHABLE_KEY, running_shop

from .changing import CHANGING, DAY, FAMILIES, amounts, ask, change, charged, look
from .subscribing import see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


REFUSED = [
    ({"tier": "potion"}, "/tier"),
    ({"tier": "taster"}, "/tier"),
    ({"tier": "silver", "interval": "week"}, "/interval"),
    ({"tier": "silver", "interval": "fortnight"}, "/interval"),
    ({"tier": "silver", "seats": 2}, "/seats"),
    ({"tier": "silver", "seats": 0}, "/seats"),
    ({"tier": "silver", "currency": "EUR"}, "/currency"),
    ({"tier": "silver", "timing": "period_end"}, "/timing"),
    ({"tier": "silver", "money": "none"}, "/money"),
    ({"tier": "silver", "timing": "now", "money": "next_invoice"}, "/timing"),
    ({"tier": "silver", "timing": "later"}, "/timing"),
    ({"tier": "silver", "token": "x"}, "/tier"),
    ({}, "/tier"),
    ({"interval": "year"}, "/tier"),
]


async def test_what_a_customer_may_not_ask_for_is_refused_and_nothing_is_written(club):
    subscription = await subscribe(club, "bronze")
    await club.quiet()
    before = club.rows()
    for body, pointer in REFUSED:
        answer = await ask(club, subscription, **body)
        found = [one["pointer"] for one in answer.json["errors"]][:1]
        assert (body, answer.status, found) == (body, 422, [pointer])
    assert club.rows() == before


async def test_a_customer_may_choose_what_the_shop_lets_them_and_a_server_anything(club):
    subscription = await subscribe(club, "gold")
    club.wall.move(15 * DAY)
    await change(club, subscription, "silver", timing="now", money="charge_now")
    assert ((await see(club, subscription))["sku"], await charged(club)) == ("silver", [3000])
    waiting = await ask(club, subscription, "gold", by=club.as_server(), timing="period_end")
    assert waiting.json["pending_change"]["timing"] == "period_end"
    await change(club, subscription, "gold", by=club.as_server(), money="none")
    assert ((await see(club, subscription))["sku"], await charged(club)) == ("gold", [3000])


async def test_a_token_that_a_server_was_shown_may_be_used_by_its_customer(club):
    subscription = await subscribe(club, "bronze")
    path = f"/v1/subscriptions/{subscription}/preview"
    seen = (await club.as_server().post(path, {"tier": "silver", "money": "none"})).json
    assert seen["total"]["amount"] == 0
    await change(club, subscription, None, token=seen["token"])
    assert ((await see(club, subscription))["sku"], await charged(club)) == ("silver", [1000])


async def test_a_preview_writes_nothing_and_is_pinned_for_ten_minutes(club):
    subscription = await subscribe(club, "bronze")
    await club.quiet()
    before = club.rows()
    club.wall.move(15 * DAY)
    seen = await look(club, subscription, "silver")
    club.wall.move(9 * 60)
    assert club.rows() == before
    await change(club, subscription, None, token=seen["token"])
    made = club.query("SELECT at, credit, charge FROM subscriptions_changes")[0]
    assert ([made["charge"], -made["credit"]], await charged(club)) == (amounts(seen), [1000, 500])


async def test_a_token_is_good_once_for_its_own_subscription_and_for_ten_minutes(club):
    first = await subscribe(club, "bronze")
    second = await subscribe(club, "bronze", customer="bob")
    seen = await look(club, first, "silver")
    theirs = await ask(club, second, by=club.as_customer("bob"), token=seen["token"])
    assert (theirs.status, theirs.json["code"]) == (409, "change_outdated")
    forged = await ask(club, first, token=seen["token"][:-4] + "AAAA")
    session = await ask(club, first, token=await club.session())
    assert [(one.status, one.json["code"]) for one in (forged, session)] == [(422, "bad_token")] * 2
    await change(club, first, None, token=seen["token"])
    again = await ask(club, first, token=seen["token"])
    assert (again.status, again.json["code"]) == (409, "change_outdated")
    late = await look(club, first, "gold")
    club.wall.move(10 * 60)
    over = await ask(club, first, token=late["token"])
    assert (over.status, over.json["code"]) == (422, "bad_token")
    assert (await see(club, first))["sku"] == "silver"


async def test_a_refund_after_the_preview_makes_it_outdated(club):
    subscription = await subscribe(club, "bronze")
    seen = await look(club, subscription, "silver")
    purchase = (await club.as_customer().get(f"/v1/subscriptions/{subscription}/invoices")).json["data"][0]["purchase"]
    body = {"reason": "asked", "amount": 400}
    assert (await club.as_server().post(f"/v1/purchases/{purchase}/refunds", body, key="back")).status == 201
    answer = await ask(club, subscription, token=seen["token"])
    assert (answer.status, answer.json["code"]) == (409, "change_outdated")


async def test_what_is_so_already_is_no_change_and_what_is_over_cannot_be_changed(club):
    subscription = await subscribe(club, "bronze")
    same = await ask(club, subscription, "bronze")
    assert (same.status, same.json["code"]) == (409, "nothing_to_change")
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {"at": "now"})
    over = await ask(club, subscription, "silver")
    assert (over.status, over.json["code"]) == (409, "subscription_over")
    unpaid = await subscribe(club, "bronze", card=None)
    begun = await ask(club, unpaid, "silver")
    assert (begun.status, begun.json["code"]) == (409, "payment_due")


async def test_strangers_and_other_customers_change_nothing(club):
    subscription = await subscribe(club, "bronze")
    path = f"/v1/subscriptions/{subscription}"
    bob, stranger = club.as_customer("bob"), club.bearing(PUBLISHABLE_KEY)
    await bob.get("/v1/me")
    await club.quiet()
    before = club.rows()
    for caller, status in ((bob, 404), (stranger, 403)):
        answers = (
            await caller.post(f"{path}/preview", {"tier": "silver"}),
            await caller.post(f"{path}/change", {"tier": "silver"}, key="k"),
            await caller.delete(f"{path}/change"),
        )
        assert [answer.status for answer in answers] == [status] * 3
    assert club.rows() == before


WRONG = {
    "pairs: [{from: bronze, to: potion}]": "families.club.pairs[0].to: potion is no tier of club",
    "pairs: [{from: bronze, to: nobody}]": "families.club.pairs[0].to",
    "pairs: [{from: bronze, to: bronze}]": "families.club.pairs[0].to: is the tier before",
    "pairs: [{from: bronze, to: silver}, {from: bronze, to: silver}]": "families.club.pairs[1]: is there already",
    "changes: {upgrade: {timing: period_end, money: none}}": "upgrade.money: means nothing at a period's end",
    "changes: {downgrade: {money: none}}": "downgrade.money: means nothing at a period's end",
    "changes: {interval: {money: none}}": "interval.money: an interval that changes now",
    "changes: {sideways: {}}": "families.club.changes.sideways",
    "changes: {upgrade: {timing: later}}": "upgrade.timing: must be one of",
    "changes: {upgrade: {choices: [{timing: period_end, money: none}]}}": "choices[0].money: means nothing",
}


@pytest.mark.parametrize("line", WRONG)
async def test_a_mistake_in_the_yaml_says_what_and_where(tmp_path, line):
    with pytest.raises(ConfigError) as error:
        async with running_shop(tmp_path, CHANGING.replace(FAMILIES, f"{{club: {{{line}}}}}\n")):
            pass
    assert WRONG[line] in str(error.value)


OFFERS = {
    "x: {kind: subscription, family: club, title: X, free: true, beside: x}": "offers.x.beside: is the tier itself",
    "x: {kind: subscription, family: club, title: X, free: true, beside: tin}": (
        "offers.x.beside: tin is no tier of club"
    ),
    "x: {kind: subscription, family: club, title: X, free: true, beside: opal}": (
        "offers.x.beside: opal stands beside silver itself"
    ),
}


@pytest.mark.parametrize("line", OFFERS)
async def test_what_a_tier_stands_beside_is_another_of_its_family(tmp_path, line):
    with pytest.raises(ConfigError) as error:
        async with running_shop(tmp_path, CHANGING.replace("promo_codes:", f"  {line}\npromo_codes:")):
            pass
    assert OFFERS[line] in str(error.value)


async def test_a_family_that_no_tier_has_is_a_mistake(tmp_path):
    with pytest.raises(ConfigError) as error:
        async with running_shop(tmp_path, CHANGING.replace(FAMILIES, "{clubs: {changes: {}}}\n")):
            pass
    assert "families.clubs: no tier is of this family" in str(error.value)

"""Pausing and resuming: no access, no charge meanwhile; a new period afterwards, and what was paid is not lost."""

import pytest
from storefront_sdk import Conflict, StorefrontClient

from storefront.control.desk import Desk
from storefront.core.config import ConfigError
from storefront.testing import SERVER_KEY, running_shop
from tests.shop.topping_up import save_method

from .changing import CHANGING, charged, pass_days
from .pausing import PAUSING, ask_pause, days_from, paused, resumed
from .subscribing import events, invoices, may, see, subscribe


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, PAUSING, database=database_url) as shop:
        yield shop


async def test_paused_at_once_it_gives_nothing_and_what_was_paid_for_the_rest_pays_the_period_after(club):
    subscription = await subscribe(club, "bronze")
    await pass_days(club, 12)
    found = await paused(club, subscription)
    assert (found["billing_state"], found["has_access"], found["will_renew"]) == ("paused", False, False)
    assert found["credit"] == {"amount": 600, "currency": "USD"}
    assert not await may(club, "lounge")
    await pass_days(club, 40)
    assert await charged(club) == [1000]
    again = await resumed(club, subscription)
    assert (again["billing_state"], again["has_access"], again["pause"]) == ("active", True, None)
    assert again["period_end"] == days_from(again["period_start"], 30)
    assert await may(club, "lounge")
    assert await charged(club) == [1000, 400]
    await pass_days(club, 31)
    assert await charged(club) == [1000, 400, 1000]
    assert [one for one in events(club) if one in ("paused", "resume_ordered", "resumed", "renewed")] == [
        "paused", "resume_ordered", "resumed", "renewed",
    ]  # fmt: skip


async def test_paused_with_its_period_it_gives_what_is_paid_and_goes_on_by_itself_at_its_date(club):
    subscription = await subscribe(club, "bronze")
    before = await see(club, subscription)
    wanted = days_from(before["period_end"], 20)
    waits = (await ask_pause(club, subscription, resume_at=wanted)).json
    assert (waits["billing_state"], waits["access_until"], waits["will_renew"]) == (
        "active", before["period_end"], False,
    )  # fmt: skip
    assert (waits["pause"]["state"], waits["pause"]["resume_at"]) == ("scheduled", wanted)
    await pass_days(club, 29)
    assert await may(club, "lounge")
    await pass_days(club, 2)
    assert ((await see(club, subscription))["billing_state"], await may(club, "lounge")) == ("paused", False)
    await pass_days(club, 17)
    assert events(club)[-1] == "resume_upcoming"
    await pass_days(club, 3)
    found = await see(club, subscription)
    assert (found["billing_state"], await charged(club)) == ("active", [1000, 1000])
    assert found["period_start"] >= wanted


async def test_a_server_that_was_down_for_all_of_a_pause_begins_the_period_after_it_once(club):
    subscription = await subscribe(club, "bronze")
    before = await see(club, subscription)
    await ask_pause(club, subscription, resume_at=days_from(before["period_end"], 10))
    await club.stop()
    club.wall.move(50 * 86_400)
    await club.start()
    await club.quiet()
    found = await see(club, subscription)
    assert (found["billing_state"], await charged(club)) == ("active", [1000, 1000])
    assert found["period_start"] > days_from(before["period_end"], 19)


async def test_what_is_to_pause_is_taken_back_and_renews(club):
    subscription = await subscribe(club, "bronze")
    before = await see(club, subscription)
    await ask_pause(club, subscription)
    back = await resumed(club, subscription)
    assert (back["pause"], back["will_renew"], back["access_until"]) == (None, True, before["access_until"])
    await pass_days(club, 31)
    assert await charged(club) == [1000, 1000]


async def test_with_its_anchor_kept_only_the_rest_of_the_running_period_is_paid_and_the_days_stay(club):
    subscription = await subscribe(club, "bronze")
    before = await see(club, subscription)
    await pass_days(club, 10)
    await paused(club, subscription)
    await pass_days(club, 35)  # 15 days of the second period are left
    again = await resumed(club, subscription, keep_anchor=True)
    assert again["period_end"] == days_from(before["period_start"], 60)
    assert again["credit"]["amount"] == pytest.approx(167, abs=2)  # of 667, less half a period
    assert await charged(club) == [1000]
    path = f"/v1/subscriptions/{subscription}/preview"
    seen = (await club.as_customer().post(path, {"tier": "silver"})).json
    assert [line["total"]["amount"] for line in seen["lines"]][:2] == pytest.approx([1000, -500], abs=2)
    await pass_days(club, 16)
    assert (await see(club, subscription))["period_start"] == days_from(before["period_start"], 60)
    assert [one["state"] for one in await invoices(club, subscription)] == ["paid"] * 3


async def test_gems_go_back_to_their_lots_and_pay_the_period_after(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 600, "reason": "start"}
    assert (await club.as_server().post("/v1/grants", grant, key="start")).status == 201
    subscription = await subscribe(club, "bronze", currency="gems")
    await pass_days(club, 15)
    await paused(club, subscription)
    me = (await club.as_customer().get("/v1/me")).json
    assert me["wallets"]["gems"]["balance"] == pytest.approx(450, abs=1)
    await pass_days(club, 3)
    assert (await resumed(club, subscription))["billing_state"] == "active"
    me = (await club.as_customer().get("/v1/me")).json
    assert me["wallets"]["gems"]["balance"] == pytest.approx(150, abs=1)


async def test_a_trial_that_ends_without_a_method_is_paused_and_resumes_once_there_is_one(club):
    subscription = await subscribe(club, "taster")
    await pass_days(club, 15)
    found = await see(club, subscription)
    assert (found["billing_state"], found["has_access"], found["pause"]["cause"]) == ("paused", False, "no_method")
    answer = await club.as_customer().post(f"/v1/subscriptions/{subscription}/resume", {})
    assert (answer.status, answer.json["code"]) == (409, "no_payment_method")
    await save_method(club)
    await club.quiet()
    assert (await see(club, subscription))["billing_state"] == "paused"
    assert (await resumed(club, subscription))["billing_state"] == "active"
    assert await charged(club) == [500]
    await pass_days(club, 31)
    assert await charged(club) == [500, 500]


async def test_what_is_due_is_void_once_a_server_pauses_and_no_attempt_is_made_meanwhile(club):
    subscription = await subscribe(club, "bronze")
    card = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(card, "4000000000009995")
    await pass_days(club, 31)
    assert (await see(club, subscription))["billing_state"] == "past_due"
    refused = await ask_pause(club, subscription, at="now")
    assert (refused.status, refused.json["code"]) == (409, "payment_due")
    found = await paused(club, subscription, by=club.as_server(), at="period_end")
    assert (found["billing_state"], found["has_access"], found["next_attempt_at"]) == ("paused", False, None)
    await pass_days(club, 200)
    found = await see(club, subscription)
    assert (found["billing_state"], found["pause"]["resume_at"]) == ("paused", None)
    assert [(one["state"], one["attempts"]) for one in await invoices(club, subscription)] == [("void", 1), ("paid", 1)]
    again = await resumed(club, subscription)  # the card declines still: due, without a grace
    assert (again["billing_state"], again["has_access"], again["pause"]["state"]) == ("past_due", False, "resuming")
    await club.sandbox.turn_card(card, "4242424242424242")
    await pass_days(club, 3)
    found = await see(club, subscription)
    assert (found["billing_state"], found["has_access"], await charged(club)) == ("active", True, [1000, 1000])
    assert found["period_start"] > again["created_at"]
    assert found["period_end"] == days_from(found["period_start"], 30)


async def test_a_pause_that_nobody_can_charge_out_of_ends_like_any_renewal_and_gives_nothing(club):
    subscription = await subscribe(club, "bronze")
    card = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await pass_days(club, 29)
    await paused(club, subscription)
    await club.sandbox.turn_card(card, "4000000000009995")
    await resumed(club, subscription)
    for _ in range(12):
        await pass_days(club, 2)
        assert not await may(club, "lounge")
    assert (await see(club, subscription))["billing_state"] == "canceled"


async def test_what_customers_may_not_ask_for_is_refused_and_nothing_is_written(club):
    subscription = await subscribe(club, "bronze")
    before = await see(club, subscription)
    await club.as_customer("bob").get("/v1/me")
    await club.quiet()
    rows, mine = club.rows(), club.as_customer()
    for body, status, said in (
        ({"at": "now", "resume_at": days_from(before["period_start"], 91)}, 409, "pause_too_long"),
        ({"resume_at": days_from(before["period_end"], -1)}, 422, "invalid_request"),
        ({"at": "now", "resume_at": "soon"}, 422, "invalid_request"),
        ({"at": "later"}, 422, "invalid_request"),
    ):
        answer = await ask_pause(club, subscription, **body)
        assert (body, answer.status, answer.json["code"]) == (body, status, said)
    for act in ("pause", "resume"):
        theirs = await club.as_customer("bob").post(f"/v1/subscriptions/{subscription}/{act}", {})
        assert (theirs.status, theirs.json["code"]) == (404, "not_found")
    assert club.rows() == rows
    await mine.post(f"/v1/subscriptions/{subscription}/cancel", {})
    ends = await ask_pause(club, subscription)
    assert (ends.status, ends.json["code"]) == (409, "ends_with_period")
    unpaid = await subscribe(club, "bronze", card=None, customer="cleo")
    begun = await ask_pause(club, unpaid, by=club.as_server())
    assert (begun.status, begun.json["code"]) == (409, "payment_due")


async def test_where_the_yaml_does_not_let_them_customers_do_not_pause_and_a_server_does(data_folder, database_url):
    config = PAUSING.replace("customers: true", "customers: false")
    async with running_shop(data_folder, config, database=database_url) as club:
        subscription = await subscribe(club, "bronze")
        refused = await ask_pause(club, subscription)
        assert (refused.status, refused.json["code"]) == (403, "pausing_not_offered")
        found = await paused(club, subscription, by=club.as_server())
        assert (found["billing_state"], found["pause"]["resume_at"]) == ("paused", None)
        assert (await resumed(club, subscription))["billing_state"] == "active"


async def test_while_it_is_paused_a_change_is_refused_and_a_cancel_ends_it_with_its_credit_kept(club):
    subscription = await subscribe(club, "bronze")
    await pass_days(club, 15)
    found = await paused(club, subscription)
    path = f"/v1/subscriptions/{subscription}"
    for answer in (
        await club.as_customer().post(f"{path}/preview", {"tier": "silver"}),
        await club.as_customer().post(f"{path}/change", {"tier": "silver"}, key="k"),
    ):
        assert (answer.status, answer.json["code"]) == (409, "subscription_paused")
    moved = (await ask_pause(club, subscription, resume_at=days_from(found["pause"]["starts_at"], 40))).json
    assert moved["pause"]["resume_at"] == days_from(found["pause"]["starts_at"], 40)
    await club.quiet()
    over = (await club.as_customer().post(f"{path}/cancel", {})).json
    assert (over["billing_state"], over["has_access"], over["pause"], over["credit"]["amount"]) == (
        "canceled", False, None, 500,
    )  # fmt: skip
    await subscribe(club, "bronze")
    assert await charged(club) == [1000, 500]


async def test_an_agreed_lower_tier_begins_when_it_goes_on_and_its_first_pause_is_told_of_no_renewal(club):
    subscription = await subscribe(club, "silver")
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/change", {"tier": "bronze"}, key="down")
    await ask_pause(club, subscription)
    await pass_days(club, 31)
    assert (await see(club, subscription))["pending_change"]["tier"] == "bronze"
    found = await resumed(club, subscription)
    assert (found["sku"], found["pending_change"], await charged(club)) == ("bronze", None, [2000, 1000])
    assert not [one for one in events(club) if one in ("renewal_upcoming", "renewal_failed", "renewed")]


async def test_of_money_that_goes_back_after_a_pause_no_credit_is_left(club):
    subscription = await subscribe(club, "bronze")
    await pass_days(club, 15)
    await paused(club, subscription)
    paid = (await invoices(club, subscription))[0]["purchase"]
    body = {"reason": "asked", "amount": 800}
    assert (await club.as_server().post(f"/v1/purchases/{paid}/refunds", body, key="back")).status == 201
    await club.quiet()
    assert (await see(club, subscription))["credit"]["amount"] == 200
    await paused(club, subscription)
    assert (await see(club, subscription))["credit"]["amount"] == 200


async def test_a_game_pauses_and_resumes_by_the_sdk_and_figures_count_nobody_who_is_paused(club):
    subscription = await subscribe(club, "bronze")
    async with StorefrontClient(club.url, key=SERVER_KEY) as server:
        waits = await server.subscriptions.pause(subscription, keep_anchor=True)
        assert (waits.billing_state, waits.will_renew, waits.pause.state) == ("active", False, "scheduled")
        assert (await server.subscriptions.resume(subscription)).pause is None
        held = await server.subscriptions.pause(subscription, at="now", resume_at="2040-01-01T00:00:00Z")
        assert (held.billing_state, held.has_access, held.pause.keep_anchor) == ("paused", False, False)
        with pytest.raises(Conflict):
            await server.subscriptions.pause(await subscribe(club, "bronze", card=None, customer="bob"))
        assert await mrr(club) == 0
        went_on = await server.subscriptions.resume(subscription, keep_anchor=False)
        assert (went_on.billing_state, (await server.subscriptions.get(subscription)).pause) == ("active", None)
    assert await mrr(club) == 1014  # 10.00 for 30 days


async def mrr(shop) -> int:
    """Return the monthly revenue that an operator is told at this instant."""
    told = await Desk(shop.parts, url=None, read=lambda: shop.parts.host).ask("subscriptions.figures", {})
    return int(told["assets"]["USD"]["months"][-1]["mrr"])


@pytest.mark.parametrize(
    ("line", "said"),
    [("pause: {max: 3 months}", "subscriptions.pause.max: must be a whole number with a unit"),
     ("pause: {customers: sometimes}", "subscriptions.pause.customers: must be"),
     ("trial_without_method: freeze", "subscriptions.trial_without_method: must be one of")],
)  # fmt: skip
async def test_a_mistake_in_the_yaml_says_what_and_where(tmp_path, line, said):
    with pytest.raises(ConfigError) as error:
        async with running_shop(tmp_path, CHANGING.replace("subscriptions:\n", f"subscriptions:\n    {line}\n", 1)):
            pass
    assert said in str(error.value)

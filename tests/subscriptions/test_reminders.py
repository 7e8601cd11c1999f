"""Reminders: each told once and in time, moved with what it is about, and none of what is over."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from storefront_subscriptions.advancing import advance
from storefront_subscriptions.config import Settings

from storefront.core.config import ConfigError
from storefront.testing import running_shop

from .changing import CHANGING, change, pass_days
from .conftest import SUBSCRIBED
from .subscribing import GOOD, see, subscribe

REMINDERS = ("trial_ending", "card_expiring", "renewal_upcoming")


def told(shop, *kinds):
    """Return what the reminders of a shop told, in the order of their commits: ``[(kind, data), …]``."""
    rows = shop.query("SELECT type, payload FROM events ORDER BY commit_no, sequence")
    found = [(row["type"].removeprefix("subscription."), json.loads(row["payload"])) for row in rows]
    return [one for one in found if one[0] in (kinds or REMINDERS)]


def now(shop):
    return datetime.fromtimestamp(shop.parts.services.clock.now() / 1000, UTC)


async def go_to(shop, instant):
    """Let business time come to an instant, in strides that a busy machine takes in one go."""
    while (left := instant - now(shop)) > timedelta(0):
        whole = f"{min(left.days, 5)}d" if left.days else f"{left.seconds + 1}s"
        await shop.advance(whole)


async def save_card(shop, months=2, *, customer="ada", card=GOOD):
    """Save a card that is good to the end of the month so many months ahead; return when it is good no more."""
    month = now(shop).year * 12 + now(shop).month - 1 + months
    opened = await shop.as_customer(customer).post("/v1/payment-methods/setups", {})
    form = {"card_number": card, "action": "pay", "exp": f"{month % 12 + 1:02d} / {month // 12 % 100:02d}"}
    async with shop.http.post(opened.json["redirect_url"], data=form, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()
    saved = await shop.as_customer(customer).get(f"/v1/payment-methods/setups/{opened.json['id']}")
    assert saved.json["state"] == "saved", saved
    await shop.quiet()
    return saved.json["payment_method"], datetime((month + 1) // 12, (month + 1) % 12 + 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("trial", "lead"), [("14d", 3), ("5d", 1)])
async def test_the_end_of_a_trial_is_told_once_three_days_before_or_one_of_a_short_trial(data_folder, trial, lead):
    async with running_shop(data_folder, SUBSCRIBED.replace("trial: 14d", f"trial: {trial}")) as shop:
        subscription = await subscribe(shop, "tried")
        end = datetime.fromisoformat((await see(shop, subscription))["period_end"])
        await go_to(shop, end - timedelta(days=lead, minutes=1))
        assert told(shop) == []
        await shop.advance("2m")
        ((kind, data),) = told(shop)
        assert (kind, data["id"], data["method"]) == ("trial_ending", subscription, None)
        assert (data["amount"], data["pay_with"]) == ({"amount": 300, "currency": "USD"}, "sandbox")
        assert datetime.fromisoformat(data["at"]) == end
        await shop.advance("10d")
        assert len(told(shop)) == 1


@pytest.mark.parametrize(("days", "reminders"), [(12, 1), (20, 0)])
async def test_after_a_long_stop_a_trial_that_still_runs_is_told_of_and_none_that_is_over(club, days, reminders):
    await subscribe(club, "tried")
    await club.quiet()
    await club.stop()
    club.wall.move(days * 86_400)
    await club.start()
    await pass_days(club, 0)
    assert len(told(club)) == reminders


async def test_what_is_canceled_is_not_told_of_unless_that_is_taken_back_in_time(club):
    subscription = await subscribe(club, "tried")
    path = f"/v1/subscriptions/{subscription}"
    assert (await club.as_customer().post(f"{path}/cancel", {})).status == 200
    await club.advance("12d")
    assert told(club) == []
    assert (await club.as_customer().post(f"{path}/resume", {})).status == 200
    await club.quiet()
    assert [kind for kind, _ in told(club)] == ["trial_ending"]


async def test_of_a_trial_that_a_change_ended_nothing_is_told(data_folder, database_url):
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        subscription = await subscribe(shop, "taster", customer="ada")
        method, _ = await save_card(shop, 40)
        await pass_days(shop, 2)
        await change(shop, subscription, "feaster", payment_method=method)
        assert (await see(shop, subscription))["billing_state"] == "active"
        await pass_days(shop, 10)
        assert told(shop) == []


async def test_a_card_is_told_of_thirty_and_seven_days_before_it_expires_once_for_all_that_it_pays(club):
    method, gone = await save_card(club)
    await subscribe(club, payment_method=method)
    await subscribe(club, "tried")
    await go_to(club, gone - timedelta(days=30, minutes=1))
    assert told(club, "card_expiring") == []
    await club.advance("2m")
    ((_, data),) = told(club, "card_expiring")
    assert (data["method"], data["expires"]) == (method, f"{gone - timedelta(days=1):%Y-%m}")
    assert datetime.fromisoformat(data["at"]) == gone
    await go_to(club, gone - timedelta(days=7, minutes=-1))
    assert len(told(club, "card_expiring")) == 2
    await club.advance("10d")
    assert len(told(club, "card_expiring")) == 2


async def test_a_card_is_told_of_while_its_subscription_is_on_a_trial(data_folder):
    async with running_shop(data_folder, SUBSCRIBED.replace("trial: 14d", "trial: 90d")) as shop:
        await subscribe(shop, "tried")
        _, gone = await save_card(shop)
        await go_to(shop, gone - timedelta(days=29))
        assert [kind for kind, _ in told(shop)] == ["card_expiring"]


async def test_a_card_that_was_replaced_is_told_of_no_more_and_a_canceled_subscription_of_none(club):
    _, gone = await save_card(club)
    ada, _ = await subscribe(club, payment_method=(await saved(club, "ada"))), await save_card(club, customer="bob")
    bob = await subscribe(club, payment_method=(await saved(club, "bob")), customer="bob")
    await go_to(club, gone - timedelta(days=29))
    assert sorted(data["id"] for _, data in told(club)) == sorted([ada, bob])
    replaced, _ = await save_card(club, 40)
    page = await club.as_customer().get("/v1/payment-methods")
    assert replaced in str(page.json)
    old = next(one["id"] for one in page.json["data"] if one["id"] != replaced)
    assert (await club.as_customer().delete(f"/v1/payment-methods/{old}")).status in (200, 204)
    assert (await club.as_customer("bob").post(f"/v1/subscriptions/{bob}/cancel", {})).status == 200
    await go_to(club, gone + timedelta(days=1))
    assert len(told(club)) == 2


async def saved(shop, customer):
    return (await shop.as_customer(customer).get("/v1/payment-methods")).json["data"][0]["id"]


async def test_after_a_long_stop_a_card_is_told_of_once_and_one_saved_late_not_at_once(club):
    method, gone = await save_card(club)
    await subscribe(club, payment_method=method)
    await go_to(club, gone - timedelta(days=31))
    await club.stop()
    club.wall.move(27 * 86_400)
    await club.start()
    await pass_days(club, 0)
    assert len(told(club)) == 1
    await save_card(club, 0, customer="cleo", card="4000 0566 5566 5556")
    await subscribe(club, payment_method=(await saved(club, "cleo")), customer="cleo")
    await club.advance("1h")
    assert len(told(club)) == 1


async def test_a_renewal_is_told_of_where_the_yaml_says_so_for_its_interval(data_folder):
    yaml = SUBSCRIBED.replace("subscriptions: {}", "subscriptions: {reminders: {renewal: {year: 7d}, card: []}}")
    async with running_shop(data_folder, yaml) as shop:
        yearly = await subscribe(shop, "premium", interval="year")
        await subscribe(shop, "basic", customer="bob")
        end = datetime.fromisoformat((await see(shop, yearly))["period_end"])
        await pass_days(shop, 300)
        await go_to(shop, end - timedelta(days=7, minutes=1))
        assert told(shop) == []
        await shop.advance("2m")
        ((kind, data),) = told(shop)
        assert (kind, data["id"], data["amount"]) == ("renewal_upcoming", yearly, {"amount": 9990, "currency": "USD"})
        assert datetime.fromisoformat(data["at"]) == end


async def test_many_who_look_at_once_tell_it_once(club):
    subscription = await subscribe(club, "tried")
    await club.quiet()
    club.wall.move(12 * 86_400)
    services, settings = club.parts.services, Settings.of({})
    await asyncio.gather(*(advance(services, settings, subscription) for _ in range(8)))
    assert len(told(club)) == 1


async def test_a_shorter_period_that_a_change_begins_is_renewed_when_it_ends(data_folder, database_url):
    weekly = "also: [{interval: week, prices: {USD: 300}}, {interval: year, prices: {USD: 10000}}]"
    yaml = CHANGING.replace("also: [{interval: year, prices: {USD: 10000}}]", weekly)
    async with running_shop(data_folder, yaml, database=database_url) as shop:
        subscription = await subscribe(shop, "bronze", interval="year")
        await pass_days(shop, 5)
        await change(shop, subscription, "bronze", interval="week")
        await shop.quiet()
        await pass_days(shop, 1)
        end = datetime.fromisoformat((await see(shop, subscription))["period_end"])
        await go_to(shop, end + timedelta(minutes=1))
        found = await see(shop, subscription)
        assert datetime.fromisoformat(found["period_start"]) == end
        assert shop.query("SELECT occurred_at - ? AS late FROM events WHERE type = 'subscription.renewed'",
                          round(end.timestamp() * 1000))[0]["late"] < 60_000  # fmt: skip


async def test_a_mistake_in_the_reminders_is_named_with_an_example(data_folder):
    section = "subscriptions: {reminders: {trial: 3 days, renewal: {yearly: 7d, 2 weeks: 2d, year: 7d}}}"
    with pytest.raises(ConfigError, match=r"reminders\.trial: must be a whole number with a unit") as seen:
        async with running_shop(data_folder, SUBSCRIBED.replace("subscriptions: {}", section)):
            pass
    assert "renewal.yearly: the name must be day, week, month or year" in str(seen.value)
    assert 'reminders.renewal."2 weeks": no tier is paid for this interval' in str(seen.value)

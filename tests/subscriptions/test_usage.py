"""Usage that a tier bills afterwards: a line with the next renewal, corrections of what comes late, each unit once."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from storefront_subscriptions.usage_segments import segments_of

from storefront.core.config import ConfigError
from storefront.testing import running_shop

from .changing import CHANGING, amounts, ask, charged, look, pass_days
from .subscribing import GOOD, invoices, see, subscribe
from .test_credits import gems
from .test_failing import with_card

WORKERS = """
  worker: {kind: subscription, family: work, title: Worker, interval: 30 days, prices: {USD: 1000}, usage: {
             api: {meter: calls, title: API calls, model: per_unit, price: "2.5", included: 100},
             disk: {meter: gigabytes, model: package, package: 10, price: "30"}}}
  boss: {kind: subscription, family: work, title: Boss, interval: 30 days, prices: {USD: 3000}, usage: {
           api: {meter: calls, title: API calls, model: volume, tiers: [{up_to: 10, price: "9"}, {price: "1"}]}}}
  miner: {kind: subscription, family: mine, title: Miner, interval: 30 days, prices: {gems: 10}, usage: {
            ore: {meter: ore, model: graduated, tiers: [{up_to: 5, price: "2"}, {price: "1", flat: "7"}]}}}
"""
METERS = """
meters:
  calls: {event_type: call, aggregation: sum, value: n}
  gigabytes: {event_type: disk, aggregation: max, value: n}
  ore: {event_type: ore, aggregation: count}
"""
WORKING = CHANGING.replace("  taster:", f"{WORKERS.lstrip(chr(10))}  taster:").replace(
    "    families:", "    usage: {at_end: owe}\n    reminders: {renewal: {30 days: 3d}}\n    families:"
) + METERS  # fmt: skip
_IDS = count(1)


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, WORKING, database=database_url) as shop:
        yield shop


def now(shop):
    return datetime.fromtimestamp(shop.parts.services.clock.now() / 1000, UTC)


async def use(shop, kind, n=1, *, ago=timedelta(0), customer="ada"):
    """Tell of one event, now or some time ago."""
    event = {"specversion": "1.0", "id": f"e{next(_IDS)}", "source": "/game", "type": kind, "subject": customer,
             "time": (now(shop) - ago).isoformat(timespec="seconds"), "data": {"n": n}}  # fmt: skip
    answer = await shop.as_server().post("/v1/usage", event)
    assert answer.json == {"accepted": 1, "duplicates": 0, "rejected": []}, answer


async def lines(shop, subscription, at=0, customer="ada"):
    """Return what an invoice asks, the newest if not told."""
    found = (await invoices(shop, subscription, customer=customer))[at]
    return [(one["title"], one["total"]["amount"]) for one in found["lines"]]


async def metered(shop, subscription, customer="ada"):
    answer = await shop.as_customer(customer).get(f"/v1/subscriptions/{subscription}/usage")
    assert answer.status == 200, answer
    names = ("metered", "billed", "pending")
    return [(one["period"], one["feature"], one["quantity"], *(one[name]["amount"] for name in names))
            for one in answer.json["data"]]  # fmt: skip


async def test_a_period_is_one_line_and_what_comes_late_corrects_it_each_unit_once(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "call", 300)
    await use(club, "call", 51)
    await use(club, "disk", 11)
    await use(club, "disk", 4)
    assert await metered(club, subscription) == [(0, "disk", "11", 60, 0, 60), (0, "api", "351", 628, 0, 628)]
    await pass_days(club, 27)
    reminder = club.query("SELECT payload FROM events WHERE type = 'subscription.renewal_upcoming'")
    assert '"amount":{"amount":1688,' in reminder[0]["payload"]
    await pass_days(club, 3)
    assert await lines(club, subscription) == [("Worker, 30 days", 1000), ("API calls: 351", 628), ("disk: 11", 60)]
    assert await charged(club) == [1000, 1688]
    assert -1000 < min(amounts(await look(club, subscription, "boss"))) < -800  # of the period, not of what was used

    await use(club, "call", 1, ago=timedelta(days=12))
    await use(club, "call", 100)
    assert (await metered(club, subscription))[1:] == [
        (1, "api", "100", 0, 0, 0),
        (0, "disk", "11", 60, 60, 0),
        (0, "api", "352", 630, 628, 2),
    ]
    await pass_days(club, 30)
    assert await lines(club, subscription) == [
        ("Worker, 30 days", 1000), ("API calls: 352 instead of 351", 2), ("API calls: 100", 0),
    ]  # fmt: skip
    await pass_days(club, 30)
    assert await lines(club, subscription) == [("Worker, 30 days", 1000)]
    assert await charged(club) == [1000, 1688, 1002, 1000]


async def test_a_renewal_that_fails_asks_for_its_usage_again_and_once(club):
    subscription = await with_card(club, "4000 0000 0000 9995", "worker")
    await pass_days(club, 1)
    await use(club, "call", 500)
    await pass_days(club, 29.2)
    assert (await invoices(club, subscription))[0]["attempts"] == 1
    await use(club, "call", 10, ago=timedelta(days=9))
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, GOOD.replace(" ", ""))
    await pass_days(club, 2)
    assert await charged(club) == [1000, 2000]
    await pass_days(club, 28.5)
    assert await lines(club, subscription) == [("Worker, 30 days", 1000), ("API calls: 510 instead of 500", 25)]


async def test_each_tier_charges_its_own_hours_and_cheaper_usage_is_credit(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "disk", 10)
    answer = await ask(club, subscription, "boss")
    assert answer.status == 201, answer
    paid = answer.json["total"]["amount"]
    await pass_days(club, 1)
    await use(club, "call", 10)
    await use(club, "disk", 400)  # the boss pays for calls alone
    await pass_days(club, 28.2)
    assert await lines(club, subscription) == [("Boss, 30 days", 3000), ("disk: 10", 30), ("API calls: 10", 90)]
    await use(club, "call", 1, ago=timedelta(days=9))
    await pass_days(club, 30)
    assert await lines(club, subscription) == [("Boss, 30 days", 3000), ("API calls: 11 instead of 10", -79)]
    assert await charged(club) == [1000, paid, 3120, 2921]


async def test_what_was_used_before_a_pause_is_asked_when_it_goes_on_and_a_void_invoice_bills_nothing(club):
    subscription = await with_card(club, "4000 0000 0000 9995", "worker")
    await pass_days(club, 1)
    await use(club, "call", 200)
    await pass_days(club, 29.2)
    assert (await metered(club, subscription))[-1] == (0, "api", "200", 250, 250, 0)
    answer = await club.as_server().post(f"/v1/subscriptions/{subscription}/pause", {"at": "now"})
    assert answer.status == 200, answer
    assert (await metered(club, subscription))[-1] == (0, "api", "200", 250, 0, 250)
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, GOOD.replace(" ", ""))
    await pass_days(club, 5)
    answer = await club.as_server().post(f"/v1/subscriptions/{subscription}/resume", {})
    assert (answer.status, answer.json["billing_state"]) == (200, "active")
    assert (await lines(club, subscription))[1:] == [("API calls: 200", 250)]
    assert await charged(club) == [1000, 1250]


async def test_from_the_wallet_usage_is_paid_with_the_period(club):
    grant = {"customer": "ada", "asset": "gems", "amount": 100, "reason": "test"}
    await club.as_server().post("/v1/grants", grant, key="grant")
    subscription = await subscribe(club, "miner", card=None)
    await pass_days(club, 1)
    for _ in range(7):
        await use(club, "ore")
    await pass_days(club, 29.2)
    assert await lines(club, subscription) == [("Miner, 30 days", 10), ("ore: 7", 5 * 2 + 2 + 7)]
    assert await gems(club) == 100 - 10 - 29
    assert (await see(club, subscription))["billing_state"] == "active"


async def test_what_was_used_last_is_owed_and_the_next_subscription_of_the_family_asks_for_it(club):
    subscription = await subscribe(club, "worker")
    await pass_days(club, 1)
    await use(club, "call", 200)
    await club.as_customer().post(f"/v1/subscriptions/{subscription}/cancel", {})
    await pass_days(club, 29.2)
    ended = await see(club, subscription)
    assert (ended["billing_state"], ended["owed"]["amount"]) == ("canceled", 250)
    assert await metered(club, subscription) == [(0, "disk", "0", 0, 0, 0), (0, "api", "200", 250, 250, 0)]

    again = await subscribe(club, "worker")
    assert await lines(club, again) == [("Worker, 30 days", 1000), ("Due from before", 250)]
    await pass_days(club, 1)
    await use(club, "call", 102)
    answer = await club.as_customer().post(f"/v1/subscriptions/{again}/cancel", {"at": "now"})
    assert (answer.json["billing_state"], answer.json["owed"]["amount"]) == ("canceled", 5)
    assert await charged(club) == [1000, 1250]


HOUR, DAY = 3_600_000, 86_400_000


def period_of(number, start, end, **more):
    return {"state": "paid", "period": number, "period_start": start, "period_end": end, "anchor": 1_800_000,
            "anchor_period": 0, "interval": "10 days", "sku": "a", "catalog_version": "v", "uncut_end": None,
            **more}  # fmt: skip


def test_every_hour_is_charged_once_and_each_tier_includes_its_part():
    """Periods begin at half past: a renewal's hour is the newer one's, a change's the older tier's."""
    half = HOUR // 2
    first = period_of(0, half, half + 10 * DAY)
    second = period_of(1, half + 10 * DAY, half + 15 * DAY, uncut_end=half + 20 * DAY)
    third = period_of(2, half + 15 * DAY, half + 25 * DAY, sku="b", anchor=half + 15 * DAY, anchor_period=2)
    change = {"period": 0, "at": half + 4 * DAY, "sku": "b", "catalog_version": "v", "invoice_id": None}
    seats = {"period": 2, "at": half + 20 * DAY, "sku": "b", "catalog_version": "w", "invoice_id": None}
    tiers = {("a", "v"): {"api": 1}, ("b", "v"): {"api": 2}, ("b", "w"): {"api": 2}}

    found = list(segments_of([first, second, third], [change, seats], tiers, 22 * DAY))

    assert [(one.period, one.sku, one.start, one.end) for one in found] == [
        (0, "a", HOUR, 4 * DAY + HOUR),
        (0, "b", 4 * DAY + HOUR, 10 * DAY),
        (1, "a", 10 * DAY, 15 * DAY + HOUR),
        (2, "b", 15 * DAY + HOUR, 22 * DAY),
    ]
    assert [(one.length, one.whole) for one in found[:2]] == [(4 * DAY, 10 * DAY), (6 * DAY, 10 * DAY)]


def test_the_hours_of_a_pause_are_the_cut_periods_and_the_resumed_ones_each_once():
    """Cut at half past four, resumed twice in that hour, cut at half past five, resumed at half past seven."""
    half = HOUR // 2
    cut = 4 * HOUR + half
    spans = [(half, cut), (cut + 1, cut + 2), (cut + 3, cut + HOUR), (cut + 3 * HOUR, cut + 6 * HOUR)]
    periods = [period_of(at, *span, uncut_end=10 * DAY) for at, span in enumerate(spans)]
    periods[3]["uncut_end"] = None

    found = list(segments_of(periods, [], {("a", "v"): {"api": 1}}, DAY))

    assert [(one.period, one.start // HOUR, one.end // HOUR) for one in found] == [(0, 1, 5), (2, 5, 6), (3, 7, 10)]


WRONG = {
    'x: {USD: 1}, usage: {api: {meter: none, model: per_unit, price: "1"}}': "usage.api.meter: no meter is called none",
    "x: {USD: 1}, usage: {api: {meter: ore, model: per_unit}}": "usage.api: lacks `price`",
    'x: {USD: 1, EUR: 1}, usage: {api: {meter: ore, model: per_unit, price: "1"}}': "usage: needs a tier with prices",
    'x: {USD: 1}, usage: {api: {meter: ore, model: per_unit, price: "1"}}': "is charged by a tier of mine already",
    'x: {USD: 1}, usage: {api: {meter: people, model: per_unit, price: "1"}}': "counts a value once in each of its own",
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_mistake_in_the_yaml_says_what_and_where(tmp_path, wrong):
    prices, _, rest = wrong.removeprefix("x: ").partition("}, ")
    tier = f"  x: {{kind: subscription, family: other, title: X, prices: {prices}}}, {rest}}}\n"
    text = WORKING.replace("promo_codes:", f"{tier}promo_codes:") + (
        "  people: {event_type: people, aggregation: unique, value: n}\n"
    )
    with pytest.raises(ConfigError) as error:
        async with running_shop(tmp_path, text):
            pass
    assert WRONG[wrong] in str(error.value)

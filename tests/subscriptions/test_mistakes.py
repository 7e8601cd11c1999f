"""Mistakes: in the YAML they are explained, in requests they are refused, and nothing is written."""

import pytest

from storefront.core.config import ConfigError
from storefront.testing import PUBLISHABLE_KEY, running_shop

from .conftest import SUBSCRIBED
from .subscribing import begin, invoices, subscribe

WRONG = {
    "x: {family: a}": "offers.x.kind: needs `prices`, or `free: true`",
    "x: {family: a, free: true, prices: {USD: 1}}": "offers.x.prices: has nothing to say",
    "x: {family: a, free: true, trial: 3d}": "offers.x.trial: is for what costs something",
    "x: {free: true}": "offers.x.family: is required",
    "x: {family: A B, free: true}": "offers.x.family: must be a name like membership",
    "x: {family: a, prices: {USD: 1}, interval: fortnight}": "offers.x.interval: must be day,",
    "x: {family: a, prices: {USD: 1}, interval: 1 month}": "offers.x.interval: must be day,",
    "x: {family: a, prices: {USD: 1}, trial: 0d}": "offers.x.trial: must be a whole number",
    "x: {family: a, prices: {USD: 1}, also: [{interval: month, prices: {USD: 2}}]}": (
        "offers.x.also[0].interval: month has its prices already: the tier's own"
    ),
    "x: {family: a, prices: {USD: 1}, limits: [{per: global, count: 1}]}": ("offers.x.limits: is for what is bought"),
    "x: {family: a, prices: {USD: 1}, credits: {USD: {amount: 5}}}": "offers.x.credits.USD: is no currency of this",
    "x: {family: a, prices: {USD: 1}, credits: {gems: {amount: 0}}}": "offers.x.credits.gems.amount: must be ",
    "x: {family: a, prices: {USD: 1}, credits: {gems: {amount: 5, every: 1 month}}}": "offers.x.credits.gems.every:",
    "x: {family: a, prices: {USD: 1}, trial: 7}": "offers.x.trial: must be a whole number with a unit: 45s",
    "x: {family: a, prices: {USD: 1}, credits: {gems: {amount: 50, roll_over: {min: 30, max: 25}}}}": (
        "offers.x.credits.gems.roll_over.min: must be 25 or less"
    ),
    "x: {family: a, prices: {USD: 1}, credits: {gems: {amount: 50, roll_over: {ceiling: 40}}}}": (
        "offers.x.credits.gems.roll_over.ceiling: must be more than 50"
    ),
    "x: {family: a, prices: {USD: 1}, existing: someday}": "offers.x.existing: must be next_renewal, a date",
    "x: {family: a, prices: {USD: 1}, existing: 2027-02-30}": "offers.x.existing: must be next_renewal, a date",
    "x: {kind: bundle, title: X, prices: {USD: 1}, contents: [{sku: basic}, {sku: potion}]}": (
        "offers.x.contents[0].sku: basic is subscribed to"
    ),
}


def _whole(line):
    """Return an offer's line with what all tiers of ``WRONG`` have in common."""
    return line if "kind:" in line else line.replace("{", "{kind: subscription, title: X, ", 1)


@pytest.mark.parametrize("line", WRONG)
async def test_a_mistake_in_the_yaml_says_what_and_where(tmp_path, line):
    with pytest.raises(ConfigError) as error:
        async with running_shop(tmp_path, f"{SUBSCRIBED}  {_whole(line)}\n"):
            pass
    assert WRONG[line] in str(error.value)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"sku": "potion"}, "/sku"),
        ({"sku": "basic", "interval": "year"}, "/interval"),
        ({"sku": "basic", "interval": "fortnight"}, "/interval"),
        ({"sku": "basic", "currency": "JPY"}, "/currency"),
        ({"sku": "basic", "seats": 2}, "/seats"),
        ({"sku": "basic", "seats": 0}, "/seats"),
        ({"sku": "basic", "seats": 2**53}, "/seats"),
        ({"sku": "basic", "pay_with": "wallet", "currency": "USD"}, "/pay_with"),
        ({"sku": "basic", "pay_with": "nobody"}, "/pay_with"),
        ({"sku": "basic", "customer": "bob"}, "/customer"),
        ({"sku": "basic", "return_url": "https://elsewhere.example/"}, "/return_url"),
        ({"sku": 1}, "/sku"),
        ({}, "/sku"),
    ],
)
async def test_what_cannot_be_subscribed_to_is_refused_and_nothing_is_written(club, body, pointer):
    await club.as_customer().get("/v1/me")
    await club.quiet()
    before = club.rows()
    answer = await club.as_customer().post("/v1/subscriptions", body, key="k")
    assert answer.status == 422, answer
    assert [one["pointer"] for one in answer.json["errors"]][:1] == [pointer]
    assert club.rows() == before


async def _method_of(club, customer):
    await club.bought("gems-500", customer=customer, save_payment_method=True)
    return (await club.as_customer(customer).get("/v1/payment-methods")).json["data"][0]["id"]


@pytest.mark.parametrize("body", [{"sku": "tried"}, {"sku": "free"}, {"sku": "basic", "currency": "gems"}])
async def test_a_method_of_another_is_refused_also_where_nothing_is_charged_yet(club, body):
    bobs = await _method_of(club, "bob")
    await club.bought("gems-500")
    await club.quiet()
    before = club.rows()
    answers = [await begin(club, payment_method=method, **body) for method in (bobs, "pmt_" + "a" * 26, "x")]
    assert [(answer.status, answer.json["code"]) for answer in answers] == [(404, "not_found")] * 3
    assert club.rows() == before


async def test_a_trial_with_a_method_of_its_own_is_charged_to_it(club):
    subscription = await subscribe(club, "tried", payment_method=await _method_of(club, "ada"))
    await club.advance("15d")
    assert [one["state"] for one in await invoices(club, subscription)] == ["paid", "paid"]


async def test_a_tier_is_neither_bought_once_nor_given_away(club):
    await club.as_customer().get("/v1/me")
    before = club.rows()
    bought = await club.buy("basic")
    forged = await club.buy("basic", details={"bill": "sbi_1", "subscription": "sub_1"}, key="forged")
    given = await club.as_server().post("/v1/grants", {"customer": "ada", "sku": "basic", "reason": "nice"}, key="give")
    assert [answer.status for answer in (bought, forged, given)] == [422, 422, 422]
    assert "POST /v1/subscriptions" in bought.json["detail"]
    assert club.rows() == before


async def test_the_same_key_gets_the_same_answer_and_another_body_is_refused(club):
    session = club.as_customer()
    first = await session.post("/v1/subscriptions", {"sku": "basic"}, key="once")
    again = await session.post("/v1/subscriptions", {"sku": "basic"}, key="once")
    other = await session.post("/v1/subscriptions", {"sku": "premium"}, key="once")
    assert (first.status, again.json) == (202, first.json)
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert len(club.query("SELECT id FROM subscriptions")) == 1


async def test_anothers_subscription_looks_like_a_missing_one(club):
    subscription = await subscribe(club)
    bob = club.as_customer("bob")
    await bob.get("/v1/me")
    await club.quiet()
    before = club.rows()
    for verb, path in [("GET", ""), ("GET", "/invoices"), ("POST", "/resume")]:
        theirs = await bob.send(verb, f"/v1/subscriptions/{subscription}{path}")
        nobodys = await bob.send(verb, f"/v1/subscriptions/sub_01m7y0000000000000000000000{path}")
        assert (theirs.status, nobodys.status) == (404, 404)
    for when in ("now", "period_end"):
        ended = await bob.post(f"/v1/subscriptions/{subscription}/cancel", {"at": when})
        assert (ended.status, ended.json["code"]) == (404, "not_found")
    assert (await bob.get("/v1/subscriptions")).json["data"] == []
    assert (await bob.get("/v1/subscriptions?customer=ada")).status == 422
    assert club.rows() == before


async def test_a_publishable_key_sees_and_does_nothing(club):
    subscription = await subscribe(club)
    stranger = club.bearing(PUBLISHABLE_KEY)
    for answer in (
        await stranger.get("/v1/subscriptions?customer=ada"),
        await stranger.get(f"/v1/subscriptions/{subscription}"),
        await stranger.post("/v1/subscriptions", {"customer": "ada", "sku": "basic"}, key="k"),
        await stranger.post(f"/v1/subscriptions/{subscription}/cancel", {}),
    ):
        assert answer.status == 403, answer


async def test_a_server_subscribes_a_customer_it_names(club):
    await club.session("bob")
    answer = await club.as_server().post("/v1/subscriptions", {"customer": "bob", "sku": "free"}, key="k")
    assert answer.status == 201
    seen = (await club.as_server().get("/v1/subscriptions?customer=bob")).json["data"]
    assert [one["billing_state"] for one in seen] == ["active"]
    assert (await begin(club, "free", customer="bob")).status == 409


async def test_who_pays_for_a_change_is_sent_nowhere_else(club):
    subscription = await subscribe(club)
    body = {"tier": "premium", "return_url": "https://elsewhere.example/"}
    answer = await club.as_customer().post(f"/v1/subscriptions/{subscription}/change", body, key="k")
    assert (answer.status, [one["pointer"] for one in answer.json["errors"]]) == (422, ["/return_url"])

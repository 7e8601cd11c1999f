"""Pledges until the deadline: nothing is charged, only open ones count, and each can be taken back."""

import pytest
from structlog.testing import capture_logs

from storefront.testing import running_shop
from tests.fanfunding.pledging import GOAL, ONE, charged, luna_tours, pledge, pledged, save, seen, told, tour
from tests.fanfunding.tipping import FAN_SHOP, body

FAN = "kT3vQ9xWm2Lr8sYc"


@pytest.fixture
async def stream(data_folder, database_url):
    """Luna's shop, where she collects for a tour; its books are audited when the test is over."""
    (data_folder / "luna.yaml").write_text(luna_tours())
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


async def test_a_guest_pledges_by_a_saved_card_which_counts_once_it_is_saved_and_is_forgotten_when_taken_back(stream):
    begun = await pledge(stream, 800, fan=FAN, key="once", message="For the road")
    assert (begun.status, begun.json["state"], begun.json["tip"]) == (202, "pending", None)
    again = await pledge(stream, 800, fan=FAN, key="once", message="For the road")
    assert (again.status, again.json) == (202, begun.json)
    other = await pledge(stream, 801, fan=FAN, key="once", message="For the road")
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")
    assert (await tour(stream))["campaign"]["backers"] == 0

    await save(stream, begun)
    await seen(stream, begun.json, "open")
    goal = await tour(stream)
    assert (goal["amount"]["amount"], goal["campaign"]["pledged"]["amount"], goal["campaign"]["backers"]) == (
        800, 800, 1,
    )  # fmt: skip
    assert (goal["mode"], goal["reached"], goal["aim"]["percent"], goal["tips"]) == ("all_or_nothing", False, 80, 0)
    second = await pledge(stream, 900, fan=FAN)
    assert (second.status, second.json["code"], second.json["pledge"]) == (409, "already_pledged", begun.json["id"])

    path = f"{ONE}/{begun.json['id']}/withdraw"
    for wrong in ({}, {"fan": "aT3vQ9xWm2Lr8sYc"}):
        assert (await stream.as_nobody().post(path, wrong)).status == 404
    assert (await stream.as_customer().post(path)).status == 404
    for _ in range(2):
        gone = await stream.as_nobody().post(path, {"fan": FAN})
        assert (gone.status, gone.json["state"]) == (200, "withdrawn")
    await stream.quiet()
    assert (await tour(stream))["campaign"]["backers"] == 0
    assert [row["gone"] for row in stream.query("SELECT forgotten_at IS NOT NULL AS gone FROM payment_methods")] == [1]
    await stream.advance("11d")
    assert (await seen(stream, begun.json, "withdrawn"))["tip"] is None
    assert (told(stream), told(stream, "goal.%"), await charged(stream)) == (["opened", "withdrawn"], ["missed"], [])
    assert stream.query("SELECT id FROM entries") == []


async def test_a_wallet_pledges_by_what_is_set_aside_and_nobody_else_takes_that(stream):
    await stream.bought("gems-500")
    ada, server = stream.as_customer(), stream.as_server()
    refused = await pledge(stream, 100, "gems", by=ada)  # no rate leads from gems to dollars
    assert (refused.status, refused.json["errors"][0]["pointer"]) == (422, "/amount/currency")
    assert stream.query("SELECT id FROM fanfunding_pledges") == []
    opened = await pledge(stream, 300, "gems", by=ada, goal="raid", key="raid")
    assert (opened.status, opened.json["state"], opened.json["pay_with"]) == (201, "open", "wallet")
    again = await pledge(stream, 300, "gems", by=ada, goal="raid", key="raid")
    assert (again.status, again.json) == (201, opened.json)
    short = await pledge(stream, 300, "gems", by=stream.as_customer("bob"), goal="raid")
    assert (short.status, short.json["code"]) == (402, "insufficient_funds")

    (hold,) = (await server.get("/v1/holds?customer=ada")).json["data"]
    assert (hold["amount"], hold["state"]) == (300, "open")
    for verb in ("capture", "release"):
        answer = await server.post(f"/v1/holds/{hold['id']}/{verb}", key=verb)
        assert (answer.status, answer.json["code"]) == (409, "hold_of_plugin")
    assert (await stream.as_customer("bob").post(f"{ONE}/{opened.json['id']}/withdraw")).status == 404
    gone = await ada.post(f"{ONE}/{opened.json['id']}/withdraw")
    assert (gone.status, gone.json["state"]) == (200, "withdrawn")
    assert (await server.get("/v1/holds?customer=ada")).json["data"][0]["state"] == "released"
    assert (await stream.as_customer().get("/v1/me")).json["wallets"]["gems"]["available"] == 500
    anew = await pledge(stream, 500, "gems", by=ada, goal="raid")
    assert anew.status == 201
    assert stream.query("SELECT kind FROM entries WHERE kind <> 'purchase.settled' AND kind NOT LIKE 'payment%'") == []


async def test_what_cannot_be_pledged_is_refused_and_leaves_nothing(stream):
    for wrong, status, code in (
        (body(99), 422, "amount_out_of_range"),
        (body(555, name="x"), 422, "invalid_request"),
        (body(555, "EUR", pay_with="wallet"), 422, "invalid_request"),
        (body(100, "gems"), 422, "invalid_request"),
    ):
        answer = await stream.as_nobody().post(GOAL, wrong, key=f"wrong-{code}-{wrong['amount']['currency']}")
        assert (answer.status, answer.json["code"]) == (status, code), answer
    for goal, status, code in (("mic", 409, "goal_not_open"), ("none", 404, "not_found")):
        path = GOAL.replace("tour", goal)
        answer = await stream.as_nobody().post(path, body(), key=f"goal-{goal}")
        assert (answer.status, answer.json["code"]) == (status, code), answer
    assert stream.query("SELECT id FROM fanfunding_pledges") == []


async def test_a_customers_saved_card_opens_at_once_and_stays_theirs(stream):
    ada = stream.as_customer()
    opened = await ada.post("/v1/payment-methods/setups", {})
    assert await stream.pay({"payment": {"redirect_url": opened.json["redirect_url"]}}) == 303
    await stream.quiet()
    (method,) = (await ada.get("/v1/payment-methods")).json["data"]
    foreign = await pledge(stream, 500, by=stream.as_customer("bob"), payment_method=method["id"])
    assert foreign.status == 404
    begun = await pledge(stream, 500, by=ada, payment_method=method["id"])
    assert (begun.status, begun.json["state"]) == (201, "open")
    assert (await tour(stream))["campaign"]["backers"] == 1
    assert (await ada.post(f"{ONE}/{begun.json['id']}/withdraw")).json["state"] == "withdrawn"
    await stream.quiet()
    assert (await ada.get("/v1/payment-methods")).json["data"] == [method]


async def test_the_goals_terms_stay_those_of_the_first_pledge_and_the_log_says_so(stream, data_folder):
    first = await pledged(stream, 333, currency="EUR")  # worth ⌊416.25⌋ USD
    assert first["worth"] == {"amount": 416, "currency": "USD"}
    before = (await tour(stream))["campaign"]["deadline"]
    (data_folder / "luna.yaml").write_text(luna_tours(50, ", min_collected: 80 %", days=2))
    with capture_logs() as logs:
        await stream.restart()
        goal = await tour(stream)
        await stream.until(lambda: [one for one in logs if one["event"] == "goal_refused"])
    refused = {one["key"]: (one["stays"], one["says"]) for one in logs if one["event"] == "goal_refused"}
    assert sorted(refused) == ["deadline", "min_collected", "target"]
    assert refused["target"] == ("1000 USD", "50 USD")
    assert (goal["target"]["amount"], goal["campaign"]["deadline"], goal["aim"]["percent"]) == (1000, before, 41)
    assert goal["campaign"]["min_collected"]["amount"] == 0
    await stream.advance("3d")
    assert (await tour(stream))["campaign"]["state"] == "collecting"
    (data_folder / "luna.yaml").write_text(luna_tours().partition("goals:")[0])
    await stream.restart()
    await stream.advance("8d")
    await seen(stream, first, "released")
    late = await pledge(stream, 555)
    assert late.status == 404


async def test_a_pledge_whose_card_its_fan_removes_counts_no_more(stream):
    ada = stream.as_customer()
    setup = (
        await ada.post("/v1/payment-methods/setups", {"currency": "USD", "return_url": stream.url}, key="save")
    ).json
    await stream.pay({"payment": setup})
    card = (await ada.get(f"/v1/payment-methods/setups/{setup['id']}")).json["payment_method"]
    gone = (await pledge(stream, 900, by=ada, payment_method=card)).json
    other = await pledged(stream, 100)
    assert (await tour(stream))["campaign"]["pledged"]["amount"] == 1000
    assert (await ada.delete(f"/v1/payment-methods/{card}")).status == 204
    assert (await seen(stream, gone, "withdrawn"))["reason"] == "payment_method_gone"
    campaign = (await tour(stream))["campaign"]
    assert (campaign["pledged"]["amount"], campaign["backers"]) == (100, 1)
    again = await pledge(stream, 900, by=ada, payment_method=card)
    assert (again.status, again.json["code"]) == (404, "not_found")
    await stream.advance("11d")
    await seen(stream, other, "released")
    assert (told(stream, "goal.%"), await charged(stream)) == (["missed"], [])

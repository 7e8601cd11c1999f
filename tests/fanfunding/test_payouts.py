"""Payouts by hand: what is set aside, who may do what, what comes back, and the statement that adds it up."""

import csv
import io

import pytest

from storefront.core.migrating import MigrationFailed
from storefront.testing import OPERATOR_KEY, running_shop
from tests.fanfunding.tipping import (
    FAN_SHOP,
    LUNA,
    PAYOUTS,
    begin_payout,
    dispute,
    move_payout,
    pay_out,
    purse,
    refund,
    tip,
)

WITHOUT_GEMS = """
shop: {name: Tiny shop}
mode: sandbox
data: ${DATA}
keys:
  - {key: sk_sandbox_demo, kind: server}
  - {key: ak_sandbox_demo, kind: operator}
gateways: {sandbox: {}}
plugins:
  microtransactions: {}
  fanfunding: {share: 50%, currencies: [USD], creators: {luna: {file: luna.yaml, share: 90%}}}
"""


def under_way(shop, currency: str = "USD") -> int:
    (row,) = shop.query("SELECT id FROM fanfunding_creators WHERE name = 'luna'")
    return int(shop.balance(f"creator:{row['id']}:payout:{currency}"))


def events(shop) -> list[str]:
    rows = shop.query("SELECT type FROM events WHERE type LIKE 'payout.%' ORDER BY commit_no, sequence")
    return [row["type"].removeprefix("payout.") for row in rows]


async def statement(shop, payout, query: str = ""):
    answer = await shop.as_server().get(f"{PAYOUTS}/{payout['id']}/statement{query}")
    assert answer.status == 200, answer
    return answer.json


async def test_a_payout_by_hand_is_set_aside_paid_once_and_told(stream):
    await tip(stream, 1000)
    assert (await begin_payout(stream)).json["reason"] == "not_payable"
    await stream.advance("25h")
    server = stream.as_server()
    assert (await server.get("/v1/fanfunding/payable")).json["data"] == [
        {"creator": "luna", "currency": "USD", "payable": 900, "debt": 0, "minimum": 1, "pay_with": "manual"}
    ]

    begun = await begin_payout(stream, key="one")
    again = await begin_payout(stream, key="one")
    assert (begun.status, again.status, again.json) == (201, 201, begun.json)
    assert (begun.json["state"], begun.json["amount"]) == ("in_progress", {"amount": 900, "currency": "USD"})
    assert (purse(stream)["payable"], under_way(stream)) == (0, 900)
    assert (await begin_payout(stream, 1)).json["code"] == "payout_not_possible"

    paid = await move_payout(stream, begun.json, "paid", reference="SEPA 17", key="paid")
    assert (paid.status, paid.json["state"], paid.json["reference"]) == (200, "paid", "SEPA 17")
    assert (await move_payout(stream, begun.json, "paid", reference="SEPA 17", key="paid")).json == paid.json
    twice = await move_payout(stream, begun.json, "paid", reference="SEPA 18")
    assert (twice.status, twice.json["code"], twice.json["state"]) == (409, "payout_in_another_state", "paid")
    assert (under_way(stream), stream.balance("platform:bank:USD")) == (0, 900)
    assert events(stream) == ["created", "in_progress", "paid"]

    listed = (await server.get(f"{PAYOUTS}?creator=luna&state=paid")).json
    assert [one["id"] for one in listed["data"]] == [begun.json["id"]]
    assert (await server.get(f"{PAYOUTS}?state=failed")).json["data"] == []
    assert (await server.get(f"{PAYOUTS}/{begun.json['id']}")).json == paid.json
    assert (await server.get(f"{PAYOUTS}/pyt_1")).status == 404
    rows = stream.query("SELECT actor, action, about FROM audit_actions WHERE action LIKE 'payout.%' ORDER BY id")
    assert [(row["action"], row["about"]) for row in rows] == [
        ("payout.created", begun.json["id"]), ("payout.paid", begun.json["id"]),
    ]  # fmt: skip
    assert {row["actor"] for row in rows} == {begun.json["created_by"]}


async def test_what_fails_is_the_creators_again_and_pays_first_what_they_owe(stream):
    first, second = await tip(stream, 1000), await tip(stream, 500)
    await stream.advance("25h")
    begun = (await begin_payout(stream, 900)).json
    await dispute(stream, first, "lost")  # 450 are left of 900 that go back
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 450}

    failed = await move_payout(stream, begun, "failed", reason="account closed")
    assert (failed.json["state"], failed.json["reason"], failed.json["returned"]) == ("failed", "account closed", 900)
    assert purse(stream) == {"reserve": 0, "payable": 450, "debt": 0}
    assert (await move_payout(stream, begun, "failed", reason="twice")).json["state"] == "failed"

    late = await pay_out(stream, 450)
    back = await move_payout(stream, late, "failed", reason="sent back by the bank")
    assert (back.json["state"], stream.balance("platform:bank:USD")) == ("failed", 0)
    await refund(stream, second)
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 0}
    assert events(stream) == ["created", "in_progress", "failed", "created", "in_progress", "paid", "failed"]
    assert (stream.balance("platform:revenue:USD"), under_way(stream)) == (0, 0)


async def test_what_a_creator_owes_is_not_paid_out(stream):
    first = await tip(stream, 1000)
    await stream.advance("25h")
    await pay_out(stream, 900)
    second = await tip(stream, 1200)
    await stream.advance("25h")
    await dispute(stream, second)
    await dispute(stream, first, "lost")
    await dispute(stream, second, "won")  # what was set aside is back, and 900 are owed
    assert purse(stream) == {"reserve": 0, "payable": 1080, "debt": 900}
    refused = await begin_payout(stream, 181)
    assert (refused.json["reason"], refused.json["payable"]["amount"]) == ("not_payable", 180)
    assert (await begin_payout(stream)).json["amount"]["amount"] == 180


async def test_a_statement_adds_up_line_by_line(stream):
    first, second = await tip(stream, 1000), await tip(stream, 500)
    await refund(stream, first, 400)
    await stream.advance("25h")
    one = await pay_out(stream, 700)
    third = await tip(stream, 300)
    await stream.advance("25h")
    await dispute(stream, second)
    two = await pay_out(stream, 110)

    told = await statement(stream, one)
    assert [(line["kind"], line["tip"], line["share"], line["amount"], line["balance"]) for line in told["lines"]] == [
        ("tip.released", 1000, 900, 540, 540), ("tip.released", 500, 450, 450, 990),
        ("payout.created", None, None, -700, 290),
    ]  # fmt: skip
    assert (told["opening"], told["closing"]) == ({"payable": 0, "debt": 0}, {"payable": 290, "debt": 0})
    page = await statement(stream, one, "?limit=2")
    assert (len(page["lines"]), page["next"]) == (2, "2")
    assert [line["line"] for line in (await statement(stream, one, "?after=2"))["lines"]] == [3]
    told = await statement(stream, two)
    assert [(line["kind"], line["about"], line["amount"]) for line in told["lines"]] == [
        ("tip.released", third["details"]["tip"], 270), ("tip.frozen", second["details"]["tip"], -450),
        ("payout.created", two["id"], -110),
    ]  # fmt: skip
    assert (told["opening"]["payable"], told["closing"]["payable"]) == (290, 0)

    path, server = f"{PAYOUTS}/{two['id']}/statement", stream.as_server()
    sent = await server.send("GET", path + ".csv")
    rows = list(csv.DictReader(io.StringIO(sent.body.decode())))
    assert (sent.status, sent.headers["Content-Type"]) == (200, "text/csv")
    assert [(row["kind"], row["amount"], row["balance"]) for row in rows] == [
        ("opening", "", "2.90"), ("tip.released", "2.70", "5.60"), ("tip.frozen", "-4.50", "1.10"),
        ("payout.created", "-1.10", "0.00"),
    ]  # fmt: skip
    page = await server.send("GET", path + ".html")
    assert page.status == 200
    for text in ("Statement for <bdi>luna</bdi>", '<td class="num">−4.50</td>', "<bdi>SEPA 17</bdi>", "Left before"):
        assert text in page.body.decode()
    assert (await stream.as_nobody().get(path)).status == 401


FOUR_EYES = FAN_SHOP.replace("share: 50%", "payouts: {four_eyes: true}\n    payout_min: {USD: 200}\n    share: 50%")


async def test_where_two_are_needed_the_maker_cannot_approve(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, FOUR_EYES, database=database_url) as shop:
        await tip(shop, 1000)
        await shop.advance("25h")
        refused = await begin_payout(shop, 199)
        assert (refused.json["reason"], refused.json["minimum"]["amount"]) == ("below_minimum", 200)
        begun, other = (await begin_payout(shop, 500)).json, shop.bearing(OPERATOR_KEY)
        assert begun["state"] == "created"
        assert (await move_payout(shop, begun, "paid", by=other, reference="x")).status == 409
        own = await move_payout(shop, begun, "approve")
        assert (own.status, own.json["code"]) == (403, "second_person_needed")
        approved = await move_payout(shop, begun, "approve", by=other)
        assert (approved.json["state"], approved.json["approved_by"]) == ("in_progress", "key:key_demo_ak")
        assert (await move_payout(shop, begun, "approve", by=other)).json["code"] == "payout_in_another_state"
        assert (await move_payout(shop, begun, "paid", reference="x")).json["state"] == "paid"
        rejected = (await begin_payout(shop, 400)).json
        assert (await move_payout(shop, rejected, "failed", by=other, reason="not now")).json["state"] == "failed"
        assert purse(shop)["payable"] == 400


async def test_gems_are_paid_out_by_hand_and_used_up(stream):
    await stream.bought("gems-500")
    await tip(stream, 25, "gems", by=stream.as_customer())
    await stream.advance("25h")
    await pay_out(stream, 22, "gems")
    assert (purse(stream, "gems")["payable"], stream.balance("platform:sink:gems")) == (0, 25)
    assert (await begin_payout(stream, currency="nothing")).status == 422
    missing = await stream.as_server().post(PAYOUTS, {"creator": "nobody", "currency": "USD"}, key="nobody")
    assert missing.status == 404


async def test_the_migration_writes_the_lines_of_what_moved_before_and_loses_no_payout(stream):
    first = await tip(stream, 1000)
    await stream.bought("gems-500")
    await tip(stream, 25, "gems", by=stream.as_customer())
    await stream.advance("25h")
    await refund(stream, first, 400)
    await dispute(stream, await tip(stream, 500))
    every = "SELECT * FROM fanfunding_lines ORDER BY currency, sequence"
    lines = stream.query(every)
    assert [(line["currency"], line["balance"]) for line in lines] == [("USD", 900), ("USD", 540), ("gems", 22)]

    await stream.stop()
    for revision in ("0002", "head"):
        await stream.database.migrate_to("fanfunding", revision)
    await stream.start()
    assert stream.query(every) == lines
    await pay_out(stream, 540)
    await stream.stop()
    with pytest.raises(MigrationFailed, match="fanfunding_payouts has rows"):
        await stream.database.migrate_to("fanfunding", "0002")
    await stream.start()


async def test_what_was_earned_in_a_currency_that_the_shop_has_no_more_is_paid_out_and_repaid_in_it(
    data_folder, database_url
):
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        await shop.bought("gems-500", customer="mio")
        first = await tip(shop, 200, "gems", by=shop.as_customer("mio"))
        await tip(shop, 100, "gems", by=shop.as_customer("mio"))
        await shop.advance("26h")
        await pay_out(shop, 100, "gems")
        back = (await begin_payout(shop, 120, "gems")).json
        await refund(shop, first)
        assert purse(shop, "gems") == {"reserve": 0, "payable": 0, "debt": 130}
        (data_folder / "shop.yaml").write_text(WITHOUT_GEMS)
        (data_folder / "luna.yaml").write_text("name: Luna\ntips: {min: {USD: 100}}\n")
        await shop.restart()

        failed = await move_payout(shop, back, "failed", reason="nobody wants gems")
        assert (failed.status, purse(shop, "gems")) == (200, {"reserve": 0, "payable": 0, "debt": 10})
        assert (shop.balance("platform:revenue:gems"), (await begin_payout(shop, 1, "gems")).status) == (0, 409)
        assert (await begin_payout(shop, 1, "coins")).json["errors"][0]["pointer"] == "/currency"

"""Giving a tip: by whom, how much, with which words, and what everybody sees of it."""

import asyncio

from tests.fanfunding.tipping import PATH, body, events, give, purse, see, tip
from tests.shop.test_gateway_faults import give_up

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"  # one character in seven code points
ZALGO = "a" + "\u0301" * 60


async def test_a_guest_tips_without_an_account_and_everybody_sees_it(stream):
    nobody = stream.as_nobody()
    (luna,) = (await nobody.get("/v1/fanfunding/creators?language=de")).json["data"]
    assert (luna["id"], luna["name"], luna["title"]) == ("luna", "Luna", "Luna spielt")
    assert luna["min"] == {"USD": 100, "gems": 10, "EUR": 80}  # 1 EUR is worth 1.25 USD
    assert [(tier["id"], tier["max_chars"], tier["sound"]) for tier in luna["tiers"]] == [
        ("bronze", 20, "none"),
        ("gold", 300, "chime"),
    ]
    assert "share" not in luna

    begun = await give(stream, 555, message="For  the\ncat " + FAMILY)
    assert begun.status == 202
    assert (await see(stream, begun.json))["message"] is None  # not paid yet
    await stream.pay(begun)
    paid = await nobody.post(f"/v1/fanfunding/tips/{begun.json['details']['tip']}/finalize")
    assert paid.status == 200
    shown = {**paid.json, "id": "", "paid_at": ""}
    assert shown == {
        "id": "",
        "creator": "luna",
        "state": "paid",
        "sequence": 1,
        "name": "Mio",
        "message": f"For the cat {FAMILY}",
        "anonymous": False,
        "held": False,
        "amount": {"amount": 555, "currency": "USD"},
        "tier": "gold",
        "paid_at": "",
    }
    await tip(stream, 100, anonymous=True, message="psst")
    await tip(stream, 400, "EUR")  # worth 500 USD: gold
    await tip(stream, 300, message="see www.luna.example")
    await tip(stream, 300, name="SPOILERS")
    page = (await nobody.get(PATH + "?limit=2")).json
    assert [(one["sequence"], one["name"], one["message"], one["tier"]) for one in page["data"]] == [
        (3, "Mio", "", "gold"),
        (2, None, "psst", "bronze"),
    ]
    older = (await nobody.get(PATH + f"?limit=2&before={page['next']}")).json
    assert ([one["sequence"] for one in older["data"]], older["next"]) == ([1], None)
    rows = stream.query("SELECT held_for, rates FROM fanfunding_tips ORDER BY sequence")
    assert [row["held_for"] for row in rows] == [None, None, None, "links", "words"]
    assert [row["rates"] for row in rows] == ["{}", "{}", '{"USD":"1.25"}', "{}", "{}"]
    alerts = stream.query("SELECT sequence, state, is_test FROM fanfunding_alerts ORDER BY sequence")
    assert [(one["sequence"], one["state"], one["is_test"]) for one in alerts] == [
        (1, "queued", 0), (2, "queued", 0), (3, "queued", 0), (4, "held", 0), (5, "held", 0),
    ]  # fmt: skip
    assert events(stream) == ["paid", "paid", "paid", "paid", "held", "paid", "held"]
    assert purse(stream)["reserve"] == 499 + 90 + 270 + 270


async def test_a_customer_and_a_server_give_for_an_account_and_from_its_wallet(stream):
    bought = await tip(stream, by=stream.as_customer("ada"))
    assert bought["customer"]["id"] == "ada"
    await stream.bought("gems-500")
    paid = await give(stream, 20, "gems", by=stream.as_server(), customer="ada")
    assert (paid.status, paid.json["status"], stream.balance("customer:ada:gems")) == (201, "completed", 480)
    assert (await see(stream, paid.json))["tier"] == "bronze"
    newcomer = await give(stream, 20, "gems", by=stream.as_server(), customer="newcomer")
    assert (newcomer.status, newcomer.json["code"]) == (402, "insufficient_funds")
    assert stream.query("SELECT id FROM customers WHERE external_id = 'newcomer'") == []

    mine = [(await tip(stream, fan="a-token-of-this-browser"))["customer"]["id"] for _ in range(2)]
    others = [(await tip(stream))["customer"]["id"] for _ in range(2)]
    assert len({*mine, *others, "ada"}) == 4
    assert "token" not in mine[0]


async def test_the_same_key_gives_once(stream):
    first = await give(stream, key="once")
    again = await give(stream, key="once")
    assert (again.status, again.json) == (202, first.json)
    assert (await give(stream, 556, key="once")).status == 422
    both = await asyncio.gather(*(give(stream, key="at-once") for _ in range(4)))
    assert {answer.json["details"]["tip"] for answer in both if answer.status == 202} == {
        both[0].json["details"]["tip"]
    }
    assert len(stream.query("SELECT id FROM fanfunding_tips")) == 2


async def test_what_cannot_be_meant_is_refused_and_leaves_nothing(stream):
    nobody, before = stream.as_nobody(), stream.rows()
    wrong = {
        "too little": (body(99), "/amount"),
        "too much": (body(50001), "/amount"),
        "by a fraction": (body(100.5), "/amount/amount"),
        "in a currency that is not taken": (body(500, "JPY"), "/amount/currency"),
        "in none": (body(500, "nothing"), "/amount/currency"),
        "from a wallet that nobody has": (body(20, "gems"), "/amount/currency"),
        "for another's account": (body(customer="ada"), "/customer"),
        "with another's card": (body(payment_method="pm_1"), "/payment_method"),
        "without a name": ({"amount": body()["amount"]}, "/name"),
        "with half a name": (body(name="M"), "/name"),
        "with a name of spaces": (body(name="  \u2003 "), "/name"),
        "with a name of nothing": (body(name="\u200b\u200b\u200b"), "/name"),
        "with a long name": (body(name="M" * 26), "/name"),
        "with a tower of accents": (body(name=ZALGO * 6), "/name"),
        "with a name that turns the page": (body(name="\u202eoiM"), "/name"),
        "with a bell": (body(message="\a"), "/message"),
        "with a message for gold": (body(100, message=FAMILY * 21), "/message"),
        "with a message for nobody": (body(message="x" * 301), "/message"),
        "with a share": (body(share="100%"), "/share"),
        "and sent elsewhere": (body(return_url="https://evil.example/"), "/return_url"),
    }
    for how, (wanted, pointer) in wrong.items():
        answer = await nobody.post(PATH, wanted, key=how.replace(" ", "-"))
        pointers = [error["pointer"] for error in answer.json.get("errors", ())]
        assert (how, answer.status, pointers) == (how, 422, [pointer])
    assert (await nobody.post(PATH.replace("luna", "nova"), body(), key="nova")).status == 404
    assert (await nobody.post(PATH, body())).status == 400  # without a key
    signed = await stream.as_customer().post(PATH, body(fan="a-token-of-this-browser"), key="both")
    assert (signed.status, signed.json["errors"][0]["pointer"]) == (422, "/fan")
    bare = await stream.as_server().post("/v1/purchases", {"customer": "ada", "sku": "fanfunding.tip"}, key="bare")
    assert (bare.status, bare.json["code"]) == (422, "invalid_request")
    granted = await stream.as_server().post(
        "/v1/grants", {"customer": "ada", "sku": "fanfunding.tip", "reason": "free"}, key="granted"
    )
    assert granted.status == 422
    after = stream.rows()
    ignored = {"customers", "events", "anchors", "claims", "fanfunding_creators", "buyer_counts", "counters"}
    changed = {name: count for name, count in after.items() if before[name] != count and name not in ignored}
    assert changed == {}
    listed = {offer["sku"] for offer in (await nobody.get("/v1/catalog")).json["offers"]}
    assert "fanfunding.tip" not in listed


async def test_a_tip_of_just_enough_characters_is_taken(stream):
    assert (await give(stream, 100, name=FAMILY * 25, message=FAMILY * 20)).status == 202


async def test_a_tip_that_is_never_paid_is_void_and_counts_for_nothing(stream):
    begun = await give(stream)
    await stream.advance("1h")
    await stream.quiet()
    assert (await see(stream, begun.json))["state"] == "void"
    assert purse(stream) == {"reserve": 0, "payable": 0, "debt": 0}
    assert stream.query("SELECT sequence FROM fanfunding_alerts") == []


async def test_money_that_comes_after_the_shop_gave_up_is_a_tip_all_the_same(stream):
    begun = await give(stream)
    await give_up(stream, begun)
    await stream.quiet()
    assert (await see(stream, begun.json))["state"] == "void"

    assert await stream.pay(begun) == 303
    await stream.quiet()

    shown = await see(stream, begun.json)
    assert (shown["state"], shown["sequence"]) == ("paid", 1)
    assert purse(stream)["reserve"] == 499

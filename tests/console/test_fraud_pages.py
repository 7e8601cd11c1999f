"""Fraud in the console: what rules do, why a purchase waits, lists, and the verb that refuses and blocks."""

import html
import json
import re

import pytest

from storefront.testing import running_shop
from tests.fraud.screened import decisions, is_neutral_refusal, shop_with
from tests.fraud.test_scores import play

PATH = "/console/fraud"
RULES = """
{id: many-at-once, do: review, when: "quantity > 3"}
{id: banned-device, do: block, when: "in_list(device.id, 'banned_devices')"}
{id: reported, do: block, when: "in_list(customer.id, 'reported_customers')"}
{id: would-block, do: block, when: "quantity > 2", mode: shadow}
"""
SCORED = """
{id: unusual, do: review, when: "anomaly.score > 0.35 && sku == 'potion'"}
"""
HOSTILE = ['<img src=x onerror="alert(1)">', "'\"><script>alert(1)</script>", "{{ 7*7 }}", "ليلى <b>"]
PHONE = {"metadata": {"device": "phone"}}


@pytest.fixture
async def gate(data_folder, database_url):
    """A shop whose rules review, block and watch."""
    async with running_shop(data_folder, shop_with(RULES), database=database_url) as shop:
        yield shop


def acts_of(shop):
    names = {f"operator:{row['id']}": row["login"] for row in shop.query("SELECT id, login FROM operators")}
    rows = shop.query("SELECT action, actor, about, facts FROM audit_actions WHERE action LIKE 'fraud.%' OR "
                      "action LIKE 'review.%' ORDER BY id")  # fmt: skip
    return [(row["action"], names.get(row["actor"], row["actor"]), row["about"], json.loads(row["facts"]))
            for row in rows]  # fmt: skip


def on_lists(shop):
    rows = shop.query("SELECT list, value, reason FROM fraud_list_entries ORDER BY list")
    return [(row["list"], row["value"], row["reason"]) for row in rows]


async def test_rules_and_decisions_are_seen_and_found(gate, signed_in):
    await gate.bought("gems-500", **PHONE)
    waits = await gate.buy("potion", quantity=4, **PHONE)
    await gate.as_server().post("/v1/fraud/lists/banned_devices/add", {"values": ["bad"], "reason": "ring"})
    blocked = await gate.buy("potion", metadata={"device": "bad"})
    assert (waits.status, is_neutral_refusal(blocked)) == (202, True)
    console = await signed_in(gate, "read_only")
    page = await console.get(PATH)
    for words in ("Many at once", "Sends to review", "Would block", "Shadow", "quantity > 3", "Decided within 7 days",
                  "storefront fraud test --since 30d --rules FILE", "Matched within 7 days, by rule",
                  "banned_devices"):  # fmt: skip
        assert words in html.unescape(page.markup), words
    listed = await console.get(f"{PATH}/decisions")
    assert listed.text.count("pur_") >= 3
    assert "shadow: Would block" in listed.text
    for query, verdicts in [
        ("verdict=block", ["Blocked"]), (f"q={waits.json['id']}", ["To review"]), ("q=nobody", []),
        ("q=ada&verdict=allow", ["Allowed"]), ("q=cus_x", []),
    ]:  # fmt: skip
        found = await console.get(f"{PATH}/decisions?{query}")
        rows = re.findall(r'<span class="badge[^>]*>([^<]+)</span>\s*</td>', found.markup)
        assert [row.strip() for row in rows] == verdicts, query
    customer = gate.query("SELECT customer_id FROM purchases LIMIT 1")[0]["customer_id"]
    by_ours = await console.get(f"{PATH}/decisions?q={customer}")
    assert waits.json["id"] in by_ours.text

    one = await console.get(f"{PATH}/decisions/{waits.json['id']}")
    for words in ("Many at once", "its condition holds", "quantity", "Known device", "Not scored", "Rules that hit"):
        assert words in one.text, words
    (refused,) = [one for one in decisions(gate) if one["outcome"] == "refused"]
    gone = await console.get(f"{PATH}/decisions/{refused['purchase_id']}")
    assert "it was refused" in gone.text
    assert f"/console/purchases/{refused['purchase_id']}" not in gone.links()
    assert (await console.get(f"{PATH}/decisions/pur_x")).status == 404
    assert (await console.get(f"{PATH}/lists/nobody")).status == 404


async def test_a_purchase_and_its_review_say_the_score_and_why_in_words(data_folder, database_url, signed_in):
    async with running_shop(data_folder, shop_with(SCORED), database=database_url) as shop:
        await play(shop)
        usual = await shop.buy("potion", customer="player-3", metadata={"device": "phone-3"})
        body = {"customer": "mule", "asset": "gems", "amount": 5000, "reason": "for the test"}
        assert (await shop.as_server().post("/v1/grants", body, key="gems-mule")).status == 201
        strange = await shop.buy("potion", customer="player-3", quantity=90, recipient="mule",
                                 metadata={"device": "elsewhere"})  # fmt: skip
        assert (usual.status, strange.status) == (201, 202)
        console = await signed_in(shop, "support")
        page = await console.get(f"/console/purchases/{usual.json['id']}")
        score = round(100 * decisions(shop)[-2]["attributes"]["anomaly.score"])
        for words in (f"Risk score {score} of 100", "Known for 9 days", "Known device", "The rules let it through."):
            assert words in page.text, words

        queue = await console.get("/console/review")
        high = round(100 * decisions(shop)[-1]["attributes"]["anomaly.score"])
        assert high >= 35
        assert f"Score {high} " in queue.text
        for words in ("Unusual", "New device", "customer"):
            assert words in queue.text, words
        assert "Refuse and block" not in queue.text  # support decides reviews, and writes no lists
        whole = await console.get(f"{PATH}/decisions/{strange.json['id']}")
        assert f"Score {high} of 100" in whole.text
        assert "What counted for the score" in whole.text


async def test_refuse_and_block_rejects_first_and_puts_them_on_the_lists_once(gate, signed_in):
    await gate.bought("gems-500")
    first, second = await gate.buy("potion", quantity=4), await gate.buy("potion", quantity=5)
    block = f"{PATH}/decisions/{first.json['id']}/block"
    support = await signed_in(gate, "support")
    csrf = (await support.get("/console/review")).forms()["/console/sign-out"]["csrf"]
    refused = await support.post(block, {"csrf": csrf, "key": "x", "reason": "no"})
    assert (refused.status, on_lists(gate)) == (403, [])

    console = await signed_in(gate, "finance")
    missing = await console.send("/console/review", block, reason=" ")
    assert (missing.status, "Fill in: reason." in missing.text, on_lists(gate)) == (422, True, [])
    asked = await console.send("/console/review", block, reason="a ring, bob@example.com")
    assert "Refuse ada's purchase for 60 gems, and block them?" in asked.text
    assert on_lists(gate) == []
    done = await console.confirm(asked, block)
    assert (done.status, done.url) == (200, "/console/review?says=blocked")
    assert "its buyer is on the block lists" in done.text
    await gate.quiet()
    assert (await gate.seen(first.json))["status"] == "rejected"
    why = f"refused {first.json['id']}: a ring, [redacted]"
    blocked = [("reported_addresses", "127.0.0.1", why), ("reported_customers", "ada", why)]
    assert on_lists(gate) == blocked
    assert is_neutral_refusal(await gate.buy("potion"))
    again = await console.post(
        block, {"csrf": done.forms()["/console/sign-out"]["csrf"], "key": "y", "reason": "twice", "sure": "yes"}
    )
    assert (again.status, len(on_lists(gate))) == (200, 2)

    # What somebody else has let through is blocked by nobody.
    other = f"/console/review/{second.json['id']}/approve"
    form = {**(await console.get("/console/review")).forms()[other], "reason": "known"}
    late = {**form, "reason": "too late"}
    assert (await console.post(other, form)).status == 200
    assert (
        "It was approved."
        in (await console.post(f"{PATH}/decisions/{second.json['id']}/block", {**late, "sure": "yes"})).text
    )
    told = [(action, who, about) for action, who, about, _ in acts_of(gate) if action == "fraud.blocked"]
    assert told == [("fraud.blocked", "finance@example.com", first.json["id"])] * 2
    assert acts_of(gate)[-1][3] != {}


async def test_lists_are_kept_by_whoever_may_and_hostile_values_stay_words(gate, signed_in):
    path = f"{PATH}/lists/banned_devices"
    reader = await signed_in(gate, "support")
    assert [one for one in (await reader.get(path)).forms() if one.startswith(path)] == []
    csrf = (await reader.get(path)).forms()["/console/sign-out"]["csrf"]
    assert (await reader.post(f"{path}/add", {"csrf": csrf, "values": "x", "reason": "x"})).status == 403
    console = await signed_in(gate, "owner")
    sent = {"values": "\r\n".join(["phone", *HOSTILE]), "reason": f"ring {HOSTILE[0]}", "for": "2h"}
    assert (await console.send(path, f"{path}/add", **{**sent, "for": "soon"})).status == 422
    added = await console.send(path, f"{path}/add", **sent)
    assert "It is on the list." in added.text
    for text in HOSTILE:
        assert text in html.unescape(added.markup)
        assert added.markup.count(text) == (text == "{{ 7*7 }}") * 3, text
    assert is_neutral_refusal(await gate.buy("gems-500", **PHONE))
    (form,) = [form for form in added.acts(f"{path}/remove") if form["value"] == "phone"]
    asked = await console.post(f"{path}/remove", form)
    assert "Take phone off the list banned_devices?" in asked.text
    assert is_neutral_refusal(await gate.buy("gems-500", **PHONE))
    assert "It is off the list." in (await console.confirm(asked, f"{path}/remove")).text
    assert (await gate.buy("gems-500", **PHONE)).status == 202
    found = [(action, who, about, facts["values"]) for action, who, about, facts in acts_of(gate)]
    assert found == [("fraud.list_added", "owner@example.com", "banned_devices", 5),
                     ("fraud.list_removed", "owner@example.com", "banned_devices", 1)]  # fmt: skip
    assert "for good" in (await console.get(f"{PATH}/lists/blocked_countries")).text
    await gate.advance("2h")
    assert "Nothing is on it." in (await console.get(path)).text


async def test_refusing_what_waits_asks_first_and_says_whose_it_is(gate, signed_in):
    await gate.bought("gems-500")
    waits = await gate.buy("potion", quantity=4)
    reject = f"/console/review/{waits.json['id']}/reject"
    support = await signed_in(gate, "support")
    asked = await support.send("/console/review", reject, reason="a ring")
    assert "Refuse ada's purchase for 60 gems?" in asked.text
    assert "a ring" in asked.text
    assert (await gate.seen(waits.json))["status"] == "pending"
    done = await support.confirm(asked, reject)
    assert "It is refused. The money goes back." in done.text
    await gate.quiet()
    assert (await gate.seen(waits.json))["status"] == "rejected"
    assert "ada 4 × Potion 60 gems Rejected" in (await support.get("/console/purchases?status=rejected")).text


async def test_decisions_are_taken_out_as_the_list_shows_them(gate, signed_in):
    await gate.bought("gems-500", customer="ada")
    await gate.bought("gems-500", customer="bob")
    waits = (await gate.buy("potion", quantity=4, customer="ada")).json["id"]
    console = await signed_in(gate, "support")
    for asked, many in (("", 3), ("?q=ada", 2), ("?verdict=review", 1), (f"?q={waits}", 1), ("?q=nobody", 0)):
        page = await console.get(f"{PATH}/decisions{asked}")
        (way,) = [one for one in page.links() if one.startswith("/console/exports/")]
        listed = {one.rpartition("/")[2] for one in page.links() if "/decisions/pur_" in one}
        file = (await console.get(way)).markup.splitlines()[1:]
        assert (len(file), {line.partition(",")[0] for line in file}) == (many, listed), asked

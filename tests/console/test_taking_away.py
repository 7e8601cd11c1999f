"""What takes something away for good asks first, and what must be proved says what is proved."""

import json

WHY = "It stood in a public repository."
KEYS, OPERATORS = "/console/settings/keys", "/console/settings/operators"


def written(shop, action):
    rows = shop.query("SELECT facts FROM audit_actions WHERE action = ? ORDER BY id", action)
    return [json.loads(row["facts"]) for row in rows]


async def test_a_key_is_retired_after_a_question_and_for_a_reason(shop, signed_in):
    owner = await signed_in(shop, "owner")
    await owner.send(KEYS, f"{KEYS}/make", name="game", kind="server")
    asked = await owner.send(KEYS, f"{KEYS}/retire")
    assert (asked.status, "Retire the key game?" in asked.text) == (200, True), asked.text
    assert KEYS in asked.links()
    assert written(shop, "key.revoked") == []
    form = asked.forms()[f"{KEYS}/retire"]
    reasonless = await owner.post(f"{KEYS}/retire", form)
    assert (reasonless.status, "Retire the key game?" in reasonless.text) == (422, True)
    assert written(shop, "key.revoked") == []
    done = await owner.post(f"{KEYS}/retire", {**form, "reason": WHY})
    assert done.url == f"{KEYS}?says=retired", done.text
    assert written(shop, "key.revoked") == [{"reason": WHY}]


async def test_an_operator_is_ended_after_a_question_and_for_a_reason(shop, signed_in):
    owner, support = await signed_in(shop, "owner"), await signed_in(shop, "support")
    named = shop.query("SELECT id FROM operators WHERE login = ?", support.login)[0]["id"]
    (form,) = [one for one in (await owner.get(OPERATORS)).acts(f"{OPERATORS}/end") if one["id"] == named]
    asked = await owner.post(f"{OPERATORS}/end", form)
    assert (asked.status, f"End the operator {support.login}?" in asked.text) == (200, True), asked.text
    assert written(shop, "operator.ended") == []
    await owner.post(f"{OPERATORS}/end", {**asked.forms()[f"{OPERATORS}/end"], "reason": WHY})
    assert written(shop, "operator.ended") == [{"reason": WHY}]


async def test_what_is_taken_out_of_a_wallet_is_shown_before_it_leaves(shop, signed_in):
    await shop.bought("gems-500")
    finance = await signed_in(shop, "finance")
    page = f"/console/customers/{shop.query('SELECT id FROM customers')[0]['id']}"
    asked = await finance.send(page, f"{page}/adjust", asset="gems", amount="120", reason=WHY)
    assert (asked.status, "Take 120 gems away from ada?" in asked.text, WHY in asked.text) == (200, True, True)
    assert shop.balance("customer:ada:gems") == 500
    shop.wall.move(601)
    proof = await finance.post(f"{page}/adjust", asked.forms()[f"{page}/adjust"])
    assert (proof.status, "Take 120 gems away from ada" in proof.text) == (403, True), proof.text
    done = await finance.proved(proof, f"{page}/adjust")
    assert done.url == f"{page}?says=taken", done.text
    assert shop.balance("customer:ada:gems") == 380


async def test_proof_of_a_refund_says_what_is_refunded_and_to_whom(shop, signed_in):
    purchase, finance = await shop.bought("gems-500"), await signed_in(shop, "finance")
    page = f"/console/purchases/{purchase['id']}"
    shown = await finance.send(page, f"{page}/refund", reason=WHY, amount="1.99")
    shop.wall.move(601)
    asked = await finance.post(f"{page}/refund", shown.forms()[f"{page}/refund"])
    assert (asked.status, "1.99 to ada" in asked.text) == (403, True), asked.text


async def test_a_form_that_makes_a_key_makes_one(shop, signed_in):
    owner = await signed_in(shop, "owner")
    form = {**(await owner.get(KEYS)).forms()[f"{KEYS}/make"], "name": "game", "kind": "server"}
    assert (await owner.post(f"{KEYS}/make", form)).status == 200
    again = await owner.post(f"{KEYS}/make", form)
    assert (again.status, "was made already" in again.text) == (422, True), again.text
    assert len(written(shop, "key.created")) == 1


async def test_a_form_that_adds_an_endpoint_adds_one(shop, signed_in):
    owner = await signed_in(shop, "owner")
    add = "/console/webhooks/add"
    form = {**(await owner.get("/console/webhooks")).forms()[add], "url": "https://game.example/hook"}
    assert (await owner.post(add, form)).status == 200
    again = await owner.post(add, form)
    assert (again.status, "This form was sent before" in again.text) == (422, True), again.text
    assert len(shop.query("SELECT id FROM webhook_endpoints")) == 1


async def test_too_much_is_refused_with_how_much_there_is_at_its_field(shop, signed_in):
    purchase, finance = await shop.bought("gems-500"), await signed_in(shop, "finance")
    page, bought = f"/console/customers/{shop.query('SELECT id FROM customers')[0]['id']}", purchase["id"]
    short = await finance.send(page, f"{page}/adjust", asset="gems", amount="501", reason=WHY, sure="yes")
    assert (short.status, "How much is more than the 500 gems that can be taken" in short.text) == (422, True), (
        short.text
    )
    back = f"/console/purchases/{bought}"
    refused = await finance.send(back, f"{back}/refund", amount="5.00", reason=WHY)
    assert (refused.status, "4.99 that can still go back" in refused.text) == (422, True), refused.text
    unsaid = await finance.send(page, f"{page}/grant", reason=WHY)
    assert "Currency or an offer: choose one" in unsaid.text


async def test_goods_that_are_gone_are_refused_in_the_words_of_the_choices(shop, signed_in):
    purchase, finance = await shop.bought("gems-500"), await signed_in(shop, "finance")
    page, bought = f"/console/customers/{shop.query('SELECT id FROM customers')[0]['id']}", purchase["id"]
    await finance.send(page, f"{page}/adjust", asset="gems", amount="120", reason=WHY, sure="yes")
    refused = await finance.send(f"/console/purchases/{bought}", f"/console/purchases/{bought}/refund", reason=WHY)
    assert (refused.status, "Choose under “If goods are used”" in refused.text) == (422, True), refused.text
    assert "strategy floor" not in refused.text

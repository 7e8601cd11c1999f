"""A customer's privacy in the console: all that is held is taken out, and two are made one, by owners alone."""

import json

WHY = "one player had two accounts"


async def page_of(shop, customer):
    await shop.session(customer)
    [row] = shop.query("SELECT id FROM customers WHERE external_id = ?", customer)
    return f"/console/customers/{row['id']}"


def gems(shop, *customers):
    return [shop.balance(f"customer:{one}:gems") for one in customers]


async def test_an_owner_takes_out_what_is_held_and_others_do_not(shop, signed_in):
    await shop.bought("gems-500")
    page = await page_of(shop, "ada")
    owner, finance = await signed_in(shop, "owner"), await signed_in(shop, "finance")
    privacy = f"{page}/privacy"
    assert privacy in (await owner.get(page)).links()
    assert privacy not in (await finance.get(page)).links()
    assert f"{page}/export" in (await owner.get(privacy)).links()
    taken = await owner.get(f"{page}/export")
    assert (taken.status, json.loads(taken.markup)["customer"]) == (200, "ada")
    assert [row["actor"] for row in shop.query("SELECT actor FROM audit_actions WHERE action = 'customer.exported'")]
    for path in (privacy, f"{page}/export"):
        assert (await finance.get(path)).status == 403


async def test_two_are_made_one_after_a_look_at_what_moves(shop, signed_in):
    for customer in ("ada", "guest"):
        await shop.bought("gems-500", customer=customer)
    guest, ada, owner = await page_of(shop, "guest"), await page_of(shop, "ada"), await signed_in(shop, "owner")
    privacy, act = f"{guest}/privacy", f"{guest}/privacy/merge"
    asked = await owner.send(privacy, act, into="ada", reason=WHY)
    assert (asked.status, "Merge guest into ada?" in asked.text, "500 gems" in asked.text) == (200, True, True)
    assert gems(shop, "guest", "ada") == [500, 500]
    done = await owner.post(act, asked.forms()[act])
    assert done.url == f"{ada}?says=merged", done.text
    assert ("Also known as guest" in done.text, gems(shop, "guest", "ada")) == (True, [0, 1000]), done.text
    again = await owner.post(act, asked.forms()[act])
    assert (again.url, gems(shop, "guest", "ada")) == (f"{ada}?says=merged", [0, 1000])
    assert "Also known as guest" in (await owner.get(guest)).text
    assert "now ada" in (await owner.get("/console/customers?q=guest")).text
    [row] = shop.query("SELECT facts FROM audit_actions WHERE action = 'customer.merged'")
    assert json.loads(row["facts"])["reason"] == WHY


async def test_what_keeps_two_apart_is_named_and_nobody_unknown_is_merged_into(shop, signed_in):
    guest, owner = await page_of(shop, "guest"), await signed_in(shop, "owner")
    await page_of(shop, "ada")
    privacy, act = f"{guest}/privacy", f"{guest}/privacy/merge"
    unknown = await owner.send(privacy, act, into="nobody", reason=WHY)
    assert (unknown.status, "Into is no customer here" in unknown.text) == (422, True), unknown.text
    same = await owner.send(privacy, act, into="guest", reason=WHY)
    assert (same.status, "Into must be another customer" in same.text) == (422, True), same.text
    pending = (await shop.buy("gems-500", customer="guest")).json
    asked = await owner.send(privacy, act, into="ada", reason=WHY)
    assert (asked.status, "They cannot be merged now" in asked.text, pending["id"] in asked.text) == (200, True, True)
    assert act not in asked.forms()

"""A customer in the console: given to and taken from by hand, once per form, with the books saying the same."""

import json
import re

from storefront.console.pages.customers import MOST_HISTORY

WHY = "asked on the phone"


async def of(shop, customer="ada"):
    """Return where a customer's page is."""
    await shop.session(customer)
    [row] = shop.query("SELECT id FROM customers WHERE external_id = ?", customer)
    return f"/console/customers/{row['id']}"


def gems(shop, customer="ada"):
    return shop.balance(f"customer:{customer}:gems")


def acts_of(shop, action):
    """Return what was written down: (login of the operator, facts)."""
    names = {f"operator:{row['id']}": row["login"] for row in shop.query("SELECT id, login FROM operators")}
    rows = shop.query("SELECT actor, facts FROM audit_actions WHERE action = ? ORDER BY id", action)
    return [(names.get(row["actor"], row["actor"]), json.loads(row["facts"])) for row in rows]


def entry_on(seen):
    """Return an entry of the books as a page shows it: (account, debit, credit) of each line."""
    rows = re.findall(r"<tr>\s*(.*?)</tr>", seen.markup, re.DOTALL)
    found = [
        [
            " ".join(re.sub(r"<[^>]+>|\u200b", "", cell).split())
            for cell in re.findall(r"<t[dh].*?</t[dh]>", row, re.DOTALL)
        ]
        for row in rows
    ]
    return [tuple(row) for row in found if len(row) == 3 and (":" in row[0])]


async def test_what_is_given_by_hand_arrives_once_per_form_and_says_who_gave_it(shop, signed_in):
    page, finance = await of(shop), await signed_in(shop, "finance")
    form = {**(await finance.get(page)).forms()[f"{page}/grant"], "asset": "gems", "amount": "40", "reason": WHY}
    for _ in range(2):
        seen = await finance.post(f"{page}/grant", form)
        assert (seen.status, seen.url) == (200, f"{page}?says=given"), seen.text
    assert gems(shop) == 40
    assert [(who, facts["reason"]) for who, facts in acts_of(shop, "grant.made")] == [(finance.login, WHY)]
    reused = await finance.post(f"{page}/grant", {**form, "amount": "41"})
    assert (reused.status, gems(shop)) == (422, 40)

    goods = await finance.send(page, f"{page}/grant", sku="sword", reason=WHY)
    assert goods.url == f"{page}?says=given", goods.text
    assert "sword Item 1" in goods.text


async def test_what_is_taken_by_hand_is_gone_once_per_form_and_says_who_took_it(shop, signed_in):
    await shop.bought("gems-500")
    page, finance = await of(shop), await signed_in(shop, "finance")
    form = {
        **(await finance.get(page)).forms()[f"{page}/adjust"],
        "asset": "gems",
        "amount": "120",
        "reason": WHY,
        "sure": "yes",
    }
    for _ in range(2):
        seen = await finance.post(f"{page}/adjust", form)
        assert (seen.status, seen.url) == (200, f"{page}?says=taken"), seen.text
    assert gems(shop) == 380
    [(who, facts)] = acts_of(shop, "wallet.adjusted")
    assert (who, facts["amount"], facts["asset"], facts["reason"]) == (finance.login, 120, "gems", WHY)
    changed = await finance.post(f"{page}/adjust", {**form, "amount": "121"})
    assert (changed.status, gems(shop)) == (422, 380)
    keyless = {name: value for name, value in form.items() if name != "key"}
    assert (await finance.post(f"{page}/adjust", keyless)).status in (400, 422)
    assert gems(shop) == 380

    entry = await finance.get(f"/console/books/{facts['entry']}")
    assert entry_on(entry) == [("customer:ada:gems", "120 gems", ""), ("platform:issuance:gems", "", "120 gems")]
    history = await finance.get(f"{page}/wallets/gems")
    assert f"/console/books/{facts['entry']}" in history.links()
    assert f"{page}/wallets/gems" in (await finance.get(page)).links()


async def test_a_note_stands_once_per_form_with_who_wrote_it(shop, signed_in):
    page, support = await of(shop), await signed_in(shop, "support")
    form = {**(await support.get(page)).forms()[f"{page}/note"], "note": "Asked for a refund, got <b>gems</b>."}
    for _ in range(2):
        seen = await support.post(f"{page}/note", form)
        assert (seen.status, seen.url) == (200, f"{page}?says=noted"), seen.text
    assert seen.text.count("got <b>gems</b>.") == 1
    assert support.login in seen.text
    assert [who for who, _ in acts_of(shop, "customer.noted")] == [support.login]
    reused = await support.post(f"{page}/note", {**form, "note": "Something else."})
    assert (reused.status, len(shop.query("SELECT id FROM customer_notes"))) == (422, 1)
    await support.send(page, f"{page}/note", note=form["note"])
    assert len(shop.query("SELECT id FROM customer_notes")) == 2


async def test_more_than_there_is_cannot_be_taken_and_what_was_typed_stays(shop, signed_in):
    await shop.bought("gems-500")
    page, finance = await of(shop), await signed_in(shop, "finance")
    before = shop.rows()
    for typed, words in (
        ("501", "500"),
        ("0", "more than nothing"),
        ("-1", "is no amount"),
        ("1.5", "at most 0 decimals"),
        ("1,200", "is no amount"),
        ("1e2", "is no amount"),
        ("1e999999", "is no amount"),
        ("NaN", "is no amount"),
        ("x", "is no amount"),
        ("9" * 30, "is too large"),
    ):
        seen = await finance.send(page, f"{page}/adjust", asset="gems", amount=typed, reason=WHY, sure="yes")
        assert (seen.status, words in seen.text, WHY in seen.markup) == (422, True, True), (typed, seen.text)
    real = await finance.send(page, f"{page}/adjust", asset="USD", amount="1", reason=WHY, sure="yes")
    assert (real.status, "must be a virtual currency of the shop" in real.text) == (422, True)
    assert gems(shop) == 500
    assert {**shop.rows(), "settings": 0} == {**before, "settings": 0}


async def test_support_neither_gives_nor_takes(shop, signed_in):
    page, support = await of(shop), await signed_in(shop, "support")
    seen = await support.get(page)
    assert [action for action in seen.forms() if action.endswith(("/grant", "/adjust"))] == []
    csrf = seen.forms()["/console/sign-out"]["csrf"]
    for act, form in (("grant", {"asset": "gems"}), ("adjust", {"asset": "gems"})):
        sent = {**form, "amount": "1", "reason": WHY, "csrf": csrf, "key": "k"}
        assert (await support.post(f"{page}/{act}", sent)).status == 403
    assert gems(shop) == 0


async def test_an_entry_is_shown_as_the_journal_has_it(shop, signed_in):
    """A sale debits what the gateway owes and credits what was earned; who gets gems is credited."""
    purchase = await shop.bought("gems-500")
    page, reader = await of(shop), await signed_in(shop, "read_only")
    seen = await reader.get(f"/console/purchases/{purchase['id']}")
    assert page in seen.links()
    lines = entry_on(seen)
    assert ("gateway:sandbox:clearing:USD", "$4.99", "") in lines, lines
    assert ("customer:ada:gems", "", "500 gems") in lines, lines
    for row in shop.query("SELECT id, kind FROM entries"):
        moved = shop.query("SELECT source, destination FROM transfers WHERE entry_id = ?", row["id"])
        shown = entry_on(await reader.get(f"/console/books/{row['id']}"))
        assert len(shown) == 2 * len(moved)
        assert {account for account, debit, _ in shown if debit} == {as_shown(one["source"]) for one in moved}
        assert {account for account, _, credit in shown if credit} == {as_shown(one["destination"]) for one in moved}


def as_shown(account):
    return re.sub(r"customer:cus_\w+:", "customer:ada:", account)


async def test_customers_of_any_name_are_linked_from_their_purchases(shop, signed_in):
    reader = await signed_in(shop, "read_only")
    for name in ("a/b", "50%?x=1#y", "<b>&\"'"):
        purchase = await shop.bought("gems-500", customer=name)
        page = await of(shop, name)
        seen = await reader.get(f"/console/purchases/{purchase['id']}")
        assert page in seen.links(), name
        assert name in (await reader.get(page)).text


async def test_a_wallets_history_goes_on_page_by_page(shop, signed_in):
    page, finance = await of(shop), await signed_in(shop, "finance")
    for number in range(MOST_HISTORY + 3):
        made = await shop.as_server().post(
            "/v1/grants", {"customer": "ada", "asset": "gems", "amount": 1 + number, "reason": WHY}, key=f"g{number}"
        )
        assert made.status == 201, made.json
    first = await finance.get(f"{page}/wallets/gems")
    (older,) = {one for one in first.links() if "after=" in one}
    entries = [one for seen in (first, await finance.get(older)) for one in seen.links() if "/console/books/ent" in one]
    assert len(entries) == len(set(entries)) == MOST_HISTORY + 3

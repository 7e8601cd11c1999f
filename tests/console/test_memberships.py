"""Memberships in the console: found, seen whole, acted on once and by who may; MRR is what its list adds up to."""

import asyncio
import json
import re
from decimal import Decimal

import pytest
from storefront_subscriptions.console.funnel import read_funnel
from storefront_subscriptions.reading_figures import read_figures

from storefront.testing import running_shop
from tests.subscriptions.changing import CHANGING
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.gifting import GIVING, gift, theirs
from tests.subscriptions.subscribing import GOOD, events, invoices, see, subscribe
from tests.subscriptions.test_failing import charged, with_card
from tests.subscriptions.test_final_invoices import FINAL, left
from tests.subscriptions.test_usage import use

PATH = "/console/memberships"
HOSTILE = "<img src=x onerror=alert(1)>&\"'"
WHY = "asked on the phone"
SOFT = "4000 0000 0000 9995"
HARD = "4000 0000 0000 9979"


@pytest.fixture
async def club(data_folder, database_url):
    async with running_shop(data_folder, SUBSCRIBED, database=database_url) as shop:
        yield shop


@pytest.fixture
async def bar(data_folder, database_url):
    """A shop whose tiers can be changed."""
    async with running_shop(data_folder, CHANGING, database=database_url) as shop:
        yield shop


def acts_of(shop, subscription):
    """Return what was written down about a subscription: (action, actor's kind, reason)."""
    rows = shop.query("SELECT action, actor, facts FROM audit_actions WHERE about = ? ORDER BY id", subscription)
    return [
        (row["action"].removeprefix("subscription."), row["actor"][:12], json.loads(row["facts"])["reason"])
        for row in rows
    ]


def rows_of(seen):
    """Return the cells of each row of the first table, as words."""
    (body,) = re.findall(r"<caption[^>]*>Memberships</caption>.*?<tbody[^>]*>(.*?)</tbody>", seen.markup, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", body, re.DOTALL)
    return [
        [" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", row, re.DOTALL)]
        for row in rows
    ]


async def counted(shop):
    await shop.quiet()
    await shop.parts.roller.fold_all()


async def act(console, subscription, name, **fields):
    page = f"{PATH}/{subscription}"
    return await console.send(page, f"{page}/{name}", reason=WHY, **fields)


async def test_from_monthly_recurring_one_lands_on_exactly_what_adds_up_to_it(club, signed_in):
    for number in range(28):
        await subscribe(club, "basic" if number % 3 else "premium", customer=f"c{number}")
    yearly = await subscribe(club, "premium", customer="yearly", interval="year")
    await subscribe(club, "tried", customer="trial")
    await subscribe(club, "free", customer="freebie")
    over = await subscribe(club, "basic", customer="gone")
    await club.advance("8d")
    ended = await club.as_customer("gone").post(f"/v1/subscriptions/{over}/cancel", {"at": "now"}, key="x")
    assert ended.status == 200
    await counted(club)
    console = await signed_in(club, "read_only")

    # 18 of 28 pay 4.99 and 10 pay 9.99; a year of 99.90 counts as 8.32 (8.325, to even).
    overview = await console.get("/console?currency=USD&span=7")
    (leads,) = {one for one in overview.links() if "standing=paying" in one}
    assert "$198.04" in overview.text
    first = await console.get(leads)
    (older,) = {one for one in first.links() if "after=" in one}
    second = await console.get(older)
    shown = [row for page in (first, second) for row in rows_of(page)]
    assert len(shown) == 29
    assert sum(Decimal(row[3].removeprefix("$")) for row in shown) == Decimal("198.04")
    assert "29 pay, $198.04 a month in all." in first.text
    assert {row[2].split()[0] for row in shown} == {"Active"}
    assert yearly in " ".join(first.links() + second.links())
    (way,) = [one for one in second.links() if one.startswith("/console/exports/")]
    taken = {line.partition(",")[0] for line in (await console.get(way)).markup.splitlines()[1:]}
    assert (len(taken), yearly in taken, over in taken) == (29, True, False)

    (left,) = {one for one in overview.links() if "standing=left" in one and "currency=USD" in one}
    page = await console.get(left)
    assert [(row[0], row[3]) for row in rows_of(page)] == [("gone", "−$4.99")]
    assert over in " ".join(page.links())
    assert [one for one in page.links() if one.startswith("/console/exports/")] == []  # what moved is no such list
    joined = await console.get(f"{PATH}?standing=joined&from=2020-01-01T00:00:00.000Z&to=2100-01-01T00:00:00.000Z")
    assert len(rows_of(joined)) == 25
    tiles = await console.get(PATH)
    for words in ("$198.04", "Customers who left", "Revenue lost", "How monthly recurring moved", "How far customers"):
        assert words in tiles.text


async def test_one_finds_by_name_id_standing_tier_and_currency_and_hostile_names_stay_words(club, signed_in):
    ada = await subscribe(club, "basic")
    trial = await subscribe(club, "tried", customer="bob")
    await subscribe(club, "premium", customer=HOSTILE)
    console = await signed_in(club, "support")
    customer = club.query("SELECT customer_id FROM subscriptions WHERE id = ?", ada)[0]["customer_id"]
    for query, names in [
        ("q=ada", ["ada"]), (f"q={ada}", ["ada"]), (f"q={customer}", ["ada"]), ("q=nobody", None),
        ("standing=trialing", ["bob"]), ("tier=basic", ["ada"]), ("currency=gems", None), ("standing=ended", None),
        ("standing=past_due&q=ada", None),
    ]:  # fmt: skip
        page = await console.get(f"{PATH}?{query}")
        assert page.status == 200, query
        if names is None:
            assert "Nothing matches." in page.text
        else:
            assert [row[0] for row in rows_of(page)] == names, query
    everybody = await console.get(PATH)
    assert "<img src=x" not in everybody.markup
    assert HOSTILE in everybody.text
    for bad in ("from=yesterday", "standing=rich", "after=x", "standing=left&after=x"):
        assert (await console.get(f"{PATH}?{bad}")).status in (400, 422), bad

    whole = await console.get(f"{PATH}/{ada}")
    (invoice,) = await invoices(club, ada)
    for words in ("Basic of ada", "$4.99 a month", "Period 1", "Paid", ada, "Started"):
        assert words in whole.text
    assert f"/console/purchases/{invoice['purchase']}" in whole.links()
    of_customer = await console.get(f"/console/customers/{customer}")
    assert f"{PATH}/{ada}" in of_customer.links()
    of_purchase = await console.get(f"/console/purchases/{invoice['purchase']}")
    assert "Membership" in of_purchase.text
    assert f"{PATH}/{ada}" in of_purchase.links()
    assert (await console.get(f"{PATH}/sub_x")).status == 404
    assert "On trial" not in (await console.get(f"{PATH}/{trial}")).text


async def test_who_may_do_what(club, signed_in):
    ada = await subscribe(club, "basic")
    roles = {
        "read_only": set(),
        "support": {"cancel"},
        "finance": {"cancel", "end", "pause", "change"},
        "owner": {"cancel", "end", "pause", "change"},
    }
    every = ("cancel", "end-unpaid", "keep", "end", "pause", "resume", "change", "drop-change", "charge")
    for role, may in roles.items():
        console = await signed_in(club, role)
        page = await console.get(f"{PATH}/{ada}")
        here = {one.removeprefix(f"{PATH}/{ada}/") for one in page.forms() if one.startswith(PATH)}
        assert here == may, role
        csrf = page.forms()["/console/sign-out"]["csrf"]
        refused = {
            "read_only": every,
            "support": [one for one in every if one not in ("cancel", "end-unpaid", "keep")],
        }.get(role, ())
        for name in refused:
            sent = await console.post(f"{PATH}/{ada}/{name}", {"csrf": csrf, "reason": WHY, "key": "k"})
            assert sent.status == 403, (role, name)
        assert (await console.post(f"{PATH}/{ada}/cancel", {"csrf": "0" * 64, "reason": WHY})).status == 403
    assert acts_of(club, ada) == []
    assert (await see(club, ada))["will_renew"]
    assert events(club).count("cancel_scheduled") == 0


async def test_support_ends_one_with_its_period_and_takes_that_back_each_form_once(club, signed_in):
    ada = await subscribe(club, "basic")
    console = await signed_in(club, "support")
    page = f"{PATH}/{ada}"
    form = {**(await console.get(page)).forms()[f"{page}/cancel"], "reason": f"{WHY} by a@b.example"}
    assert "They keep it until" in (await console.get(page)).text
    assert "Fill in: reason." in (await console.post(f"{page}/cancel", {**form, "reason": " "})).text
    assert (await console.post(f"{page}/cancel", form)).url == f"{page}?says=ends"
    assert not (await see(club, ada))["will_renew"]
    kept = await act(console, ada, "keep")
    assert "It goes on." in kept.text
    assert (await see(club, ada))["will_renew"]
    again = await console.post(f"{page}/cancel", form)  # the first form once more, as by a button pressed twice
    assert (await see(club, ada))["will_renew"]
    assert "That was done before." in again.text
    other = await console.post(f"{page}/cancel", {**form, "reason": "another"})
    assert other.status == 422
    assert acts_of(club, ada) == [
        ("cancel_scheduled", "operator:opr", f"{WHY} by [redacted]"),
        ("cancel_taken_back", "operator:opr", WHY),
    ]
    assert "support@example.com: asked on the phone" in (await console.get(page)).text


async def test_finance_pauses_resumes_and_ends(club, signed_in):
    ada = await subscribe(club, "basic")
    console = await signed_in(club, "finance")
    assert "says=pauses" in (await act(console, ada, "pause", when="period_end", until="")).url
    assert "says=resumed" in (await act(console, ada, "resume")).url
    wrong = await act(console, ada, "pause", when="now", until="soon")
    assert wrong.status == 422
    assert "must be a day as 2027-01-31" in wrong.text
    assert "says=paused" in (await act(console, ada, "pause", when="now", until="")).url
    assert (await see(club, ada))["billing_state"] == "paused"
    assert "says=resumed" in (await act(console, ada, "resume")).url
    assert (await see(club, ada))["billing_state"] == "active"
    asked = await act(console, ada, "end")
    assert "End Basic of ada now?" in asked.text
    assert (await see(club, ada))["billing_state"] == "active"
    ended = await console.confirm(asked, f"{PATH}/{ada}/end")
    assert "It has ended." in ended.text
    assert (await see(club, ada))["billing_state"] == "canceled"
    assert [action for action, _, _ in acts_of(club, ada)] == [
        "pause_scheduled", "pause_taken_back", "paused", "resume_ordered", "ended"]  # fmt: skip
    assert all(actor == "operator:opr" and why == WHY for _, actor, why in acts_of(club, ada))


async def test_a_change_is_shown_and_then_made_exactly_so_once(bar, signed_in):
    ada = await subscribe(bar, "bronze")
    console = await signed_in(bar, "finance")
    page = f"{PATH}/{ada}"
    shown = await act(console, ada, "change", plan="gold|30 days|USD", seats="1", timing="now")
    assert shown.status == 200
    assert "Nothing has happened yet." in shown.text
    (due,) = re.findall(r"Change it and charge (\$[\d.]+)", shown.text)
    assert due == "$20.00"
    assert await charged(bar) == [1000]
    form = shown.forms()[f"{page}/change"]
    assert (await console.post(f"{page}/change", form)).url == f"{page}?says=changed"
    await bar.quiet()
    assert (await console.post(f"{page}/change", form)).url == f"{page}?says=changed"
    assert await charged(bar) == [1000, 2000]
    assert (await see(bar, ada))["sku"] == "gold"
    later = await act(console, ada, "change", plan="bronze|30 days|USD", seats="1", timing="period_end")
    assert "Charged then" in later.text
    assert "says=scheduled" in (await console.post(f"{page}/change", later.forms()[f"{page}/change"])).url
    assert "says=dropped" in (await act(console, ada, "drop-change")).url
    stale = await console.post(f"{page}/change", later.forms()[f"{page}/change"] | {"key": "another"})
    assert stale.status == 422
    assert "no more as it was shown" in stale.text
    assert [action for action, _, _ in acts_of(bar, ada)] == ["change_ordered", "change_ordered", "change_revoked"]


async def test_what_failed_is_charged_at_once_and_says_when_it_is_tried_next(club, signed_in):
    ada = await with_card(club, SOFT)
    await club.advance("32d")
    await counted(club)
    console = await signed_in(club, "finance")
    paying = await console.get(f"{PATH}?standing=paying&currency=USD")
    ((name, _, stands, amount, following),) = rows_of(paying)
    assert (name, stands, amount, following[-8:]) == ("ada", "Past due", "$4.99", "next try")
    assert "1 pays, $4.99 a month in all." in paying.text
    assert "$4.99" in (await console.get("/console?currency=USD")).text.split("Churn")[0]
    page = await console.get(f"{PATH}/{ada}")
    for words in ("$4.99 is due.", "Attempts that failed", "insufficient funds", "Past due"):
        assert words in page.text
    assert "says=tried" in (await act(console, ada, "charge")).url
    assert await charged(club) == [499]
    assert (await invoices(club, ada))[0]["attempts"] == 2
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, GOOD.replace(" ", ""))
    form = {**(await console.get(f"{PATH}/{ada}")).forms()[f"{PATH}/{ada}/charge"], "reason": WHY}
    assert "says=charged" in (await console.post(f"{PATH}/{ada}/charge", form)).url
    assert "says=again" in (await console.post(f"{PATH}/{ada}/charge", form)).url
    assert await charged(club) == [499, 499]
    assert (await see(club, ada))["billing_state"] == "active"
    assert [action for action, _, _ in acts_of(club, ada)] == ["retry_ordered", "retry_ordered"]
    await counted(club)
    figures = await console.get(PATH)
    assert "Paid by a later attempt (1)" in figures.text
    assert "100.0%" in figures.text


async def test_a_card_refused_for_good_is_charged_again_only_by_hand(club, signed_in):
    ada = await with_card(club, HARD)
    await club.advance("32d")
    assert (await see(club, ada))["next_attempt_at"] is None
    method = club.query("SELECT reference FROM payment_methods")[0]["reference"]
    await club.sandbox.turn_card(method, GOOD.replace(" ", ""))
    console = await signed_in(club, "owner")
    page, action = f"{PATH}/{ada}", f"{PATH}/{ada}/charge"
    form = {**(await console.get(page)).forms()[action], "reason": WHY}
    others = [{**form, "key": f"of another window {number}"} for number in range(3)]
    await asyncio.gather(*(console.post(action, one) for one in [form, *others, form, form, *others]))
    await club.quiet()
    assert await charged(club) == [499, 499]
    assert (await see(club, ada))["billing_state"] == "active"
    keys = [actor for action, actor, _ in acts_of(club, ada) if action == "retry_ordered"]
    assert 1 <= len(keys) <= 4


async def test_the_funnel_is_the_shells(club, signed_in):
    ada = await subscribe(club, "basic")
    await subscribe(club, "tried", customer="bob")
    await subscribe(club, "free", customer="carl")
    await club.as_customer("ada").post(f"/v1/subscriptions/{ada}/cancel", {"at": "now"}, key="end")
    await counted(club)
    services = club.parts.services
    told = (await read_figures(services, None, services.clock.now()))["funnel"]
    assert await read_funnel(services) == told
    assert told == {"visited": 3, "tried": 3, "trial": 1, "free": 1, "paid": 1, "renewed": 0, "canceled": 1}
    assert "How far customers came" in (await (await signed_in(club, "read_only")).get(PATH)).text


async def test_gifts_and_included_credits_stand_on_their_memberships_and_purchases(data_folder, signed_in):
    async with running_shop(data_folder, GIVING) as shop:
        purchase = await gift(shop, "patron", 2)
        (bobs,) = await theirs(shop)
        console = await signed_in(shop, "finance")
        page = await console.get(f"{PATH}/{bobs['id']}")
        for words in ("Patron of bob", "Given, periods still to come 1", "Included credits", "60 gems"):
            assert words in page.text, words
        assert "Given periods that are still to come (1) are given up." in page.text
        paid_for = await console.get(f"/console/purchases/{purchase['id']}")
        assert "Periods given 2" in paid_for.text
        assert f"{PATH}/{bobs['id']}" in paid_for.links()


async def test_usage_and_what_is_asked_after_the_end_stand_on_the_membership(data_folder, signed_in):
    async with running_shop(data_folder, FINAL) as shop:
        running = await subscribe(shop, "worker", customer="bob")
        over = await left(shop)
        await use(shop, "call", 200, customer="bob")
        console = await signed_in(shop, "support")
        page = await console.get(f"{PATH}/{running}")
        assert "Usage" in page.text
        assert "is owed for usage" in page.text
        assert "What was used is asked a last time." in page.text
        ended = await console.get(f"{PATH}/{over}")
        assert ended.status == 200
        assert "Ended by its customer, or for them" in ended.text
        assert f"{PATH}/{over}/cancel" not in ended.forms()

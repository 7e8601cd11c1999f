"""Creators in the console: what they have, payouts by two people, messages to be read, and what purchases say."""

import html
import json
import re

import pytest

from storefront.testing import running_shop
from tests.fanfunding.hostile import HOSTILE
from tests.fanfunding.pledging import luna_tours, pledged, seen
from tests.fanfunding.tipping import FAN_SHOP, LUNA, dispute, purse, refund, tip

PATH = "/console/creators"
ONE = f"{PATH}/luna"
FOUR_EYES = FAN_SHOP.replace("    share: 50%\n", "    share: 50%\n    payouts: {four_eyes: true}\n")
GOALS = LUNA + "goals:\n  - {id: rig, title: A new rig, target: {USD: 2000}}\n"


@pytest.fixture
async def stage(data_folder, database_url):
    """Luna's shop, with a goal."""
    (data_folder / "luna.yaml").write_text(GOALS)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        yield shop


@pytest.fixture
async def careful(data_folder, database_url):
    """Luna's shop, where a second person approves payouts."""
    (data_folder / "luna.yaml").write_text(LUNA)
    async with running_shop(data_folder, FOUR_EYES, database=database_url) as shop:
        yield shop


def acts_of(shop, like: str):
    """Return what was written down: (action, login of the operator)."""
    names = {f"operator:{row['id']}": row["login"] for row in shop.query("SELECT id, login FROM operators")}
    rows = shop.query("SELECT action, actor FROM audit_actions WHERE action LIKE ? ORDER BY id", like)
    return [(row["action"], names.get(row["actor"], row["actor"])) for row in rows]


def rows_of(seen, caption: str):
    """Return the cells of each row of a table, as words."""
    body = re.search(rf"<caption[^>]*>{caption}</caption>.*?<tbody[^>]*>(.*?)</tbody>", seen.markup, re.DOTALL)
    rows = re.findall(r"<tr.*?</tr>", body.group(1), re.DOTALL) if body else []
    cells = (re.findall(r"<td.*?</td>", row, re.DOTALL) for row in rows)
    return [[" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in row] for row in cells]


async def counted(shop):
    await shop.quiet()
    await shop.parts.roller.fold_all()


async def test_creators_are_seen_with_what_they_have_and_whoever_may_only_look_can_do_nothing(stage, signed_in):
    first = await tip(stage, 1000)
    await stage.advance("25h")
    await tip(stage, 500)
    await counted(stage)
    console = await signed_in(stage, "read_only")
    page = await console.get(PATH)
    # 90% of 10.00 is released after a day, 90% of 5.00 waits.
    assert rows_of(page, "Creators") == [["Luna luna", "$9.00", "$4.50", "–", "2 · $15.00", "No link"]]
    assert "Fan funding by source $15.00" in page.text
    assert "Fan funding by creator" in page.text
    assert f"{PATH}/luna" in page.links()

    other = await console.get(f"{PATH}?currency=%3Cb%3E&span=12m")
    assert (other.status, "Nothing in this time." in other.text) == (200, True)

    seen = await console.get(ONE)
    for words in ("Can be paid (USD) $9.00", "Waits $4.50", "Their share 90%", "What fans gave $15.00", "A new rig"):
        assert words in seen.text, words
    assert [row[3] for row in rows_of(seen, "Last tips")] == ["$5.00 gold", "$10.00 gold"]
    assert rows_of(seen, "Goals")[0][1:3] == ["$15.00 75%", "$20.00"]
    assert f"/console/purchases/{first['id']}" in seen.links()
    assert [action for action in seen.forms() if action.startswith(ONE)] == []
    for act in ("payout", "approve", "reject", "invite", "sign-out"):
        csrf = seen.forms()["/console/sign-out"]["csrf"]
        fields = {"csrf": csrf, "key": "x", **({"currency": "USD"} if act == "payout" else {})}
        assert (await console.post(f"{ONE}/{act}", fields)).status in (403, 422), act
    assert stage.query("SELECT id FROM fanfunding_payouts") == []
    support = await signed_in(stage, "support")
    assert (await support.get(ONE)).status == 200
    refused = await support.post(f"{ONE}/payout", {"csrf": "x", "key": "x", "currency": "USD"})
    assert refused.status == 403
    assert (await console.get(f"{PATH}/nobody")).status == 404


async def test_a_payout_is_made_with_proof_once_and_goes_on_by_hand(stage, signed_in):
    purchase = await tip(stage, 1000)
    await stage.advance("25h")
    console = await signed_in(stage, "finance")
    too_much = await console.send(ONE, f"{ONE}/payout", currency="USD", amount="9.01")
    assert too_much.status == 422
    assert "$9.00 can be paid now." in too_much.text

    stage.wall.move(11 * 60)
    unproved = await console.send(ONE, f"{ONE}/payout", currency="USD", amount="2.50")
    assert unproved.status == 403
    assert stage.query("SELECT id FROM fanfunding_payouts") == []
    made = await console.proved(unproved, f"{ONE}/payout")
    (payout,) = stage.query("SELECT * FROM fanfunding_payouts")
    path = f"{ONE}/payouts/{payout['id']}"
    assert (made.status, made.url) == (200, f"{path}?says=made")
    assert (payout["amount"], payout["state"], purse(stage)["payable"]) == (250, "in_progress", 650)
    assert rows_of(made, "Statement")[0][1:6] == ["Tip", "$10.00", "$9.00", "$9.00", "$9.00"]
    assert rows_of(made, "Statement")[1][4] == "−$2.50"
    assert f"/console/purchases/{purchase['id']}" in made.links()

    form = {**(await console.get(ONE)).forms()[f"{ONE}/payout"], "currency": "USD", "amount": "1"}
    twice = [await console.post(f"{ONE}/payout", form) for _ in range(2)]
    assert twice[0].url == twice[1].url
    assert purse(stage)["payable"] == 550

    missing = await console.send(path, f"{path}/paid", reference=" ")
    assert (missing.status, "Fill in: reference." in missing.text) == (422, True)
    paid = await console.send(path, f"{path}/paid", reference="SEPA <b>17</b>")
    assert "It is paid." in paid.text
    assert "SEPA <b>17</b>" in paid.text
    assert "<b>17</b>" not in paid.markup
    asked = await console.send(path, f"{path}/failed", reason="sent back")
    assert "Say that the payout of $2.50 to luna came back?" in asked.text
    assert purse(stage)["payable"] == 550
    back = await console.confirm(asked, f"{path}/failed")
    assert "It is back with its creator." in back.text
    assert (purse(stage)["payable"], [one for one in back.forms() if one.startswith(path)]) == (800, [])
    assert (await console.get(f"{PATH}/nobody/payouts/{payout['id']}")).status == 404
    assert acts_of(stage, "payout.%") == [
        ("payout.created", "finance@example.com"), ("payout.created", "finance@example.com"),
        ("payout.paid", "finance@example.com"), ("payout.failed", "finance@example.com"),
    ]  # fmt: skip


async def test_who_makes_a_payout_does_not_approve_it(careful, signed_in):
    await tip(careful, 1000)
    await careful.advance("25h")
    maker, checker = await signed_in(careful, "finance"), await signed_in(careful, "owner")
    made = await maker.send(ONE, f"{ONE}/payout", currency="USD")
    path = made.url.partition("?")[0]
    assert "You have made it, so another one approves it." in made.text
    assert f"{path}/approve" not in made.forms()
    sent = {**made.forms()[f"{path}/failed"]}
    sent.pop("reason", None)
    assert (await maker.post(f"{path}/approve", sent)).status == 403
    (row,) = careful.query("SELECT state, approved_by FROM fanfunding_payouts")
    assert row == {"state": "created", "approved_by": None}

    approved = await checker.send(path, f"{path}/approve")
    assert "It is approved, and begins." in approved.text
    assert "Approved by owner@example.com" in approved.text
    assert acts_of(careful, "payout.%") == [
        ("payout.created", "finance@example.com"), ("payout.approved", "owner@example.com"),
    ]  # fmt: skip
    await maker.sure(path, f"{path}/failed", reason="typed wrongly")
    assert purse(careful)["payable"] == 900


async def test_messages_are_read_before_they_are_shown_and_stay_words(stage, signed_in):
    texts = HOSTILE[:12]
    for number, text in enumerate(texts):
        await tip(stage, 500, name=text[:20], message=f"{text} spoiler", key=f"hostile-{number}")
    await counted(stage)
    console = await signed_in(stage, "owner")
    seen = await console.get(ONE)
    assert f"{len(texts)} waiting" in seen.text
    for text in texts:
        assert f"{text} spoiler" in html.unescape(seen.markup), text
    for markup in ("<script>alert", "<img src=x", "<svg onload"):
        assert markup not in seen.markup.replace("<svg class", ""), markup
    tips = stage.query("SELECT id, message FROM fanfunding_tips ORDER BY sequence")
    for number, act in enumerate(("approve", "name-only"), start=1):
        await console.send(ONE, f"{ONE}/{act}", sequence=str(number))
    await console.sure(ONE, f"{ONE}/reject", sequence="3")
    states = stage.query("SELECT state FROM fanfunding_alerts ORDER BY sequence LIMIT 4")
    assert [row["state"] for row in states] == ["queued", "queued", "skipped", "held"]
    rows = stage.query("SELECT about, facts FROM audit_actions WHERE action = 'tip.judged' ORDER BY id")
    assert [(row["about"], json.loads(row["facts"])["verdict"]) for row in rows] == [
        (tips[0]["id"], "approve"), (tips[1]["id"], "name_only"), (tips[2]["id"], "reject"),
    ]  # fmt: skip


async def test_a_creator_is_let_in_by_a_link_and_signed_out(stage, signed_in):
    console = await signed_in(stage, "owner")
    shown = await console.send(ONE, f"{ONE}/invite")
    (url,) = re.findall(r"http\S+/creator#code=ctl_[\w-]+", shown.text)
    assert url not in (await console.get(ONE)).text
    out = await console.sure(ONE, f"{ONE}/sign-out")
    assert "They are signed out everywhere" in out.text
    assert acts_of(stage, "creator.%") == [
        ("creator.invited", "owner@example.com"), ("creator.signed_out", "owner@example.com"),
    ]  # fmt: skip
    assert not stage.query("SELECT digest FROM fanfunding_invitations WHERE used_at IS NULL")


async def test_a_purchase_says_what_its_tip_came_to_and_what_a_refund_takes(stage, signed_in):
    purchase = await tip(stage, 1000, message="لیلى <b>hi</b>")
    page, console = f"/console/purchases/{purchase['id']}", await signed_in(stage, "read_only")
    waits = await console.get(page)
    for words in (
        "Creator's share $9.00",
        "Of that waits $9.00",
        "A full refund takes $9.00 of what waits",
        "Tier gold",
    ):
        assert words in waits.text, words
    assert '<p class="letter__text" dir="auto">لیلى &lt;b&gt;hi&lt;/b&gt;</p>' in waits.markup
    assert ONE in waits.links()
    await stage.advance("25h")
    assert "A full refund takes $9.00 of what can be paid" in (await console.get(page)).text
    payout = await stage.as_server().post("/v1/fanfunding/payouts", {"creator": "luna", "currency": "USD",
                                                                     "amount": 600}, key="p")  # fmt: skip
    assert payout.status == 201
    words = "A full refund takes $3.00 of what can be paid, $6.00 that they will owe"
    assert words in (await console.get(page)).text
    await refund(stage, purchase)
    assert purse(stage) == {"reserve": 0, "payable": 0, "debt": 600}
    after = await console.get(page)
    assert "A full refund takes" not in after.text
    assert rows_of(after, "What refunds and disputes took of the creator")[0][1:] == [
        "Taken for good", "$9.00", "$0.00", "$3.00", "$6.00",
    ]  # fmt: skip
    customer = stage.query("SELECT customer_id FROM fanfunding_tips")[0]["customer_id"]
    theirs = rows_of(await console.get(f"/console/customers/{customer}"), "Tips")
    assert [row[1:] for row in theirs] == [["luna", "لیلى &lt;b&gt;hi&lt;/b&gt;", "$10.00 gold", "Gone back"]]
    assert rows_of(await console.get(PATH), "Creators")[0][1:4] == ["–", "–", "$6.00"]


async def test_a_dispute_shows_in_the_creators_part(stage, signed_in):
    purchase = await tip(stage, 1000)
    await dispute(stage, purchase)
    console = await signed_in(stage, "read_only")
    page = await console.get(f"/console/purchases/{purchase['id']}")
    rows = rows_of(page, "What refunds and disputes took of the creator")
    assert [row[1:3] for row in rows] == [["Set aside", "$9.00"]]


async def test_a_pledge_is_named_by_the_purchase_that_collects_it_and_badges_by_their_fan(data_folder, signed_in):
    badges = "badges: [{id: founder, title: Founder, when: {first: 2}}]\n"
    (data_folder / "luna.yaml").write_text(luna_tours() + badges)
    async with running_shop(data_folder, FAN_SHOP) as shop:
        one = await pledged(shop, 1200, message="For the <i>road</i>")
        console = await signed_in(shop, "read_only")
        goals = {row[0].split()[-1]: row[1:] for row in rows_of(await console.get(ONE), "Goals")}
        assert goals["tour"] == ["$12.00 100%", "$10.00", "Collecting all or nothing"]
        await shop.advance("10d1h")
        await seen(shop, one, "collected")
        (row,) = shop.query("SELECT purchase_id, customer_id FROM fanfunding_pledges")
        page = await console.get(f"/console/purchases/{row['purchase_id']}")
        for words in ("Pledge Collected", "Goal tour", "Pledged $12.00", "Tip Paid", "For the <i>road</i>"):
            assert words in page.text, words
        customer = await console.get(f"/console/customers/{row['customer_id']}")
        assert "Badges luna founder" in customer.text
        await counted(shop)
        assert "Fan funding by source $12.00 Pledges $12.00" in (await console.get(PATH)).text

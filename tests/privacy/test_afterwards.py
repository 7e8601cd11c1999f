"""What comes after an erasure: rewards of others, refunds, what a gateway tells, retries, names that come back."""

from collections.abc import AsyncIterator

import pytest

from storefront.testing import Shop, running_shop
from storefront.testing.tiny_shop import TINY_SHOP
from tests.merging.test_plugins import SCREENED
from tests.privacy.test_erasing import erase

REFERRALS = """
promo_codes:
  WELCOME: {percent: 20, bulk: true}
referrals:
  reward: {referrer: {gems: 100}, referred: WELCOME}
  minimum: {USD: 500}
  hold_back_days: 2
"""


@pytest.fixture
async def inviting(data_folder, database_url) -> AsyncIterator[Shop]:
    """A shop in which ada has invited bob, whose reward waits for two days."""
    async with running_shop(data_folder, TINY_SHOP + REFERRALS, database=database_url) as shop:
        code = (await shop.as_customer("ada").get("/v1/me/referral")).json["code"]
        assert (await shop.as_customer("bob").post("/v1/me/referral", {"code": code})).status == 200
        await shop.bought("gems-1200", customer="bob")
        await shop.quiet()
        yield shop


async def reward(shop: Shop) -> tuple[str, int, int]:
    """Let the reward come; return how the referral stands, how many codes and how many gems were given for it."""
    await shop.advance("3d")
    await shop.quiet()
    (row,) = shop.query("SELECT state FROM referrals")
    codes = shop.query("SELECT code FROM promo_codes WHERE customer_id IS NOT NULL")
    gems = shop.query("SELECT amount FROM grants WHERE reason LIKE 'referral%'")
    return row["state"], len(codes), sum(one["amount"] for one in gems)


async def test_who_was_invited_is_rewarded_though_the_other_was_erased(inviting):
    assert (await erase(inviting, "ada")).status == 200
    assert await reward(inviting) == ("rewarded", 1, 0)


async def test_who_invited_is_rewarded_though_the_other_was_erased(inviting):
    assert (await erase(inviting, "bob", forfeit=True)).status == 200
    assert await reward(inviting) == ("rewarded", 0, 100)


async def test_what_stands_for_the_name_is_nobodys_name(shop):
    await shop.session("ada")
    await erase(shop)
    (row,) = shop.query("SELECT external_id FROM customers")
    server = shop.as_server()
    grant = {"customer": row["external_id"], "asset": "gems", "amount": 5, "reason": "luck"}
    assert (await server.post("/v1/grants", grant, key="g")).status == 404
    assert (await server.post("/v1/sessions", {"customer": row["external_id"]})).status == 404
    assert (await erase(shop, row["external_id"])).status == 404
    assert len(shop.query("SELECT id FROM customers")) == 1


async def test_a_retry_is_the_same_erasure_though_somebody_else_is_called_so(shop):
    await shop.session("ada")
    done = await erase(shop, key="once")
    await shop.session("ada")
    again = await erase(shop, key="once")
    assert (again.status, again.json["id"]) == (200, done.json["id"])
    assert [row["external_id"] for row in shop.query("SELECT external_id FROM customers WHERE erased_at IS NULL")] == [
        "ada"
    ]


async def test_what_the_gateway_tells_of_an_old_payment_is_not_kept(shop):
    bought = await shop.bought("chest")
    assert (await erase(shop)).status == 200
    await shop.quiet()
    before = {row["event_id"] for row in shop.query("SELECT event_id FROM inbox")}
    back = await shop.as_server().post(f"/v1/purchases/{bought['id']}/refunds", {"reason": "asked"}, key="back")
    assert back.status in (201, 202), back
    await shop.quiet()
    late = [row for row in shop.query("SELECT event_id, raw FROM inbox") if row["event_id"] not in before]
    assert late
    assert {bytes(row["raw"])[:7] for row in late} == {b"sha256:"}


@pytest.mark.parametrize(("gone", "said"), [("bob", "ada rang"), ("ada", "erased")])
async def test_a_gift_taken_back_says_why_in_the_words_of_who_is_here(shop, gone, said):
    await shop.session("bob")
    await shop.bought("gems-500")
    gift = await shop.buy("potion", recipient="bob")
    assert (await erase(shop, gone, forfeit=True)).status == 200
    await shop.quiet()
    path = f"/v1/purchases/{gift.json['id']}/refunds"
    assert (await shop.as_server().post(path, {"reason": "ada rang"}, key="back")).status == 201
    await shop.quiet()
    (reversal,) = shop.query("SELECT reason FROM reversals")
    (record,) = shop.query("SELECT facts FROM audit_actions WHERE action = 'purchase.refunded'")
    assert (reversal["reason"], f'"reason":"{said}"' in record["facts"]) == (said, True)
    assert (await shop.audit()).violations == ()


async def test_what_purchases_were_counted_by_still_adds_up(data_folder, database_url):
    """At once, not only when counters are old: of the erased nothing is counted, of others all."""
    async with running_shop(data_folder, SCREENED, database=database_url) as shop:
        for name in ("ada", "bob"):
            await shop.bought("gems-500", customer=name)
        await shop.quiet()
        done = await erase(shop, "ada", forfeit=True)
        assert done.status == 200, done
        await shop.quiet()
        assert shop.query("SELECT 1 AS n FROM fraud_counters WHERE value = ?", done.json["id"]) == []
        assert shop.query("SELECT 1 AS n FROM fraud_counters WHERE dimension = 'customer'") != []
        assert (await shop.audit()).violations == ()

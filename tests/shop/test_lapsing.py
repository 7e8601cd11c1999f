"""Value that expires: spent first, not spendable a moment later, moved to breakage, and pinned by a hold until then."""

import pytest

from storefront.core.accounts import issuance
from storefront.core.clock import SECOND_MS
from storefront.core.commit.plan import Deposit, LotTerms, Plan


@pytest.fixture
def give(shop):
    """Puts gems into ada's wallet that expire in so many seconds, as any plugin would: by a plan."""

    async def deposit(amount, seconds, *, source="granted"):
        services = shop.parts.services
        ada = await services.customers.ensure("ada", actor="test")
        expires_at = services.clock.now() + seconds * SECOND_MS
        plan = Plan(actor="test", anchors={ada})
        plan.entry("test.gift", about="quest", anchor=ada)
        terms = LotTerms(source=source, expires_at=expires_at)
        plan.add(Deposit("entry", ada, "gems", amount, issuance("gems"), terms))
        await services.engine.commit(plan)

    return deposit


async def hold(shop, amount, seconds):
    body = {"customer": "ada", "asset": "gems", "amount": amount, "expires_in_seconds": seconds, "reason": "trade"}
    answer = await shop.as_server().post("/v1/holds", body, key="hold-1")
    assert answer.status == 201, answer
    return answer


async def gems(shop):
    wallet = (await shop.as_customer("ada").get("/v1/me")).json["wallets"]["gems"]
    return wallet["balance"], wallet["available"], wallet["held"]


async def lapsed(shop):
    events = (await shop.as_server().get("/v1/events?limit=100")).json["data"]
    return [event["data"]["amount"] for event in events if event["type"] == "wallet.lapsed"]


async def test_what_is_left_of_a_lot_lapses_with_an_event(shop, give):
    await shop.bought("gems-500")
    await give(50, 600)
    assert (await shop.buy("potion")).status == 201  # 15, of those that expire
    await shop.advance("10m")

    assert await gems(shop) == (500, 500, 0)
    assert shop.balance("platform:breakage:gems") == 35
    assert await lapsed(shop) == [35]
    assert shop.query("SELECT kind FROM entries WHERE kind = 'lot.lapsed'") == [{"kind": "lot.lapsed"}]
    assert shop.query("SELECT id FROM jobs WHERE kind = 'lot.lapse'") == []
    history = (await shop.as_customer("ada").get("/v1/me/wallets/gems/entries")).json["data"]
    assert (history[0]["kind"], history[0]["amount"]) == ("lot.lapsed", -35)


async def test_lots_of_one_expiry_lapse_by_one_job(shop, give):
    await give(50, 600, source="gift a")
    await give(20, 600, source="gift b")
    due = shop.query("SELECT DISTINCT expires_at FROM lots ORDER BY expires_at")
    jobs = shop.query("SELECT due_at FROM jobs WHERE kind = 'lot.lapse' ORDER BY due_at")
    assert [job["due_at"] for job in jobs] == [lot["expires_at"] for lot in due]
    await shop.advance("11m")
    assert shop.balance("platform:breakage:gems") == 70


async def test_a_lapsed_lot_is_not_spendable_before_its_job_has_run(shop, give):
    await give(50, 600)
    await shop.parts.jobs.stop()
    shop.wall.move(600)

    assert await gems(shop) == (50, 0, 0)
    answer = await shop.buy("potion")
    assert (answer.status, answer.json["available"]) == (402, 0)


async def test_what_has_lapsed_when_it_arrives_is_never_spendable(shop, give):
    await give(50, 0)
    assert await gems(shop) == (0, 0, 0)
    assert shop.balance("platform:breakage:gems") == 50
    assert await lapsed(shop) == [50]


@pytest.mark.parametrize(("verb", "body", "spent"), [("release", None, 0), ("capture", {"amount": 10}, 10)])
async def test_what_a_hold_pins_lapses_when_it_is_let_go(shop, give, verb, body, spent):
    await give(50, 600)
    held = await hold(shop, 30, 3600)
    await shop.advance("10m")
    assert await gems(shop) == (30, 0, 30)
    assert await lapsed(shop) == [20]

    answer = await shop.as_server().post(f"/v1/holds/{held.json['id']}/{verb}", body, key="act-1")

    assert answer.status == 200
    assert answer.json["customer"]["changed"]["wallets"]["gems"]["balance"] == 0
    assert await gems(shop) == (0, 0, 0)
    assert await lapsed(shop) == [20, 30 - spent]
    assert (shop.balance("platform:breakage:gems"), shop.balance("platform:sink:gems")) == (50 - spent, spent)


async def test_a_capture_takes_what_lapsed_while_it_was_pinned(shop, give):
    await give(50, 600)
    held = await hold(shop, 30, 3600)
    await shop.advance("30m")
    answer = await shop.as_server().post(f"/v1/holds/{held.json['id']}/capture", {}, key="act-1")
    assert (answer.status, answer.json["captured"]) == (200, 30)
    assert shop.balance("platform:sink:gems") == 30
    assert await lapsed(shop) == [20]


async def test_what_a_hold_pinned_lapses_when_the_hold_is_over(shop, give):
    await give(50, 600)
    await hold(shop, 30, 1200)
    await shop.advance("20m")
    assert await lapsed(shop) == [20, 30]
    assert await gems(shop) == (0, 0, 0)


async def test_what_is_let_go_by_a_spend_lapses_and_does_not_pay(shop, give):
    await give(50, 600)
    await hold(shop, 50, 900)
    await shop.parts.jobs.stop()
    shop.wall.move(1000)
    before = shop.rows()
    answer = await shop.buy("potion")
    assert (answer.status, answer.json["available"]) == (402, 0)
    assert shop.rows() == before

"""Figures for operators: what payments cost, what lies undone, and when the shop was last backed up and proved."""

import asyncio
import json
import os
import sqlite3
import time
from contextlib import closing

from storefront.core.alarms import close_alarm
from storefront.testing import OPERATOR_KEY, running_shop
from tests.cli.conftest import storefront
from tests.fanfunding.tipping import FAN_SHOP, begin_payout, tip
from tests.fanfunding.tipping import LUNA as LUNA_OF_TIPS
from tests.subscriptions.conftest import SUBSCRIBED
from tests.subscriptions.subscribing import subscribe

from .conftest import STRAY, Told, read_metrics


async def figures(shop) -> Told:
    return Told.of(await read_metrics(shop))


async def test_a_payment_costs_what_the_gateway_kept_of_it_disputes_included(shop):
    fresh = await figures(shop)
    assert not [name for name in fresh.names if name.startswith("storefront_payment_")]

    first = await shop.bought("gems-500")  # 4.99 USD: 2.9 % and 0.30 USD are 0.44
    await shop.bought("gems-1200", currency="USD")  # 9.99 USD: 0.59
    await shop.buy("gems-500")  # is never paid, and costs nothing
    await shop.sandbox.charge_of_others(2500)  # is no payment of ours
    await shop.quiet()
    await shop.bearing(OPERATOR_KEY).post("/v1/reconciliations", {"gateway": "sandbox"})
    found, at = await figures(shop), {"gateway": "sandbox", "currency": "USD"}
    assert found.value("storefront_payment_cost_minor", **at) == 51.5
    assert round(found.value("storefront_payment_cost_percent", **at), 4) == 6.8758  # 103 of 1498
    assert 0 <= found.value("storefront_payment_clearing_seconds", **at) < 3600

    await shop.sandbox.dispute(first)  # its bank charges 15 USD
    await shop.quiet()
    await shop.bearing(OPERATOR_KEY).post("/v1/reconciliations", {"gateway": "sandbox"})
    found = await figures(shop)
    assert found.value("storefront_payment_cost_minor", **at) == 801.5  # 1603 for two payments, not for three movements


async def test_what_is_not_sealed_and_what_alarms_stand_is_told(shop):
    shop.parts.sealer.ask_to_stop()
    await shop.bought("gems-500")
    await shop.sandbox.post_webhook(STRAY)
    await shop.until(lambda: shop.query("SELECT 1 AS n FROM alarms"))
    await shop.quiet()
    found = await figures(shop)
    waiting = shop.query(
        "SELECT count(*) AS n FROM entries WHERE commit_no > coalesce((SELECT max(last_commit_no) FROM seals), 0)"
    )
    assert found.value("storefront_seals_unsealed_entries") == waiting[0]["n"] >= 1
    assert 61 <= found.value("storefront_seals_oldest_unsealed_seconds") < 600
    assert found.value("storefront_alarms_open", kind="webhook_quarantined") == 1
    assert found.value("storefront_alarms_raised_total") == 1

    await close_alarm(shop.parts.services, "webhook_quarantined:evt_stray")
    found = await figures(shop)
    assert found.value("storefront_alarms_open", kind="webhook_quarantined") == 0
    assert found.value("storefront_alarms_raised_total") == 1


async def test_a_backup_and_an_audit_say_when_they_were(tmp_path):
    data = tmp_path / "data"

    async def run(*arguments):
        return await asyncio.to_thread(storefront, *arguments, "--config", tmp_path / "shop.yaml", DATA=str(data))

    async with running_shop(tmp_path) as shop:
        before = await figures(shop)
        assert not before.names & {"storefront_backup_age_seconds", "storefront_audit_age_seconds"}
        assert before.value("storefront_data_size_bytes") >= before.value("storefront_data_free_bytes") > 0

        assert (await run("backup")).returncode == 0
        assert json.loads((await run("audit", "verify", "--json")).stdout)["clean"]
        an_hour_ago = time.time() - 3600
        for name in ("last-backup", "last-audit"):
            os.utime(data / name, (an_hour_ago, an_hour_ago))
        found = await figures(shop)
        assert 3600 <= found.value("storefront_backup_age_seconds") < 3700
        assert 3600 <= found.value("storefront_audit_age_seconds") < 3700
        assert found.value("storefront_audit_violations") == 0

        (data / "last-audit").write_text("who knows")  # is no audit's word, so the books count as off
        assert (await figures(shop)).value("storefront_audit_violations") == 1


async def test_an_audit_that_finds_something_says_so_at_the_metrics(tmp_path):
    async with running_shop(tmp_path) as shop:
        await shop.bought("gems-500")
        await shop.quiet()
    await _spoil(shop)
    told = await asyncio.to_thread(
        storefront, "audit", "verify", "--config", tmp_path / "shop.yaml", DATA=str(tmp_path / "data")
    )
    assert told.returncode == 1
    async with running_shop(tmp_path) as again:
        found = await figures(again)
        assert found.value("storefront_audit_violations") >= 1
        await _spoil(again, back=True)


async def _spoil(shop, *, back: bool = False) -> None:
    """Add a gem to a wallet that nobody gave, or take it out again."""
    with closing(sqlite3.connect(shop.database.name)) as file:
        file.execute("UPDATE accounts SET balance = balance + ? WHERE id LIKE 'customer:%'", (-1 if back else 1,))
        file.commit()


async def test_payouts_that_do_not_get_on_are_told_with_how_long(data_folder, database_url):
    (data_folder / "luna.yaml").write_text(LUNA_OF_TIPS)
    async with running_shop(data_folder, FAN_SHOP, database=database_url) as shop:
        await tip(shop, 1000)
        await shop.advance("25h")
        assert (await begin_payout(shop)).status == 201
        await shop.advance("2d")
        found = await figures(shop)
    assert found.value("storefront_fanfunding_payouts", state="in_progress") == 1
    assert found.value("storefront_fanfunding_payouts", state="created") == 0
    assert 172_800 <= found.value("storefront_fanfunding_payouts_oldest_seconds", state="in_progress") < 176_400
    assert found.value("storefront_fanfunding_payouts_oldest_seconds", state="created") == 0


async def test_subscriptions_are_counted_by_their_state(data_folder, database_url):
    async with running_shop(data_folder, SUBSCRIBED, database=database_url) as shop:
        await subscribe(shop, "basic")
        await subscribe(shop, "tried", customer="bob")
        await subscribe(shop, "premium", customer="eve", card=None)
        found = await figures(shop)
    states = found.values_of("storefront_subscriptions_count", "state")
    counts = {one: found.value("storefront_subscriptions_count", state=one) for one in states}
    assert counts == {"active": 1, "trialing": 1, "incomplete": 1, "past_due": 0, "unpaid": 0, "paused": 0}
    assert found.value("storefront_subscriptions_latest_attempt_seconds") == 0

"""Signed events of other shops on the same account: all acknowledged, none believed, and ours go on meanwhile.

The files come from the test suites of other projects (their origins stand beside them), of many API versions, with
ids that are nobody's here. ``STOREFRONT_SEED`` plays one order again.
"""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storefront.core.gateway_books import follow_books
from storefront.testing import Shop

FILES = sorted((Path(__file__).parents[1] / "data" / "stripe-events").glob("*.json"))
TABLES = ("purchases", "payments", "reversals", "transfers", "lots", "items", "entitlements", "payment_methods")


def as_new(event: dict[str, Any], number: int, *, is_live: bool) -> dict[str, Any]:
    """Return the event as if it had happened just now, in either mode: the files' ids are the same in many."""
    mode = "live" if is_live else "test"
    return {**event, "id": f"evt_third_{mode}_{number}", "created": 1_790_000_000 + number, "livemode": is_live}


def expected_state(event: dict[str, Any]) -> str:
    """Say how an event ends: one of the other mode, or of a checkout that is not ours, is set apart for a person."""
    if event["livemode"]:
        return "quarantined"
    subject = event["data"]["object"].get("object")
    if subject == "checkout.session":
        return "quarantined"
    # Payouts and transfers make us look into the gateway's books, whatever they say.
    return "processed" if subject in ("payout", "transfer") else "ignored"


@pytest.fixture
def order(record_property: Callable[[str, object], None]) -> random.Random:
    seed = int(os.environ.get("STOREFRONT_SEED") or random.SystemRandom().randrange(2**32))
    record_property("played", f"third-party events: {len(FILES)} files in both modes, twice, STOREFRONT_SEED={seed}")
    return random.Random(seed)


async def test_events_of_others_are_taken_in_and_grant_nothing(shop: Shop, order: random.Random) -> None:
    pack = await shop.bought("gems-500")
    await shop.quiet()
    await follow_books(shop.parts.services, "sandbox")
    before = money_rows(shop)
    files = [json.loads(file.read_text()) for file in FILES]
    events = [as_new(file, number, is_live=live) for number, file in enumerate(files) for live in (False, True)]
    posts = [*events, *events]
    order.shuffle(posts)

    answers = [await shop.sandbox.post_webhook(event) for event in posts]
    await shop.quiet()

    assert len(FILES) >= 70
    assert {answer.status for answer in answers} == {200}
    kept = shop.query("SELECT event_id, state FROM inbox WHERE event_id LIKE 'evt_third_%'")
    assert {row["event_id"]: row["state"] for row in kept} == {one["id"]: expected_state(one) for one in events}
    assert shop.query("SELECT kind, last_error FROM jobs WHERE state = 'dead' OR kind = 'inbox.process'") == []
    alarms = shop.query("SELECT count(*) AS n FROM alarms WHERE kind = 'webhook_quarantined'")
    assert alarms == [{"n": sum(expected_state(one) == "quarantined" for one in events)}]
    assert money_rows(shop) == before
    assert (shop.balance("customer:ada:gems"), (await shop.seen(pack))["refunded"]) == (500, "none")
    await shop.bought("gems-500", customer="bob")
    assert shop.balance("customer:bob:gems") == 500


def money_rows(shop: Shop) -> dict[str, int]:
    return {name: number for name, number in shop.rows().items() if name in TABLES}

"""The daily payouts that Stripe makes by itself, switched off until somebody asks for them."""

from __future__ import annotations

from storefront.sandbox import due, payouts
from storefront.sandbox.payouts import DAY
from storefront.sandbox.store import PLATFORM
from storefront.sandbox.world import World

ROUND = "payout_round"
_EVERYONE = "all accounts"  # the round is no object's


def switch(world: World, *, is_on: bool) -> None:
    """Pay out each midnight (UTC) what is available by then; switching on twice changes nothing."""
    if not is_on:
        due.unschedule(world, ROUND, _EVERYONE)
    elif not due.is_scheduled(world, ROUND, _EVERYONE):
        due.schedule(world, _next_midnight(world), ROUND, _EVERYONE)


def run_round(world: World, _: str) -> None:
    """Pay out for the platform and for every connected account whose own interval is daily.

    Days that the clock jumped over are made up for by one round.
    """
    daily = [
        account["id"]
        for account in world.records.select("account", oldest_first=True)
        if account["payouts_enabled"] and account["settings"]["payouts"]["schedule"]["interval"] == "daily"
    ]
    for owner in (PLATFORM, *daily):
        with world.acting_for(owner):
            payouts.make_automatic(world)
    due.schedule(world, _next_midnight(world), ROUND, _EVERYONE)


def _next_midnight(world: World) -> int:
    return (world.now // DAY + 1) * DAY

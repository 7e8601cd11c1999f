"""Does what fell due: everything that happens in the emulator because business time moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from storefront.sandbox import attempts, daily_payouts, disputes, payment_intents, payouts, refunds
from storefront.sandbox.checkout_sessions import expire_due, next_expiry
from storefront.sandbox.due import next_deed, take_due
from storefront.sandbox.world import World

DEEDS: Mapping[str, Callable[[World, str], None]] = {
    daily_payouts.ROUND: daily_payouts.run_round,
    payouts.STEP: payouts.take_step,
    "authorisation_lapses": payment_intents.lapse,
    "debit_arrives": attempts.debit_arrives,
    "dispute_runs_out": disputes.run_out,
    "refund_ends": refunds.end_by_itself,
}


def perform_due(world: World) -> None:
    """Expire sessions and do every deed whose time has come, earliest first; cheap when there is none."""
    expire_due(world)
    while (taken := take_due(world)) is not None:
        deed, object_id = taken
        with world.acting_for(world.records.owner_of(object_id)):
            DEEDS[deed](world, object_id)


def next_due(world: World) -> int | None:
    """The Unix second at which the next thing happens by itself, if anything is to."""
    return min((at for at in (next_expiry(world), next_deed(world)) if at is not None), default=None)

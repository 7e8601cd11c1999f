"""What follows a payment by itself: a dispute, an inquiry, a warning, as the test card has it."""

from __future__ import annotations

from storefront.sandbox import disputes, fraud_warnings
from storefront.sandbox.cards import Sequel
from storefront.sandbox.world import World


def follow_up(world: World, charge_id: str, sequel: Sequel) -> None:
    """Let a captured charge suffer what its card is known for."""
    match sequel:
        case Sequel.DISPUTE_FRAUDULENT | Sequel.DISPUTE_NOT_RECEIVED:
            disputes.open_dispute(world, world.get("charge", charge_id), reason=sequel.value)
        case Sequel.INQUIRY:
            charge = world.get("charge", charge_id)
            disputes.open_dispute(world, charge, reason="fraudulent", status="warning_needs_response")
        case Sequel.EARLY_FRAUD_WARNING:
            fraud_warnings.warn(world, world.get("charge", charge_id))

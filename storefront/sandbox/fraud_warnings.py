"""Early fraud warnings: the card's bank says that a payment was probably fraud, before any dispute."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import EXPAND, PAGE, Checked, Text, When, words
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id

KIND = "radar.early_fraud_warning"
FRAUD_TYPES = words(
    "card_never_received fraudulent_card_application made_with_counterfeit_card made_with_lost_card "
    "made_with_stolen_card misc unauthorized_use_of_card"
)


def warn(world: World, charge: Body, *, fraud_type: str = "made_with_stolen_card") -> Body:
    """Warn of a charge; it is actionable until it is refunded in full or disputed."""
    warning: Body = {
        "id": new_id("issfr"),
        "object": KIND,
        "actionable": not (charge["refunded"] or charge["disputed"]),
        "charge": charge["id"],
        "created": world.now,
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
    world.insert(warning)
    world.emit(f"{KIND}.created", warning)
    return warning


def settle(world: World, charge_id: str) -> None:
    """Nothing can be done any more about a charge: its warnings say so."""
    for warning in world.records.select(KIND, [("json_extract(body, '$.charge') = ?", charge_id)]):
        if warning["actionable"]:
            warning["actionable"] = False
            world.save(warning)
            world.emit(f"{KIND}.updated", warning, {"actionable": True})


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "charge", "payment_intent")
    return list_page(world, KIND, params, url="/v1/radar/early_fraud_warnings", conditions=conditions)


OPERATIONS = (
    Operation("GET", "radar/early_fraud_warnings", {
        "charge": Text(), "created": When(), "payment_intent": Text(), **PAGE,
    }, _list),
    Operation("GET", "radar/early_fraud_warnings/{}", EXPAND, retrieving(KIND)),
)  # fmt: skip

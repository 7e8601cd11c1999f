"""Grants: what a server or an operator gives by hand, without a payment.

Each names its reason and its actor, is one entry and has one audit row.
"""

import msgspec

from storefront.core.accounts import issuance
from storefront.core.commit.plan import Deposit, Insert, LotTerms, Plan
from storefront.core.ids import new_id

KIND = "grant"


def add_grant(
    plan: Plan,
    *,
    customer_id: str,
    asset: str,
    amount: int,
    reason: str,
    actor: str,
    now: int,
    wall: int | None = None,
    expires_at: int | None = None,
) -> str:
    """Add a grant of a virtual currency to a plan whose anchors include the customer; return the grant's id.

    ``amount`` is 1 … 2^53−1 of the smallest unit; ``now`` and ``expires_at`` are business time (ms), ``wall`` the
    machine's (``now`` if not given).
    """
    grant_id = new_id("grant")
    entry_id = plan.entry(KIND, about=grant_id, anchor=customer_id, facts={"reason": reason}, label=grant_id)
    plan.add(Deposit(grant_id, customer_id, asset, amount, issuance(asset), LotTerms("granted", expires_at=expires_at)))
    row = {
        "id": grant_id,
        "customer_id": customer_id,
        "asset": asset,
        "amount": amount,
        "sku": None,
        "quantity": None,
        "reason": reason,
        "actor": actor,
        "entry_id": entry_id,
        "expires_at": expires_at,
        "created_at": now,
    }
    plan.add(Insert("grants", (grant_id,), customer_id, row))
    told = {"asset": asset, "amount": amount, "reason": reason}
    action_id = new_id("act")
    action = {
        "id": action_id,
        "actor": actor,
        "action": "grant.made",
        "about": grant_id,
        "facts": msgspec.json.encode(told).decode(),
        "occurred_at": now,
        "recorded_at": now if wall is None else wall,
    }
    plan.add(Insert("audit_actions", (action_id,), None, action))
    plan.emit(
        "grant.made", anchor=customer_id, subject=grant_id, payload={"id": grant_id, "customer_id": customer_id, **told}
    )
    return grant_id

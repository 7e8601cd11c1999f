"""Pledges as the API shows them."""

from collections.abc import Mapping
from typing import Any

from storefront.core.clock import iso
from storefront.core.money import Money
from storefront.shapes import MONEY, TEXT, TIME, closed, nullable, table
from storefront_fanfunding.campaigns import CAMPAIGN_STATES, OPEN, PENDING, PLEDGE_STATES
from storefront_fanfunding.shapes import FAN_TOKEN, GIVE

PLEDGE_BODY = {
    **GIVE,
    "properties": {
        **GIVE["properties"],
        "return_url": {**GIVE["properties"]["return_url"], "description": "It comes back with `setup=` in it."},
    },
}
WHOSE = closed({"fan": {**FAN_TOKEN, "description": "The secret that a guest has pledged with."}})
PLEDGE = table(
    {
        "id": TEXT,
        "creator": TEXT,
        "goal": TEXT,
        "state": {"type": "string", "enum": list(PLEDGE_STATES)},
        "reason": nullable(TEXT),
        "amount": MONEY,
        "worth": MONEY,
        "total": MONEY,
        "anonymous": {"type": "boolean"},
        "pay_with": TEXT,
        "deadline": TIME,
        "goal_state": {"type": "string", "enum": list(CAMPAIGN_STATES)},
        "target": MONEY,
        "setup": table({"redirect_url": nullable(TEXT)}),
        "action": nullable(table({"redirect_url": TEXT})),
        "next_attempt_at": nullable(TIME),
        "tip": nullable(TEXT),
        "opened_at": nullable(TIME),
        "closed_at": nullable(TIME),
    }
)


def show_pledge(
    row: Mapping[str, Any],
    campaign: Mapping[str, Any],
    creator: str,
    *,
    total: Money,
    setup_url: str | None = None,
    action_url: str | None = None,
) -> dict[str, Any]:
    """Return a pledge as JSON: no name and no message, which are the tip's once it is paid.

    ``total`` is what is charged, with tax. ``setup_url`` and ``action_url`` are for its fan alone: where a method is
    saved, and where a charge is confirmed.
    """

    def money(amount: int, currency: str) -> dict[str, Any]:
        return {"amount": amount, "currency": currency}

    def time(column: str) -> str | None:
        return None if row[column] is None else iso(row[column])

    return {
        "id": row["id"],
        "creator": creator,
        "goal": row["goal"],
        "state": row["state"],
        "reason": row["reason"],
        "amount": money(row["amount"], row["currency"]),
        "worth": money(row["worth"], campaign["currency"]),
        "total": total.to_json(),
        "anonymous": bool(row["is_anonymous"]),
        "pay_with": row["pay_with"],
        "deadline": iso(campaign["deadline"]),
        "goal_state": campaign["state"],
        "target": money(campaign["target"], campaign["currency"]),
        "setup": {"redirect_url": setup_url if row["state"] == PENDING else None},
        "action": None if action_url is None else {"redirect_url": action_url},
        "next_attempt_at": time("next_attempt_at"),
        "tip": row["tip_id"] if row["state"] not in (PENDING, OPEN) else None,
        "opened_at": time("opened_at"),
        "closed_at": time("closed_at"),
    }

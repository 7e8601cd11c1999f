"""The one account that this emulator plays."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox.operations import Operation
from storefront.sandbox.params import EXPAND, Checked
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, new_id


def ensure_account(world: World) -> None:
    """Make the account's id once per database, and remember when."""
    if world.records.setting("account") is None:
        world.records.set_setting("account", {"id": new_id("acct", 16), "created": world.now})


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    account = world.records.setting("account")
    requirements: Body = {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": [],
        "disabled_reason": None,
        "errors": [],
        "eventually_due": [],
        "past_due": [],
        "pending_verification": [],
    }
    return {
        "id": account["id"],
        "object": "account",
        "business_profile": {"mcc": None, "name": None, "support_email": None, "url": None},
        "business_type": None,
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "controller": {"type": "account"},
        "country": "US",
        "created": account["created"],
        "default_currency": "usd",
        "details_submitted": True,
        "email": None,
        "external_accounts": {
            "object": "list",
            "data": [],
            "has_more": False,
            "url": f"/v1/accounts/{account['id']}/external_accounts",
        },
        "future_requirements": requirements,
        "metadata": {},
        "payouts_enabled": True,
        "requirements": requirements,
        "settings": {
            "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
            "payments": {"statement_descriptor": None},
            "payouts": {"debit_negative_balances": True, "schedule": {"delay_days": 2, "interval": "daily"}},
        },
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "standard",
    }


OPERATIONS = (Operation("GET", "account", EXPAND, _retrieve),)

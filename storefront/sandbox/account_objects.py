"""What an account looks like: the emulated platform itself, and the accounts connected to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storefront.sandbox.params import Checked
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id

# In which currency an account settles that names none; other countries settle in dollars.
CURRENCIES = {
    **dict.fromkeys(("AT", "BE", "CY", "DE", "EE", "ES", "FI", "FR", "GR", "HR", "IE", "IT", "LT", "LU", "LV", "MT",
                     "NL", "PT", "SI", "SK"), "eur"),
    "AU": "aud", "BR": "brl", "CA": "cad", "CH": "chf", "CZ": "czk", "DK": "dkk", "GB": "gbp", "HU": "huf",
    "IN": "inr", "IS": "isk", "JP": "jpy", "MX": "mxn", "NO": "nok", "NZ": "nzd", "PL": "pln", "RO": "ron",
    "SE": "sek", "SG": "sgd", "TW": "twd", "UG": "ugx", "US": "usd",
}  # fmt: skip
DUE_AT_FIRST = ("business_profile.url", "external_account", "tos_acceptance.date", "tos_acceptance.ip")
PROFILE = ("mcc", "name", "product_description", "support_email", "support_phone", "support_url", "url")


def platform_account(world: World) -> Body:
    """The one account that owns the secret key."""
    known = world.records.setting("account")
    account = _common(known["id"], known["created"], "US", "usd")
    account.update(
        capabilities={"card_payments": "active", "transfers": "active"},
        charges_enabled=True,
        controller={"type": "account"},
        details_submitted=True,
        payouts_enabled=True,
        type="standard",
    )
    return account


def connected_account(world: World, params: Checked) -> Body:
    """A new Express account, which may do nothing yet."""
    country = params.get("country", "US").upper()
    currency = params.get("default_currency", CURRENCIES.get(country, "usd")).lower()
    account = _common(new_id("acct", 16), world.now, country, currency)
    wanted = params.get("capabilities", {"card_payments": {"requested": True}, "transfers": {"requested": True}})
    asked = [name for name, wish in wanted.items() if wish.get("requested")]
    account.update(
        business_type=params.get("business_type"),
        capabilities=dict.fromkeys(asked, "inactive"),
        controller=_controller(params.get("controller", {})),
        email=params.get("email"),
        metadata=merged_metadata({}, params.get("metadata")),
        requirements=requirements(DUE_AT_FIRST, "requirements.past_due"),
        type="none" if "controller" in params else "express",
    )
    account["future_requirements"] = requirements()
    apply_profile(account, params)
    return account


def apply_profile(account: Body, params: Checked) -> None:
    """Change what may be changed at any time: how the account presents itself, and its payouts."""
    account["business_profile"].update(params.get("business_profile", {}))
    payouts = dict(params.get("settings", {}).get("payouts", {}))
    schedule = payouts.pop("schedule", {})
    account["settings"]["payouts"].update(payouts)
    account["settings"]["payouts"]["schedule"].update(schedule)


def requirements(due: Sequence[str] = (), disabled_reason: str | None = None) -> Body:
    """What an account still owes before it may do all it asked for."""
    return {
        "alternatives": [],
        "current_deadline": None,
        "currently_due": list(due),
        "disabled_reason": disabled_reason,
        "errors": [],
        "eventually_due": list(due),
        "past_due": list(due),
        "pending_verification": [],
    }


def _controller(given: Checked) -> Body:
    return {
        "fees": {"payer": given.get("fees", {}).get("payer", "application")},
        "is_controller": True,
        "losses": {"payments": given.get("losses", {}).get("payments", "application")},
        "requirement_collection": given.get("requirement_collection", "stripe"),
        "stripe_dashboard": {"type": given.get("stripe_dashboard", {}).get("type", "express")},
        "type": "application",
    }


def _common(account_id: str, created: int, country: str, currency: str) -> Body:
    return {
        "id": account_id,
        "object": "account",
        "business_profile": _business_profile(),
        "business_type": None,
        "capabilities": {},
        "charges_enabled": False,
        "controller": {},
        "country": country,
        "created": created,
        "default_currency": currency,
        "details_submitted": False,
        "email": None,
        "external_accounts": {},
        "future_requirements": requirements(),
        "metadata": {},
        "payouts_enabled": False,
        "requirements": requirements(),
        "settings": _settings(),
        "tos_acceptance": {"date": None, "ip": None, "user_agent": None},
        "type": "",
    }


def _business_profile() -> Body:
    address = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
    return {
        **dict.fromkeys(PROFILE),
        "annual_revenue": None,
        "estimated_worker_count": None,
        "minority_owned_business_designation": None,
        "support_address": address,
    }


def _settings() -> dict[str, Any]:
    kana = dict.fromkeys(("statement_descriptor_prefix_kana", "statement_descriptor_prefix_kanji"))
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": dict.fromkeys(("icon", "logo", "primary_color", "secondary_color")),
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            "statement_descriptor_prefix": None,
            **kana,
        },
        "dashboard": {"display_name": None, "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {
            **dict.fromkeys(("statement_descriptor", "statement_descriptor_kana", "statement_descriptor_kanji")),
            **kana,
        },
        "payouts": {
            "debit_negative_balances": True,
            "schedule": {"delay_days": 2, "interval": "daily"},
            "statement_descriptor": None,
        },
        "sepa_debit_payments": {},
    }

"""Accounts: the platform that this emulator plays, and those that are connected to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from storefront.sandbox import balance, exchange, external_accounts
from storefront.sandbox.account_objects import (
    apply_profile,
    connected_account,
    platform_account,
    requirements,
)
from storefront.sandbox.account_params import CREATE, UPDATE
from storefront.sandbox.currencies import checked_currency
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.external_accounts import GOOD_NUMBER, new_bank_account
from storefront.sandbox.operations import Operation, filters, list_page
from storefront.sandbox.params import EXPAND, PAGE, Checked, When
from storefront.sandbox.store import PLATFORM, Body
from storefront.sandbox.world import World, merged_metadata, new_id


def ensure_account(world: World) -> None:
    """Make the account's id once per database, and a bank account for each currency that it settles in."""
    if world.records.setting("account") is None:
        world.records.set_setting("account", {"id": new_id("acct", 16), "created": world.now})
    account_id = world.records.setting("account")["id"]
    for currency in exchange.settles(world):
        if external_accounts.default_for(world, currency) is None:
            new_bank_account(world, account_id, _good_bank_account(currency), metadata={})


def check_access(world: World, account_id: str) -> None:
    """Let the secret key act for one of the platform's connected accounts.

    Raises:
        ApiError: 403, the account is not connected, or unknown.
    """
    if world.records.find("account", account_id) is None:
        raise ApiError(
            403,
            f"The provided key does not have access to account '{account_id}' (or that account does not exist). "
            "Application access may have been revoked.",
            code="account_invalid",
        )


def finish_onboarding(world: World, account_id: str, *, is_accepted: bool) -> Body:
    """What the hosted form comes to: an account that may do what it asked for, or one that Stripe rejects."""
    account = world.get("account", account_id)
    before = dict(account)
    account["details_submitted"] = True
    account["tos_acceptance"] = {"date": world.now, "ip": "127.0.0.1", "user_agent": None}
    if is_accepted:
        account.update(charges_enabled=True, payouts_enabled=True, requirements=requirements())
        account["capabilities"] = dict.fromkeys(account["capabilities"], "active")
        with world.acting_for(account_id):
            if external_accounts.default_for(world, account["default_currency"]) is None:
                new_bank_account(world, account_id, _good_bank_account(account["default_currency"]), metadata={})
    else:
        account.update(charges_enabled=False, payouts_enabled=False)
        account["requirements"] = requirements(disabled_reason="rejected.other")
        account["capabilities"] = dict.fromkeys(account["capabilities"], "inactive")
    return _save(world, account, before)


def _good_bank_account(currency: str) -> Checked:
    country = "DE" if currency == "eur" else currency[:2].upper()
    return {"country": country, "currency": currency, "account_number": GOOD_NUMBER}


def _save(world: World, account: Body, before: Body) -> Body:
    """Write a connected account back and tell; its bank accounts are shown, not stored in it."""
    world.save(account)
    shown = _shown(world, account)
    previous = {member: before[member] for member in account if account[member] != before[member]}
    with world.acting_for(account["id"]):
        world.emit("account.updated", shown, previous)
    return shown


def _shown(world: World, account: Body) -> Body:
    return {**account, "external_accounts": external_accounts.listed(world, account["id"], {})}


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    _check_choice(params)
    if "default_currency" in params:
        checked_currency(params["default_currency"], "default_currency")
    account = world.insert(connected_account(world, params))
    if "external_account" in params:
        with world.acting_for(account["id"]):
            new_bank_account(world, account["id"], params["external_account"], metadata={})
    return _shown(world, account)


def _check_choice(params: Checked) -> None:
    if ("type" in params) == ("controller" in params):
        raise invalid("An account is created with either `type` or `controller`.", param="type")


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    account = world.get("account", ids[0])
    before = _copy(account)
    for member in ("business_type", "default_currency", "email"):
        if member in params:
            account[member] = params[member]
    for name, wish in params.get("capabilities", {}).items():
        if wish.get("requested"):
            account["capabilities"].setdefault(name, "active" if account["charges_enabled"] else "inactive")
    apply_profile(account, params)
    if "metadata" in params:
        account["metadata"] = merged_metadata(account["metadata"], params["metadata"])
    return _save(world, account, before)


def _copy(account: Body) -> dict[str, Any]:
    """The account as it was, down to the members that an update changes in place."""
    settings = account["settings"]
    payouts = {**settings["payouts"], "schedule": dict(settings["payouts"]["schedule"])}
    return {
        **account,
        "business_profile": dict(account["business_profile"]),
        "capabilities": dict(account["capabilities"]),
        "settings": {**settings, "payouts": payouts},
    }


def _retrieve_own(world: World, params: Checked, ids: Sequence[str]) -> Body:
    owner = world.records.owner or PLATFORM
    with world.acting_for(PLATFORM):
        return _shown(world, platform_account(world) if owner == PLATFORM else world.get("account", owner))


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    if ids[0] in (world.records.setting("account")["id"], world.records.owner):
        return _retrieve_own(world, params, ids)
    return _shown(world, world.get("account", ids[0]))


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    page = list_page(world, "account", params, url="/v1/accounts", conditions=filters(params))
    return {**page, "data": [_shown(world, account) for account in page["data"]]}


def _delete(world: World, params: Checked, ids: Sequence[str]) -> Body:
    account = world.get("account", ids[0])
    with world.acting_for(account["id"]):
        if any(amount for amounts in balance.sums(world).values() for amount in amounts):
            raise invalid("This account has a balance and cannot be deleted.", param="account")
    world.records.delete(account["id"])
    return {"id": account["id"], "object": "account", "deleted": True}


OPERATIONS = (
    Operation("GET", "account", EXPAND, _retrieve_own),
    Operation("POST", "accounts", CREATE, _create),
    Operation("GET", "accounts", {"created": When(), **PAGE}, _list),
    Operation("GET", "accounts/{}", EXPAND, _retrieve),
    Operation("POST", "accounts/{}", UPDATE, _update),
    Operation("DELETE", "accounts/{}", {}, _delete),
)

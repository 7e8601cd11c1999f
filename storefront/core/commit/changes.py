"""Say what a plan changed for each customer, in the shapes of ``GET /v1/me``, so that a client can merge it."""

from typing import Any

from storefront.core.commit.instance_steps import owned_instances
from storefront.core.commit.projection import TERMS, entitlement_json, instance_json, item_json, wallet_json
from storefront.core.commit.reads import debt_key, instances_group
from storefront.core.commit.state import Draft, Row
from storefront.core.commit.steps import Group

_TOLD = frozenset({"accounts", "lots", "items", "item_instances", "entitlements"})


def describe_changes(draft: Draft, now: int) -> dict[str, dict[str, Any]]:
    """Return ``customer id -> {"wallets", "items", "entitlements"}`` with only what the draft touched."""
    changed: dict[str, dict[str, Any]] = {}
    for (table, identity), row in draft.rows.items():
        if row is None or table not in _TOLD:
            continue
        if table == "accounts" and row["role"] == "wallet":
            customer_id = row["owner"].removeprefix("customer:")
            _part(changed, customer_id, "wallets")[row["asset"]] = wallet_now(draft, row["id"], customer_id, now)
        elif table == "lots":
            # What is held or frozen changes lots alone: the balance stays.
            _, customer_id, asset = row["account"].split(":", 2)
            part = _part(changed, customer_id, "wallets")
            if asset not in part:
                part[asset] = wallet_now(draft, row["account"], customer_id, now)
        elif table == "items":
            _part(changed, row["customer_id"], "items").update(_item(draft, row, now))
        elif table == "item_instances":
            _part(changed, row["customer_id"], "items")[row["id"]] = instance_json(row)
            before = draft.state.rows.get((table, identity))
            if before is not None and before["customer_id"] != row["customer_id"]:
                gone = {**instance_json(before), "quantity": 0}
                _part(changed, before["customer_id"], "items")[row["id"]] = gone
        elif table == "entitlements":
            group = Group("entitlements", (row["customer_id"], row["key"]), row["customer_id"])
            sources = [source for _, source in draft.group(group)]
            told = entitlement_json(sources, now)
            if told["source"]["type"] == "subscription":
                # Only its plugin knows these, and nobody is asked in a commit: the state tells them.
                told = {name: value for name, value in told.items() if name not in TERMS}
            _part(changed, row["customer_id"], "entitlements")[row["key"]] = told
    for parts in changed.values():
        if "items" in parts:
            parts["items"] = list(parts["items"].values())
    return changed


def _item(draft: Draft, row: Row, now: int) -> dict[str, Any]:
    """Describe a line of the inventory without its instances, which are described by themselves."""
    numbered, group = 0, instances_group(row["customer_id"], row["sku"])
    if row["is_unique"]:
        if not draft.has_group(group):
            return {}  # only what was frozen before there were numbers is moved without knowing them
        numbered = len(owned_instances(draft, row["customer_id"], row["sku"]))
        if row["quantity"] == numbered and not _had_without_number(draft, row):
            return {}  # all of it is told unit by unit
    return {row["id"]: item_json(row, now, numbered=numbered)}


def _had_without_number(draft: Draft, row: Row) -> bool:
    """Tell whether there were units without a number, of before there were numbers: that they are gone is told."""
    before = draft.state.rows.get(("items", (row["customer_id"], row["sku"])))
    if before is None:
        return False
    same = (row["customer_id"], row["sku"])
    units = [unit for (table, _), unit in draft.state.rows.items() if table == "item_instances" and unit is not None]
    numbered = sum((unit["customer_id"], unit["sku"]) == same and unit["taken_at"] is None for unit in units)
    return bool(before["quantity"] > numbered)


def wallet_now(draft: Draft, account: str, customer_id: str, now: int) -> dict[str, Any]:
    """Describe a wallet as a draft has it."""
    lots = [lot for _, lot in draft.group(Group("lots", (account,), customer_id))]
    holds = [hold for _, hold in draft.group(Group("holds", (account,), customer_id))]
    freezes = [freeze for _, freeze in draft.group(Group("freezes", (customer_id,), customer_id))]
    return wallet_json(lots, holds, now, freezes, debt=draft.row(debt_key(customer_id, account.rsplit(":", 1)[1])))


def _part(changed: dict[str, dict[str, Any]], customer_id: str, name: str) -> dict[str, Any]:
    part: dict[str, Any] = changed.setdefault(customer_id, {}).setdefault(name, {})
    return part

"""The steps that give and take goods: items, with every movement kept, and entitlements."""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.commit.outcome import AlreadyOwned, LimitReached, Moment, NotEnoughItems
from storefront.core.commit.state import Draft
from storefront.core.commit.steps import GrantEntitlement, GrantItem, Group, Key, LotsOf, TakeItem


def apply_grant_item(draft: Draft, moment: Moment, results: Mapping[str, Any], step: GrantItem) -> None:
    key = Key("items", (step.customer_id, step.sku), step.customer_id)
    row = draft.row(key)
    owned = 0 if row is None else row["quantity"]
    if step.at_most is not None and owned + step.quantity > step.at_most:
        refusal = AlreadyOwned if step.at_most == 1 else LimitReached
        raise refusal(sku=step.sku, owned=owned, at_most=step.at_most)
    if row is None:
        row = {
            "customer_id": step.customer_id,
            "sku": step.sku,
            "id": moment.new_id("itm"),
            "quantity": 0,
            "frozen": 0,
            "granted_at": moment.now,
            "expires_at": None,
        }
    draft.put(key, {**row, "quantity": owned + step.quantity, "expires_at": step.expires_at})
    _move_item(draft, moment, step, quantity=step.quantity, bought_with=_lots(results, step.bought_with))


def apply_take_item(draft: Draft, moment: Moment, step: TakeItem) -> None:
    key = Key("items", (step.customer_id, step.sku), step.customer_id)
    row = draft.row(key)
    usable = 0 if row is None else row["quantity"] - row["frozen"]
    if row is None or usable < step.quantity:
        raise NotEnoughItems(sku=step.sku, required=step.quantity, available=usable)
    draft.put(key, {**row, "quantity": row["quantity"] - step.quantity})
    _move_item(draft, moment, step, quantity=-step.quantity, bought_with=None)


def _lots(results: Mapping[str, Any], reference: LotsOf | None) -> str | None:
    return None if reference is None else msgspec.json.encode(results.get(f"lots:{reference.label}", [])).decode()


def _move_item(
    draft: Draft, moment: Moment, step: GrantItem | TakeItem, *, quantity: int, bought_with: str | None
) -> None:
    draft.append(
        "item_movements",
        {
            "id": moment.new_id("mov"),
            "commit_no": moment.commit_no,
            "customer_id": step.customer_id,
            "sku": step.sku,
            "quantity": quantity,
            "cause": step.cause,
            "about": step.about,
            "bought_with": bought_with,
        },
    )


def apply_grant_entitlement(draft: Draft, moment: Moment, step: GrantEntitlement) -> None:
    group = Group("entitlements", (step.customer_id, step.key), step.customer_id)
    key = Key("entitlements", (step.customer_id, step.key, step.source_id), step.customer_id)
    row = {
        "customer_id": step.customer_id,
        "key": step.key,
        "source_id": step.source_id,
        "id": moment.new_id("entl"),
        "source_type": step.source_type,
        "sku": step.sku,
        "value": msgspec.json.encode(step.value).decode(),
        "granted_at": moment.now,
        "expires_at": step.expires_at,
        "ended_at": None,
        "frozen_by": None,
        "given_by": step.given_by,
    }
    known = dict(draft.group(group))
    if (key.table, key.id) in known:
        # What is frozen stays so, whatever else its source gives.
        draft.put(key, {**row, "frozen_by": known[key.table, key.id]["frozen_by"]})
    else:
        draft.put_member(group, key, row)

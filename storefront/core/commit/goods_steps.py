"""The steps that give and take goods: items, with every movement kept, and entitlements.

An item that lasts is counted in spans of time: its ``quantity`` is how many of them were given and not taken since, and
``expires_at`` when they are over. It reads as one thing until then.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from storefront.core.commit.event_steps import apply_emit
from storefront.core.commit.instance_steps import number_instances, take_instances
from storefront.core.commit.item_terms import EndOf, ExpireItem, ItemTerms
from storefront.core.commit.job_rows import ITEM_EXPIRE, job_row
from storefront.core.commit.outcome import AlreadyOwned, LimitReached, Moment, NotConsumable, NotEnoughItems, Stale
from storefront.core.commit.projection import is_past
from storefront.core.commit.reads import entitlements_group, item_key
from storefront.core.commit.state import Draft, Row
from storefront.core.commit.steps import Emit, GrantEntitlement, GrantItem, Group, Key, LotsOf, TakeItem


def apply_grant_item(draft: Draft, moment: Moment, results: Mapping[str, Any], step: GrantItem) -> None:
    key = item_key(step.customer_id, step.sku)
    row = draft.row(key)
    if row is not None and is_past(row, moment.now):
        row = expire_item(draft, moment, row)
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
            "is_unique": 0,
        }
    changes: dict[str, Any] = {"quantity": owned + step.quantity, "expires_at": step.expires_at}
    if step.terms.lasts:
        begins = max(moment.now, row["expires_at"] or 0) if owned else moment.now
        changes["expires_at"] = begins + step.terms.span * step.quantity
        _end_later(draft, moment, row, changes["expires_at"])
    if step.terms.is_unique:
        number_instances(draft, moment, step)
        changes["is_unique"] = 1
    draft.put(key, {**row, **changes})
    _move_item(draft, moment, step, quantity=step.quantity, bought_with=_lots(results, step.bought_with))


def apply_take_item(draft: Draft, moment: Moment, step: TakeItem, *, has_no_number: bool = False) -> int:
    """Take items and return how many are left; ``has_no_number``: frozen before units of the SKU had numbers."""
    key = item_key(step.customer_id, step.sku)
    row = draft.row(key)
    usable = 0 if row is None else row["quantity"] - row["frozen"]
    if row is not None and row["expires_at"] is not None and step.cause == "consumed":
        raise NotConsumable(sku=step.sku)
    if row is None or usable < step.quantity:
        raise NotEnoughItems(sku=step.sku, required=step.quantity, available=usable)
    if row["is_unique"] and not step.terms.is_unique and not has_no_number:
        raise Stale(f"units of {step.sku} have numbers")
    if step.instance is not None and not row["is_unique"]:
        raise NotEnoughItems(sku=step.sku, required=1, available=0, instance=step.instance)
    if step.terms.is_unique:
        take_instances(draft, moment, step, quantity_before=row["quantity"], frozen_before=row["frozen"])
    changed = {**row, "quantity": row["quantity"] - step.quantity}
    if step.terms.lasts and row["expires_at"] is not None and not is_past(row, moment.now):
        changed["expires_at"] = max(moment.now, row["expires_at"] - step.terms.span * step.quantity)
        _end_rights_with(draft, changed, step.terms)
        if changed["quantity"]:
            _end_later(draft, moment, row, changed["expires_at"])
    draft.put(key, changed)
    _move_item(draft, moment, step, quantity=-step.quantity, bought_with=None)
    left: int = changed["quantity"]
    return left


def apply_expire_item(draft: Draft, moment: Moment, step: ExpireItem) -> None:
    row = draft.row(item_key(step.customer_id, step.sku))
    if row is not None and is_past(row, moment.now):
        expire_item(draft, moment, row)


def expire_item(draft: Draft, moment: Moment, row: Row) -> Row:
    """Take away what is over of an item, and tell; what a reversal has frozen goes when it is let go."""
    over = row["quantity"] - row["frozen"]
    if not over:
        return row
    left = {**row, "quantity": row["frozen"]}
    customer_id, sku = row["customer_id"], row["sku"]
    draft.put(item_key(customer_id, sku), left)
    _move_item(
        draft, moment, TakeItem(customer_id, sku, over, row["id"], cause="expired"), quantity=-over, bought_with=None
    )
    payload = {"customer_id": customer_id, "sku": sku, "instance": row["id"], "expired_at": row["expires_at"]}
    apply_emit(draft, moment, Emit(customer_id, "item.expired", row["id"], payload))
    return left


def _end_later(draft: Draft, moment: Moment, row: Row, end: int) -> None:
    """Order the job that takes the item away; one that comes too early, because time was added since, does nothing."""
    customer_id, sku = row["customer_id"], row["sku"]
    job = job_row(
        ITEM_EXPIRE,
        anchor=customer_id,
        unique_key=f"{ITEM_EXPIRE}:{moment.new_id('end')}",
        due_at=end,
        now=moment.now,
        payload={"customer_id": customer_id, "sku": sku},
    )
    draft.put(Key("jobs", (job["id"],), customer_id), job)


def _end_rights_with(draft: Draft, item: Row, terms: ItemTerms) -> None:
    """Let the rights that came with an item end no later than it does."""
    customer_id = item["customer_id"]
    for right in terms.rights:
        for address, source in draft.group(entitlements_group(customer_id, right)):
            is_later = source["expires_at"] is not None and source["expires_at"] > item["expires_at"]
            if source["sku"] == item["sku"] and source["ended_at"] is None and is_later:
                draft.put(Key("entitlements", address[1], customer_id), {**source, "expires_at": item["expires_at"]})


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
        "expires_at": _end_of(draft, step),
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


def _end_of(draft: Draft, step: GrantEntitlement) -> int | None:
    if not isinstance(step.expires_at, EndOf):
        return step.expires_at
    item = draft.row(item_key(step.customer_id, step.expires_at.sku))
    assert item is not None, "the item is given before its rights"
    end: int | None = item["expires_at"]
    return end

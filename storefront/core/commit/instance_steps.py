"""Units of items that are things of their own: numbered when they are given, picked when they are taken or frozen."""

from storefront.core.commit.item_terms import ItemTerms
from storefront.core.commit.outcome import Moment, NotEnoughItems, Stale
from storefront.core.commit.reads import instance_key, instances_group, serial_counter
from storefront.core.commit.state import Draft, Row
from storefront.core.commit.steps import GrantItem, TakeItem


def number_instances(draft: Draft, moment: Moment, step: GrantItem) -> None:
    """Give each unit of a grant an id and the SKU's next number; those that come back keep theirs."""
    group = instances_group(step.customer_id, step.sku)
    for instance in step.instances:
        key = instance_key(step.customer_id, instance)
        row = draft.row(key)
        if row is None or row["taken_at"] is None or row["customer_id"] != step.customer_id:
            raise Stale(f"instance {instance} is not there to come back")
        draft.put_member(group, key, {**row, "taken_at": None, "taken_for": None})
    counter = serial_counter(step.sku)
    row = draft.row(counter)
    last = 0 if row is None else row["value"]
    new = step.quantity - len(step.instances)
    for number in range(last + 1, last + new + 1):
        instance = moment.new_id("itm")
        made = {
            "id": instance,
            "customer_id": step.customer_id,
            "sku": step.sku,
            "number": number,
            "about": step.about,
            "granted_at": moment.now,
            "frozen_by": None,
            "taken_at": None,
            "taken_for": None,
        }
        draft.put_member(group, instance_key(step.customer_id, instance), made)
    if new:
        draft.put(counter, {"key": counter.id[0], "anchor": counter.anchor, "value": last + new})


def take_instances(draft: Draft, moment: Moment, step: TakeItem, *, quantity_before: int, frozen_before: int) -> None:
    """Take the instances that a step takes; what has no number (it was owned before there were any) goes first."""
    owned = owned_instances(draft, step.customer_id, step.sku)
    free = [row for row in owned if row["frozen_by"] is None]
    if step.instance is not None:
        chosen = [row for row in free if row["id"] == step.instance]
        if not chosen or step.quantity != 1:
            raise NotEnoughItems(sku=step.sku, required=step.quantity, available=len(chosen), instance=step.instance)
    else:
        frozen_numbers = len(owned) - len(free)
        without_number = quantity_before - len(owned) - (frozen_before - frozen_numbers)
        chosen = in_turn(free, step.terms)[: max(0, step.quantity - without_number)]
    for row in chosen:
        gone = {**row, "taken_at": moment.now, "taken_for": step.about}
        draft.put(instance_key(step.customer_id, row["id"]), gone)


def freeze_instances(draft: Draft, customer_id: str, sku: str, terms: ItemTerms, *, quantity: int, by: str) -> None:
    """Mark the instances that a freeze has, those first that the purchase in question gave."""
    free = [row for row in owned_instances(draft, customer_id, sku) if row["frozen_by"] is None]
    for row in in_turn(free, terms)[:quantity]:
        draft.put(instance_key(customer_id, row["id"]), {**row, "frozen_by": by})


def thaw_instances(draft: Draft, customer_id: str, sku: str, *, by: str) -> list[str]:
    """Take a freeze's mark off its instances, and return them."""
    thawed = [row for row in owned_instances(draft, customer_id, sku) if row["frozen_by"] == by]
    for row in thawed:
        draft.put(instance_key(customer_id, row["id"]), {**row, "frozen_by": None})
    return [row["id"] for row in thawed]


def owned_instances(draft: Draft, customer_id: str, sku: str) -> list[Row]:
    """Return a customer's instances of a SKU that are still theirs, in the order of their numbers."""
    # One that was passed on in the same batch is still in the group in which it was loaded.
    group = (row for _, row in draft.group(instances_group(customer_id, sku)) if row["customer_id"] == customer_id)
    rows = [row for row in group if row["taken_at"] is None]
    return sorted(rows, key=lambda row: int(row["number"]))


def in_turn(rows: list[Row], terms: ItemTerms) -> list[Row]:
    """Return instances in the order in which they are taken: what ``terms.source`` gave first, then by number."""
    return sorted(rows, key=lambda row: (row["about"] != terms.source, row["number"]))

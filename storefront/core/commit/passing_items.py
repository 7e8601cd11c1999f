"""Passing items on: taken from one inventory, given to another; units with numbers are the very same there."""

from storefront.core.commit.goods_steps import apply_grant_item, apply_take_item
from storefront.core.commit.instance_steps import owned_instances
from storefront.core.commit.item_terms import NUMBERED
from storefront.core.commit.ledger_steps import Books
from storefront.core.commit.outcome import NotTransferable
from storefront.core.commit.passing import PassItem
from storefront.core.commit.reads import instance_key, instances_group, item_key
from storefront.core.commit.state import Draft, Row
from storefront.core.commit.steps import GrantItem, TakeItem


def apply_pass_item(draft: Draft, books: Books, step: PassItem) -> None:
    """Take the sender's units, give them to the receiver, and let those that have numbers change their owner."""
    row = draft.row(item_key(step.customer_id, step.sku))
    if row is not None and row["quantity"] and row["expires_at"] is not None:
        raise NotTransferable(f"{step.sku} runs out in time, with whom it was given to.", sku=step.sku)
    before = owned_instances(draft, step.customer_id, step.sku)
    take = TakeItem(
        step.customer_id,
        step.sku,
        step.quantity,
        step.about,
        cause="passed_on",
        terms=NUMBERED,
        instance=step.instance,
    )
    apply_take_item(draft, books.moment, take)
    kept = {one["id"] for one in owned_instances(draft, step.customer_id, step.sku)}
    give = GrantItem(step.recipient_id, step.sku, step.quantity, step.about, at_most=step.at_most, cause="received")
    apply_grant_item(draft, books.moment, books.results, give)
    passed = [one for one in before if one["id"] not in kept]
    for one in passed:
        _move(draft, step, one)
    if passed:
        key = item_key(step.recipient_id, step.sku)
        received = draft.row(key)
        assert received is not None, "it was given"
        draft.put(key, {**received, "is_unique": 1})
    books.results[f"passed:{step.sku}"] = [[one["id"], one["number"]] for one in passed]


def _move(draft: Draft, step: PassItem, instance: Row) -> None:
    """Let a unit be the receiver's; it comes to their group unless it was theirs before, in the same batch."""
    group, key = instances_group(step.recipient_id, step.sku), instance_key(step.recipient_id, instance["id"])
    moved = {**instance, "customer_id": step.recipient_id, "about": step.about}
    if any(address == (key.table, key.id) for address, _ in draft.group(group)):
        draft.put(key, moved)
    else:
        draft.put_member(group, key, moved)

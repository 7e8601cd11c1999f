"""Transfer reversals: what went to a connected account comes back, whole or in part."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import balance, balance_transactions, exchange
from storefront.sandbox.destination_payments import take_back
from storefront.sandbox.operations import Operation, equal, list_page, present
from storefront.sandbox.params import EXPAND, PAGE, Checked, Integer, Metadata, NotEmulated, Text
from storefront.sandbox.store import Body
from storefront.sandbox.transfers import shown, too_much
from storefront.sandbox.world import World, merged_metadata, new_id


def reverse(world: World, transfer: Body, params: Checked, *, refund_id: str | None = None) -> Body:
    """Bring ``amount`` (all that is left, without one) of a transfer back, if the account still has it.

    Raises:
        ApiError: more than is left of the transfer, or more than the account has.
    """
    left = transfer["amount"] - transfer["amount_reversed"]
    amount: int = params.get("amount", left)
    if amount > left or left == 0:
        raise too_much(transfer, amount, left)
    reversal_id = new_id("trr")
    with world.acting_for(transfer["destination"]):
        _check_covered(world, transfer, amount)
        back = take_back(world, transfer["destination_payment"], amount, reversal_id)
    movement = balance_transactions.book(
        world,
        amount=amount,
        currency=transfer["currency"],
        source=reversal_id,
        type="transfer_refund",
        description=params.get("description") or f"REFUND FOR TRANSFER ({transfer['id']})",
        available_after=balance_transactions.NOW,
    )
    reversal: Body = {
        "id": reversal_id,
        "object": "transfer_reversal",
        "amount": amount,
        "balance_transaction": movement["id"],
        "created": world.now,
        "currency": transfer["currency"],
        "destination_payment_refund": back["id"],
        "metadata": merged_metadata({}, params.get("metadata")),
        "source_refund": refund_id,
        "transfer": transfer["id"],
    }
    world.insert(reversal)
    transfer["amount_reversed"] += amount
    transfer["reversed"] = transfer["amount_reversed"] == transfer["amount"]
    world.save(transfer)
    world.emit("transfer.reversed", shown(world, transfer))
    return reversal


def _check_covered(world: World, transfer: Body, amount: int) -> None:
    """The account must have the money, available or on its way to it."""
    payment = world.get("charge", transfer["destination_payment"])
    currency = world.get("balance_transaction", payment["balance_transaction"])["currency"]
    needed = exchange.convert(world, amount, transfer["currency"]).amount
    if needed > sum(balance.sums(world).get(currency, (0, 0))):
        raise balance.insufficient(
            f"The connected account {transfer['destination']} has too little in its balance to reverse this transfer."
        )


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return reverse(world, world.get("transfer", ids[0]), params)


def _find(world: World, ids: Sequence[str]) -> Body:
    world.get("transfer", ids[0])
    return world.get("transfer_reversal", ids[1])


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return present(world, _find(world, ids))


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    reversal = _find(world, ids)
    if "metadata" in params:
        reversal["metadata"] = merged_metadata(reversal["metadata"], params["metadata"])
        world.save(reversal)
        transfer = world.get("transfer", ids[0])
        world.emit("transfer.updated", shown(world, transfer))
    return reversal


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    world.get("transfer", ids[0])
    url = f"/v1/transfers/{ids[0]}/reversals"
    return list_page(world, "transfer_reversal", params, url=url, conditions=[equal("transfer", ids[0])])


OPERATIONS = (
    Operation("POST", "transfers/{}/reversals", {
        "amount": Integer(1),
        "description": Text(1_000),
        "metadata": Metadata(),
        "refund_application_fee": NotEmulated(harmless=("false",)),
        **EXPAND,
    }, _create),
    Operation("GET", "transfers/{}/reversals", PAGE, _list),
    Operation("GET", "transfers/{}/reversals/{}", EXPAND, _retrieve),
    Operation("POST", "transfers/{}/reversals/{}", {"metadata": Metadata(), **EXPAND}, _update),
)  # fmt: skip

"""Transfers: money from the platform's balance to a connected account's."""

from __future__ import annotations

from collections.abc import Sequence

from storefront.sandbox import balance, balance_transactions
from storefront.sandbox.currencies import checked_currency
from storefront.sandbox.destination_payments import new_payment
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.operations import Operation, equal, filters, list_page, present
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Checked,
    Integer,
    Metadata,
    NotEmulated,
    Required,
    Text,
    When,
)
from storefront.sandbox.store import Body
from storefront.sandbox.world import World, merged_metadata, new_id


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    account = world.get("account", params["destination"], param="destination")
    if account["capabilities"].get("transfers") != "active":
        raise invalid(
            "Your destination account needs to have at least one of the following capabilities enabled: transfers, "
            "crypto_transfers, legacy_payments",
            code="insufficient_capabilities_for_transfer",
        )
    currency = checked_currency(params["currency"], "currency")
    charge, waits = None, balance_transactions.NOW
    if "source_transaction" in params:
        charge = world.get("charge", params["source_transaction"], param="source_transaction")
        waits = _check_charge(world, charge, params.get("amount"), currency)
    elif "amount" not in params:
        raise invalid("Missing required param: amount.", param="amount", code="parameter_missing")
    amount = params["amount"] if "amount" in params else _left_of(world, charge)
    if charge is None:
        balance.check_available(world, amount, currency)
    transfer = _new_transfer(world, account, charge, params, amount=amount, currency=currency, waits=waits)
    world.emit("transfer.created", transfer)
    return transfer


def _check_charge(world: World, charge: Body, amount: int | None, currency: str) -> int:
    """How many seconds the charge's money still waits; refuses what it does not cover."""
    if charge["balance_transaction"] is None:
        raise invalid(f"Charge {charge['id']} has brought no money to transfer.", param="source_transaction")
    movement = world.get("balance_transaction", charge["balance_transaction"])
    if movement["currency"] != currency:
        raise invalid(
            f"The currency of source_transaction's balance transaction ({movement['currency']}) must be the same as "
            f"the transfer currency ({currency})",
            param="currency",
        )
    if (amount or 0) > _left_of(world, charge):
        raise balance.insufficient(
            "Cannot use part of source_transaction that has been transferred already, or more than it brought: "
            f"{_left_of(world, charge)} is left of {charge['id']}."
        )
    return balance_transactions.waits_with(world, movement["id"])


def _left_of(world: World, charge: Body | None) -> int:
    """Minor units of a charge's money, in settlement currency and before fees, that no transfer has taken."""
    assert charge is not None, "an amount is left out only where a charge gives it"
    movement = world.get("balance_transaction", charge["balance_transaction"])
    transfers = world.records.select("transfer", [equal("source_transaction", charge["id"])])
    taken = sum(transfer["amount"] - transfer["amount_reversed"] for transfer in transfers)
    return int(movement["amount"] - taken)


def _new_transfer(
    world: World, account: Body, charge: Body | None, params: Checked, *, amount: int, currency: str, waits: int
) -> Body:
    transfer_id = new_id("tr")
    group = params.get("transfer_group")
    if group is None and charge is not None:
        group = charge["transfer_group"] or f"group_{charge['id'].partition('_')[2]}"
    movement = balance_transactions.book(
        world,
        amount=-amount,
        currency=currency,
        source=transfer_id,
        type="transfer",
        description=params.get("description"),
        available_after=waits,
    )
    transfer: Body = {
        "id": transfer_id,
        "object": "transfer",
        "amount": amount,
        "amount_reversed": 0,
        "balance_transaction": movement["id"],
        "created": world.now,
        "currency": currency,
        "description": params.get("description"),
        "destination": account["id"],
        "destination_payment": None,
        "livemode": False,
        "metadata": merged_metadata({}, params.get("metadata")),
        "reversals": {
            "object": "list", "data": [], "has_more": False, "url": f"/v1/transfers/{transfer_id}/reversals",
        },
        "reversed": False,
        "source_transaction": charge["id"] if charge else None,
        "source_type": "card",
        "transfer_group": group,
    }  # fmt: skip
    with world.acting_for(account["id"]):
        transfer["destination_payment"] = new_payment(world, transfer, waits=waits)["id"]
    if charge is not None and charge["transfer_group"] is None:
        world.save({**charge, "transfer_group": group})
    return world.insert(transfer)


def shown(world: World, transfer: Body) -> Body:
    """A transfer with the newest ten of its reversals."""
    conditions = [equal("transfer", transfer["id"])]
    page = list_page(world, "transfer_reversal", {}, url=transfer["reversals"]["url"], conditions=conditions)
    return {**present(world, transfer), "reversals": page}


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    transfer = world.get("transfer", ids[0])
    before = {member: transfer[member] for member in ("metadata", "description")}
    if "metadata" in params:
        transfer["metadata"] = merged_metadata(transfer["metadata"], params["metadata"])
    if "description" in params:
        transfer["description"] = params["description"]
    world.save(transfer)
    changed = {member: value for member, value in before.items() if transfer[member] != value}
    answer = shown(world, transfer)
    if changed:
        world.emit("transfer.updated", answer, changed)
    return answer


def _retrieve(world: World, params: Checked, ids: Sequence[str]) -> Body:
    return shown(world, world.get("transfer", ids[0]))


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "destination", "transfer_group")
    page = list_page(world, "transfer", params, url="/v1/transfers", conditions=conditions)
    return {**page, "data": [shown(world, transfer) for transfer in page["data"]]}


def too_much(transfer: Body, amount: int, left: int) -> ApiError:
    """The refusal of a reversal of more than is left."""
    return invalid(
        f"Reversal amount ({amount}) is greater than unreversed amount on transfer {transfer['id']} ({left})",
        param="amount",
    )


OPERATIONS = (
    Operation("POST", "transfers", {
        "amount": Integer(1),
        "currency": Required(Text(3)),
        "description": Text(1_000),
        "destination": Required(Text()),
        "metadata": Metadata(),
        "source_transaction": Text(),
        "source_type": NotEmulated(harmless=("card",)),
        "transfer_group": Text(),
        **EXPAND,
    }, _create),
    Operation("GET", "transfers", {"created": When(), "destination": Text(), "transfer_group": Text(), **PAGE}, _list),
    Operation("GET", "transfers/{}", EXPAND, _retrieve),
    Operation("POST", "transfers/{}", {
        "description": Text(1_000, clearable=True), "metadata": Metadata(), **EXPAND,
    }, _update),
)  # fmt: skip

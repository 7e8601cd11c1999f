"""Payouts: money on its way from an account's balance to its bank, by hand or each day by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from storefront.sandbox import balance, balance_transactions, due, external_accounts
from storefront.sandbox.currencies import checked_currency
from storefront.sandbox.errors import ApiError, invalid
from storefront.sandbox.operations import Operation, filters, list_page, retrieving
from storefront.sandbox.params import (
    EXPAND,
    PAGE,
    Checked,
    Choice,
    Integer,
    Metadata,
    NotEmulated,
    Required,
    Text,
    When,
)
from storefront.sandbox.store import PLATFORM, Body
from storefront.sandbox.world import World, merged_metadata, new_id

DAY = 24 * 3600
DAYS_TO_THE_BANK = 2
STEP = "payout_step"
PAID_OUT_WHOLE = frozenset({"huf", "isk", "twd", "ugx"})  # sent with two digits that must be 00
_AT_ONCE_SECONDS = 60
_INSTANT_SECONDS = 30 * 60


def new_payout(
    world: World, *, amount: int, currency: str, destination: Body, params: Checked, automatic: bool = False
) -> Body:
    """Take ``amount`` minor units from the acting account's balance and send them to its bank.

    A standard payout leaves at the next midnight (UTC) and arrives two days after it was made, an instant one
    after half an hour.
    """
    is_instant = params.get("method") == "instant"
    midnight = world.now // DAY * DAY
    payout: Body = {
        "id": new_id("po"),
        "object": "payout",
        "amount": amount,
        "application_fee": None,
        "application_fee_amount": None,
        "arrival_date": world.now + _INSTANT_SECONDS if is_instant else midnight + DAYS_TO_THE_BANK * DAY,
        "automatic": automatic,
        "balance_transaction": None,
        "created": world.now,
        "currency": currency,
        "description": params.get("description", "STRIPE PAYOUT"),
        "destination": destination["id"],
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": merged_metadata({}, params.get("metadata")),
        "method": params.get("method", "standard"),
        "original_payout": params.get("original_payout"),
        "payout_method": None,
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "reversed_by": None,
        "source_type": "card",
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
    }
    payout["balance_transaction"] = _move(world, payout, -amount, "payout")
    leaves = world.now + _AT_ONCE_SECONDS if is_instant else midnight + DAY
    world.insert(payout)
    due.schedule(world, leaves, STEP, payout["id"])
    world.emit("payout.created", payout)
    return payout


def _move(world: World, payout: Body, amount: int, type: str) -> str:
    movement = balance_transactions.book(
        world,
        amount=amount,
        currency=payout["currency"],
        source=payout["id"],
        type=type,
        description=payout["description"],
        reporting_category="payout_reversal" if payout["original_payout"] else None,
        available_after=balance_transactions.NOW,
    )
    return str(movement["id"])


def take_step(world: World, payout_id: str) -> None:
    """Move a payout on: out of the house, into the bank, or back from there."""
    payout = world.get("payout", payout_id)
    failure = external_accounts.failure_of(world, payout["destination"])
    if payout["status"] == "pending":
        _change(world, payout, {"status": "in_transit"})
        if payout["automatic"]:
            _change(world, payout, {"reconciliation_status": "completed"})
            world.emit("payout.reconciliation_completed", payout)
        due.schedule(world, payout["arrival_date"], STEP, payout_id)
    elif payout["status"] == "in_transit" and (failure is None or failure.is_late):
        trace = {"status": "supported", "value": payout_id.removeprefix("po_")[:16]}
        _change(world, payout, {"status": "paid", "trace_id": trace})
        world.emit("payout.paid", payout)
        if failure is not None:
            due.schedule(world, payout["arrival_date"] + DAY, STEP, payout_id)
    else:
        assert failure is not None, "only a payout to a failing account has a step after it is paid"
        fail(world, payout, failure.code, failure.message)


def _change(world: World, payout: Body, changes: Mapping[str, object]) -> None:
    previous = {member: payout[member] for member in changes}
    payout.update(changes)
    world.save(payout)
    world.emit("payout.updated", payout, previous)


def fail(world: World, payout: Body, code: str, message: str) -> Body:
    """The bank sends the money back, even after the payout was called paid: it is in the balance again.

    Raises:
        ApiError: the payout has failed or was canceled before.
    """
    if payout["status"] not in ("pending", "in_transit", "paid"):
        raise invalid(f"Payout {payout['id']} is {payout['status']} and cannot fail.", param="payout")
    changes = {
        "failure_balance_transaction": _move(world, payout, payout["amount"], "payout_failure"),
        "failure_code": code,
        "failure_message": message,
        "status": "failed",
        "trace_id": {"status": "unsupported", "value": None},
    }
    due.unschedule(world, STEP, payout["id"])
    _change(world, payout, changes)
    world.emit("payout.failed", payout)
    return payout


def make_automatic(world: World) -> None:
    """Pay out what is available in each currency, and note which movements that was.

    Movements since the last automatic payout belong to it, payouts by hand among them. Where a currency is paid
    out in whole units only, the rest stays in the balance for the next one.
    """
    for currency, (available, _) in balance.sums(world).items():
        amount = available - available % 100 if currency in PAID_OUT_WHOLE else available
        destination = external_accounts.default_for(world, currency)
        if amount <= 0 or destination is None:
            continue
        payout = new_payout(world, amount=amount, currency=currency, destination=destination, params={}, automatic=True)
        world.records.connection.execute(
            "UPDATE objects SET hidden = json_set(hidden, '$.payout', :payout)"
            " WHERE kind = 'balance_transaction' AND owner = :owner AND json_extract(body, '$.currency') = :currency"
            " AND json_extract(body, '$.available_on') <= :now AND json_extract(hidden, '$.payout') IS NULL",
            {"payout": payout["id"], "owner": world.records.owner or PLATFORM, "currency": currency, "now": world.now},
        )


def _create(world: World, params: Checked, ids: Sequence[str]) -> Body:
    currency = checked_currency(params["currency"], "currency")
    amount: int = params["amount"]
    if currency in PAID_OUT_WHOLE and amount % 100:
        raise invalid(f"Invalid amount: payouts in {currency} must be divisible by 100.", param="amount")
    destination = _destination(world, params, currency)
    balance.check_available(world, amount, currency)
    return new_payout(world, amount=amount, currency=currency, destination=destination, params=params)


def _destination(world: World, params: Checked, currency: str) -> Body:
    if "destination" in params:
        destination = world.get("bank_account", params["destination"], param="destination")
        if destination["currency"] != currency:
            message = f"The bank account {destination['id']} takes {destination['currency']}, not {currency}."
            raise invalid(message, param="destination")
        return destination
    found = external_accounts.default_for(world, currency)
    if found is None:
        message = f"Sorry, you don't have any external accounts in that currency ({currency})."
        raise invalid(message, param="currency")
    return found


def _update(world: World, params: Checked, ids: Sequence[str]) -> Body:
    payout = world.get("payout", ids[0])
    if "metadata" in params:
        before = payout["metadata"]
        payout["metadata"] = merged_metadata(before, params["metadata"])
        world.save(payout)
        world.emit("payout.updated", payout, {"metadata": before})
    return payout


def _cancel(world: World, params: Checked, ids: Sequence[str]) -> Body:
    payout = world.get("payout", ids[0])
    if payout["status"] != "pending" or payout["automatic"]:
        raise _not_possible(payout, "canceled", "Only payouts made by hand that are still pending can be.")
    movement = _move(world, payout, payout["amount"], "payout_cancel")
    payout.update(status="canceled", failure_balance_transaction=movement)
    world.save(payout)
    due.unschedule(world, STEP, payout["id"])
    world.emit("payout.canceled", payout)
    return payout


def _reverse(world: World, params: Checked, ids: Sequence[str]) -> Body:
    payout = world.get("payout", ids[0])
    if payout["status"] != "paid" or payout["reversed_by"] or payout["original_payout"]:
        raise _not_possible(payout, "reversed", "Only a paid payout can be, and once.")
    destination = world.get("bank_account", payout["destination"])
    given = {"metadata": params.get("metadata"), "original_payout": payout["id"]}
    back = new_payout(
        world, amount=-payout["amount"], currency=payout["currency"], destination=destination, params=given
    )
    _change(world, payout, {"reversed_by": back["id"]})
    return back


def _not_possible(payout: Body, participle: str, why: str) -> ApiError:
    return invalid(f"Payout {payout['id']} is {payout['status']} and cannot be {participle}. {why}")


def _list(world: World, params: Checked, ids: Sequence[str]) -> Body:
    conditions = filters(params, "destination", "status")
    return list_page(world, "payout", params, url="/v1/payouts", conditions=conditions)


OPERATIONS = (
    Operation("POST", "payouts", {
        "amount": Required(Integer(1)),
        "currency": Required(Text(3)),
        "description": Text(1_000),
        "destination": Text(),
        "metadata": Metadata(),
        "method": Choice(("instant", "standard")),
        "payout_method": NotEmulated(),
        "source_type": NotEmulated(harmless=("card",)),
        "statement_descriptor": Text(22),
        **EXPAND,
    }, _create),
    Operation("GET", "payouts", {
        "arrival_date": When(),
        "created": When(),
        "destination": Text(),
        "status": Choice(("canceled", "failed", "in_transit", "paid", "pending")),
        **PAGE,
    }, _list),
    Operation("GET", "payouts/{}", EXPAND, retrieving("payout")),
    Operation("POST", "payouts/{}", {"metadata": Metadata(), **EXPAND}, _update),
    Operation("POST", "payouts/{}/cancel", EXPAND, _cancel),
    Operation("POST", "payouts/{}/reverse", {"metadata": Metadata(), **EXPAND}, _reverse),
)  # fmt: skip

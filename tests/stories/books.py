"""The judge of chaos: the emulator's books against ours, payment by payment and currency by currency, to the cent."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from storefront.core.gateways.stripe.amounts import from_stripe, signed_from_stripe
from tests.crashes.processes import World

EXPLAINED_PENDING = frozenset({"open", "warning"})
"""A dispute that its bank has not decided stays so, however long one waits."""


async def judge(world: World) -> str:
    """Compare everything; return what was compared, in words."""
    there = await world.books()
    _nobody_was_charged_twice(there)
    _nothing_is_pending(world)
    known = _payments_agree(world, there)
    balances = _balances_agree(world, there)
    report = _is_all_explained(world)
    moved = Counter(row[0] for row in world.query("SELECT kind FROM gateway_movements"))
    return (
        f"{known} payments and {sum(moved.values())} movements agree ({dict(moved)}); {balances}; "
        f"{report['explained_percent']} % of {report['movements']} explained in the last reconciliation"
    )


def _nobody_was_charged_twice(there: Mapping[str, Any]) -> None:
    charged = Counter(
        payment["metadata"].get("purchase_id") for payment in there["payments"] for _ in range(payment["times_charged"])
    )
    assert None not in charged, "money was taken for nobody"
    assert {purchase: times for purchase, times in charged.items() if times > 1} == {}, "charged twice"


UNFINISHED = (
    "SELECT id FROM purchases WHERE status = 'pending'",
    "SELECT id, status, reason FROM purchases WHERE status = 'paid'",
    "SELECT type, state, note, received_at FROM inbox WHERE state IN ('received', 'quarantined')",
    "SELECT kind, last_error FROM jobs WHERE state = 'dead'",
    "SELECT id FROM reversals WHERE state = 'pending'",
)


def _nothing_is_pending(world: World) -> None:
    left = {sql: rows for sql in UNFINISHED if (rows := world.query(sql))}
    assert left == {}, left


def _payments_agree(world: World, there: Mapping[str, Any]) -> int:
    """What was received, given back and taken back for each payment is the same on both sides; nothing is granted
    that was not paid."""
    rows = world.query("SELECT purchase_id, gateway_payment, received_amount, received_currency FROM payments "
                       "WHERE state = 'received'")  # fmt: skip
    ours = {payment: (purchase, amount, currency) for purchase, payment, amount, currency in rows}
    theirs = {one["payment_intent"]: one for one in there["payments"] if one["times_charged"]}
    assert ours.keys() == theirs.keys()
    for payment, (purchase, amount, currency) in ours.items():
        one = theirs[payment]
        took = {"refunded": 0, "disputed": 0}
        for cause, reversed_minor, state, facts in world.query(
            "SELECT cause, amount, state, facts FROM reversals WHERE purchase_id = ?", purchase
        ):
            if cause != "dispute":
                took["refunded"] += reversed_minor if state == "completed" else 0
            elif "withdrawn" in msgspec.json.decode(facts).get("legs", ()):
                took["disputed"] += reversed_minor
        assert (currency, amount, took["refunded"]) == (
            one["currency"].upper(),
            _minor(one, "captured"),
            _minor(one, "refunded"),
        ), (payment, one)
        if one["currency"] in there["balance"]:
            assert took["disputed"] == _minor(one, "disputed"), (payment, one)
        else:  # what a bank holds is told as it was settled, and this was converted
            assert bool(took["disputed"]) == bool(one["disputed"]), (payment, one)
    given = world.query("SELECT purchase_id FROM payments JOIN purchases ON purchases.id = purchase_id "
                        "WHERE status = 'completed' AND payments.state <> 'received'")  # fmt: skip
    assert given == [], "granted and not paid"
    return len(ours)


def _minor(payment: Mapping[str, Any], name: str) -> int:
    return from_stripe(payment[name], payment["currency"].upper()).amount_minor


def _balances_agree(world: World, there: Mapping[str, Any]) -> str:
    """The gateway's balance is ours, nothing is on its way any more, and nothing is unexplained."""
    held = {
        currency.upper(): signed_from_stripe(one["available"] + one["pending"], currency.upper())
        for currency, one in there["balance"].items()
    }
    accounts = _accounts(world)
    booked = {currency: -accounts[f"gateway:sandbox:balance:{currency}"] for currency in held}
    assert booked == held
    for account, amount in accounts.items():
        if account.startswith(("gateway:sandbox:clearing:", "gateway:sandbox:unexplained:")):
            assert amount == 0, (account, amount)
        elif account.startswith("gateway:sandbox:balance:"):
            assert account.rpartition(":")[2] in held, account
    return f"balances {held}, clearing 0"


def _accounts(world: World) -> Counter[str]:
    found: Counter[str] = Counter()
    rows: Iterable[tuple[Any, ...]] = world.query("SELECT source, destination, amount FROM transfers")
    for source, destination, amount in rows:
        found[source] -= amount
        found[destination] += amount
    return found


def _is_all_explained(world: World) -> Any:
    ((told,),) = world.query("SELECT report FROM gateway_books")
    report = msgspec.json.decode(told)
    assert report["differences"] == []
    assert report["explained_percent"] == 100.0
    return report
